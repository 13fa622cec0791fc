#include "app/metrics.h"

#include <assert.h>

#include "api/contract.h"

/* -- Tables ---------------------------------------------------------------- */

struct counter_row {
	const char *family;
	const char *label; /* "": none */
	const char *value;
	const char *help; /* of the family: on its first row */
};

static const struct counter_row counter_rows[METRIC_COUNT] = {
#define COUNTER(id, its_family, its_label, its_value, its_help) \
	[METRIC_##id] = {its_family, its_label, its_value, its_help},
#include "app/metrics.def"
#undef COUNTER
};

enum { MS = 1000, SECOND = 1000 * MS }; /* in microseconds */

/* Upper bounds of buckets, included: of microseconds, and of commands. */
static const int64_t bounds_us[METRICS_BUCKETS] = {25, 50, MS / 10, MS / 4,
    MS / 2, MS, 5 * MS / 2, 5 * MS, 10 * MS, 25 * MS, 50 * MS, SECOND / 10,
    SECOND / 4, SECOND / 2, SECOND, 5 * SECOND / 2, 5 * SECOND, 10 * SECOND};
static const int64_t bounds_commands[METRICS_BUCKETS] = {
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024, 2048, 4096};

struct distribution_row {
	const char *family;
	const char *help;
	const int64_t *bounds;
};

static const struct distribution_row request_row = {
    "intentd_request_duration_seconds",
    "From a request that has come whole to its answer.", bounds_us};

static const struct distribution_row distribution_rows[DISTRIBUTION_COUNT] = {
    [DISTRIBUTION_FLUSH] = {"intentd_commit_duration_seconds",
	"The store's commit of a batch: writing and flushing its pages.",
	bounds_us},
    [DISTRIBUTION_BATCH] = {"intentd_batch_duration_seconds",
	"A batch from its beginning to its end, the commit included.",
	bounds_us},
    [DISTRIBUTION_COMMANDS] = {"intentd_batch_commands",
	"Commands of a batch that was run to its end.", bounds_commands},
    [DISTRIBUTION_WEBHOOK] = {"intentd_webhook_attempt_duration_seconds",
	"An attempt to deliver an event to a webhook endpoint.", bounds_us},
};

_Static_assert(METRIC_RATE_ADDRESS - METRIC_RATE_CARD_MERCHANT ==
		   RATE_LIMIT_ADDRESS - RATE_LIMIT_CARD_MERCHANT,
    "a counter for each limit, in their order");
_Static_assert(METRIC_IDEMPOTENCY_UNKNOWN - METRIC_IDEMPOTENCY_UNUSED ==
		   IDEMPOTENCY_UNKNOWN - IDEMPOTENCY_UNUSED,
    "a counter for each outcome, in their order");

/* -- Counting -------------------------------------------------------------- */

size_t
metrics_bytes(unsigned places)
{
	return sizeof(struct shared_metrics) +
	       places * sizeof(struct process_metrics);
}

void
metrics_init(
    struct metrics *metrics, struct shared_metrics *shared, unsigned places)
{
	assert(route_numbers() <= METRICS_ROUTES_MAX);
	*metrics = (struct metrics){.shared = shared, .places = places};
}

/* Nobody else writes it: no locked instruction is needed. */
static void
add(_Atomic uint64_t *counter, uint64_t count)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + count,
	    memory_order_relaxed);
}

static void
observe(struct histogram *histogram, const int64_t *bounds, int64_t value)
{
	unsigned i = 0;

	assert(value >= 0);
	while (i < METRICS_BUCKETS && value > bounds[i])
		i++;
	add(&histogram->buckets[i], 1);
	add(&histogram->sum, (uint64_t)value);
}

void
metrics_count(struct process_metrics *metrics, enum metric metric)
{
	assert(metric < METRIC_COUNT);
	add(&metrics->counters[metric], 1);
}

void
metrics_observe(struct process_metrics *metrics, enum distribution distribution,
    int64_t value)
{
	assert(distribution < DISTRIBUTION_COUNT);
	observe(&metrics->distributions[distribution],
	    distribution_rows[distribution].bounds, value);
}

/* Where a result is counted: 201 behind the last refusal. */
static unsigned
result_of(const struct response *response)
{
	return response->error == ERROR_NONE && response->status == 201
		   ? ERROR_COUNT
		   : response->error;
}

void
metrics_request(struct process_metrics *metrics,
    const struct response *response, struct span duration)
{
	const unsigned route = response->route_number;

	assert(route < METRICS_ROUTES_MAX);
	add(&metrics->requests[route][result_of(response)], 1);
	observe(&metrics->durations[route], bounds_us, duration.us);
	if (response->limit != RATE_LIMIT_NONE)
		metrics_count(metrics, METRIC_RATE_CARD_MERCHANT +
					   response->limit -
					   RATE_LIMIT_CARD_MERCHANT);
	if (response->idempotency != IDEMPOTENCY_NONE)
		metrics_count(metrics, METRIC_IDEMPOTENCY_UNUSED +
					   response->idempotency -
					   IDEMPOTENCY_UNUSED);
}

/* -- Showing --------------------------------------------------------------- */

struct metrics_route
metrics_route(unsigned number)
{
	const struct route *route;
	const struct contract *contract = route_numbered(number, &route);

	return (struct metrics_route){
	    .contract = contract->name,
	    .method = route == NULL ? TEXT("") : route->method,
	    .pattern = route == NULL ? TEXT("") : route->pattern,
	};
}

/* What lies at the same offset in the block of every place, summed. */
static uint64_t
sum(const struct metrics *metrics, const _Atomic uint64_t *of_first)
{
	const size_t offset =
	    (size_t)((const char *)of_first -
		     (const char *)metrics->shared->processes);
	uint64_t total = 0;

	for (unsigned i = 0; i < metrics->places; i++) {
		const void *counter =
		    (const char *)&metrics->shared->processes[i] + offset;

		total += atomic_load_explicit(
		    (const _Atomic uint64_t *)counter, memory_order_relaxed);
	}
	return total;
}

static void
put_family(
    struct buffer *to, const char *family, const char *type, const char *help)
{
	buffer_print(
	    to, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* `{name="value"` or `,name="value"`; the closing brace is the caller's. */
static void
put_label(struct buffer *to, char before, const char *name, struct text value)
{
	buffer_print(to, "%c%s=\"", before, name);
	for (size_t i = 0; i < value.length; i++) {
		const char byte = value.bytes[i];

		if (byte == '"' || byte == '\\')
			buffer_put_byte(to, '\\');
		if (byte == '\n')
			buffer_put_text(to, TEXT("\\n"));
		else
			buffer_put_byte(to, (uint8_t)byte);
	}
	buffer_put_byte(to, '"');
}

static void
put_route(struct buffer *to, unsigned number)
{
	const struct metrics_route route = metrics_route(number);

	put_label(to, '{', "contract", route.contract);
	put_label(to, ',', "route", route.pattern);
	put_label(to, ',', "method", route.method);
}

static void
put_value(struct buffer *to, uint64_t value)
{
	buffer_print(to, " %llu\n", (unsigned long long)value);
}

/* Microseconds as seconds, exact and without zeros at the end. */
static void
put_seconds(struct buffer *to, uint64_t us)
{
	char digits[sizeof("18446744073709.551615")];
	struct buffer text;

	buffer_init(&text, digits, sizeof(digits));
	buffer_print(&text, "%llu.%06llu", (unsigned long long)(us / 1000000),
	    (unsigned long long)(us % 1000000));
	while (digits[text.length - 1] == '0')
		text.length--;
	if (digits[text.length - 1] == '.')
		text.length--;
	buffer_put_text(to, buffer_text(&text));
}

static void
put_in_unit(
    struct buffer *to, const struct distribution_row *row, uint64_t value)
{
	if (row->bounds == bounds_us)
		put_seconds(to, value);
	else
		buffer_print(to, "%llu", (unsigned long long)value);
}

/*
 * The series of one histogram; `route` is that of its requests, or -1.  Its
 * count is what its buckets have, as they were read.
 */
static void
put_histogram(struct buffer *to, const struct metrics *metrics,
    const struct distribution_row *row, const struct histogram *of_first,
    int route)
{
	uint64_t count = 0;

	for (unsigned i = 0; i <= METRICS_BUCKETS; i++) {
		count += sum(metrics, &of_first->buckets[i]);
		buffer_print(to, "%s_bucket", row->family);
		if (route >= 0)
			put_route(to, (unsigned)route);
		buffer_print(to, "%cle=\"", route >= 0 ? ',' : '{');
		if (i < METRICS_BUCKETS)
			put_in_unit(to, row, (uint64_t)row->bounds[i]);
		else
			buffer_put_text(to, TEXT("+Inf"));
		buffer_put_text(to, TEXT("\"}"));
		put_value(to, count);
	}
	buffer_print(to, "%s_sum", row->family);
	if (route >= 0)
		put_route(to, (unsigned)route);
	buffer_put_text(to, route >= 0 ? TEXT("} ") : TEXT(" "));
	put_in_unit(to, row, sum(metrics, &of_first->sum));
	buffer_print(to, "\n%s_count", row->family);
	if (route >= 0)
		put_route(to, (unsigned)route);
	buffer_put_text(to, route >= 0 ? TEXT("}") : TEXT(""));
	put_value(to, count);
}

/* What a client sees of a result. */
struct result_words {
	int status;
	struct text code; /* empty: a success */
};

static struct result_words
words_of(enum contract_id contract, unsigned result)
{
	const struct error_words *words;

	if (result == ERROR_NONE)
		return (struct result_words){200, TEXT("")};
	if (result == ERROR_COUNT)
		return (struct result_words){201, TEXT("")};
	words = error_words((enum error_id)result, contract);
	return (struct result_words){words->status, words->code};
}

/*
 * One series: of a route, and of all results that are one to clients.  It is
 * written for the first of them.
 */
static void
put_requests(struct buffer *to, const struct metrics *metrics, unsigned route,
    unsigned result)
{
	const struct route *found;
	const struct contract *contract = route_numbered(route, &found);
	const struct result_words words = words_of(contract->id, result);
	uint64_t count = 0;

	for (unsigned i = 0; i < METRICS_RESULTS; i++) {
		struct result_words other = words_of(contract->id, i);

		if (other.status != words.status ||
		    !text_equal(other.code, words.code))
			continue;
		if (i < result)
			return;
		count += sum(
		    metrics, &metrics->shared->processes[0].requests[route][i]);
	}
	if (count == 0)
		return;
	buffer_put_text(to, TEXT("intentd_requests_total"));
	put_route(to, route);
	buffer_print(to, ",status=\"%d\"", words.status);
	put_label(to, ',', "code", words.code);
	buffer_put_byte(to, '}');
	put_value(to, count);
}

/* Whether any request on the route was answered. */
static bool
was_served(const struct metrics *metrics, unsigned route)
{
	const struct process_metrics *first = &metrics->shared->processes[0];

	for (unsigned i = 0; i <= METRICS_BUCKETS; i++)
		if (sum(metrics, &first->durations[route].buckets[i]) > 0)
			return true;
	return false;
}

static void
put_all_requests(struct buffer *to, const struct metrics *metrics)
{
	const struct process_metrics *first = &metrics->shared->processes[0];

	put_family(to, "intentd_requests_total", "counter",
	    "Requests answered, by what became of them.");
	for (unsigned route = 0; route < route_numbers(); route++)
		for (unsigned i = 0; i < METRICS_RESULTS; i++)
			put_requests(to, metrics, route, i);
	put_family(to, request_row.family, "histogram", request_row.help);
	for (unsigned route = 0; route < route_numbers(); route++)
		if (was_served(metrics, route))
			put_histogram(to, metrics, &request_row,
			    &first->durations[route], (int)route);
}

static void
put_counters(struct buffer *to, const struct metrics *metrics)
{
	const struct counter_row *row;

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		row = &counter_rows[i];
		if (row->help[0] != '\0')
			put_family(to, row->family, "counter", row->help);
		buffer_print(to, "%s", row->family);
		if (row->label[0] != '\0') {
			put_label(to, '{', row->label, text_of(row->value));
			buffer_put_byte(to, '}');
		}
		put_value(to,
		    sum(metrics, &metrics->shared->processes[0].counters[i]));
	}
}

uint64_t
metrics_counted(const struct metrics *metrics, enum metric metric)
{
	assert(metric < METRIC_COUNT);
	return sum(metrics, &metrics->shared->processes[0].counters[metric]);
}

uint64_t
metrics_sum(const struct metrics *metrics, enum distribution distribution)
{
	assert(distribution < DISTRIBUTION_COUNT);
	return sum(metrics,
	    &metrics->shared->processes[0].distributions[distribution].sum);
}

void
metrics_render(const struct metrics *metrics, struct buffer *to)
{
	const struct distribution_row *row;

	put_all_requests(to, metrics);
	put_counters(to, metrics);
	for (unsigned i = 0; i < DISTRIBUTION_COUNT; i++) {
		row = &distribution_rows[i];
		put_family(to, row->family, "histogram", row->help);
		put_histogram(to, metrics, row,
		    &metrics->shared->processes[0].distributions[i], -1);
	}
	put_family(to, "intentd_log_lines_lost_total", "counter",
	    "Lines of the log that could not be written.");
	buffer_print(to, "intentd_log_lines_lost_total");
	put_value(to, atomic_load_explicit(&metrics->shared->log_lines_lost,
			  memory_order_relaxed));
}
