#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "api/contract.h"
#include "app/metrics.h"

enum { PLACES = 3 };

static struct metrics all;
static struct metrics *const metrics = &all;
static char text[METRICS_TEXT_BYTES_MAX + 1];

static int
make(void **state)
{
	const size_t size = metrics_bytes(PLACES);

	(void)state;
	struct shared_metrics *shared =
	    aligned_alloc(64, (size + 63) / 64 * 64);

	assert_non_null(shared);
	memset(shared, 0, size);
	metrics_init(metrics, shared, PLACES);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	free(metrics->shared);
	return 0;
}

static const char *
render(void)
{
	struct buffer buffer;

	buffer_init(&buffer, text, sizeof(text) - 1);
	metrics_render(metrics, &buffer);
	assert_false(buffer.overflow);
	text[buffer.length] = '\0';
	return text;
}

/* The line is there, whole. */
static void
must_have(const char *line)
{
	const char *at = strstr(render(), line);

	while (at != NULL && at != text && at[-1] != '\n')
		at = strstr(at + 1, line);
	if (at == NULL)
		fail_msg("%s\nis not in\n%s", line, text);
	assert_int_equal(at[strlen(line)], '\n');
}

static unsigned
number_of(const struct contract *contract, const char *method, const char *path)
{
	const struct route *route = NULL;
	char bytes[64];
	struct buffer allow;
	struct text id;

	buffer_init(&allow, bytes, sizeof(bytes));
	(void)!route_find(
	    contract, text_of(method), text_of(path), &route, &id, &allow);
	return route_number(contract, route);
}

static void
request(unsigned place, const struct response *response, int64_t us)
{
	metrics_request(
	    &metrics->shared->processes[place], response, (struct span){us});
}

static void
each_route_has_a_number(void **state)
{
	const struct route *route;
	unsigned i;

	(void)state;
	assert_in_range(route_numbers(), 3, METRICS_ROUTES_MAX);
	for (i = 0; i < route_numbers(); i++) {
		const struct contract *contract = route_numbered(i, &route);

		assert_int_equal(route_number(contract, route), i);
	}
	i = number_of(&contract_stable, "GET", "/v1/qr/pi_1.png");
	assert_true(
	    text_equal(metrics_route(i).pattern, TEXT("/v1/qr/{id}.png")));
	assert_true(text_equal(metrics_route(i).method, TEXT("GET")));
	assert_true(text_equal(metrics_route(i).contract, TEXT("stable")));
	i = number_of(&contract_card, "GET", "/nothing");
	assert_true(text_equal(metrics_route(i).pattern, TEXT("")));
	assert_true(text_equal(metrics_route(i).contract, TEXT("card")));
}

static void
requests_are_told_apart_and_summed_over_places(void **state)
{
	struct response response = {
	    .status = 200,
	    .route_number =
		number_of(&contract_card, "POST", "/v1/payment_intents"),
	};

	(void)state;
	request(0, &response, 70);
	request(2, &response, 100);
	response.error = ERROR_CARD_DECLINED;
	request(1, &response, 1300000);
	response.error = ERROR_NONE;
	response.status = 201;
	response.route_number =
	    number_of(&contract_stable, "POST", "/v1/payment-intents");
	request(1, &response, 20000000);
	must_have("intentd_requests_total{contract=\"card\","
		  "route=\"/v1/payment_intents\",method=\"POST\","
		  "status=\"200\",code=\"\"} 2");
	must_have("intentd_requests_total{contract=\"card\","
		  "route=\"/v1/payment_intents\",method=\"POST\","
		  "status=\"402\",code=\"card_declined\"} 1");
	must_have("intentd_requests_total{contract=\"stable\","
		  "route=\"/v1/payment-intents\",method=\"POST\","
		  "status=\"201\",code=\"\"} 1");
	assert_null(strstr(text, "route=\"/v1/refunds\""));

#define CARD_DURATIONS(what, more)                                     \
	"intentd_request_duration_seconds_" what "{contract=\"card\"," \
	"route=\"/v1/payment_intents\",method=\"POST\"" more "} "
	must_have(CARD_DURATIONS("bucket", ",le=\"0.00005\"") "0");
	must_have(CARD_DURATIONS("bucket", ",le=\"0.0001\"") "2");
	must_have(CARD_DURATIONS("bucket", ",le=\"1\"") "2");
	must_have(CARD_DURATIONS("bucket", ",le=\"2.5\"") "3");
	must_have(CARD_DURATIONS("bucket", ",le=\"+Inf\"") "3");
	must_have(CARD_DURATIONS("sum", "") "1.30017");
	must_have(CARD_DURATIONS("count", "") "3");
}

/* Prometheus takes no series twice. */
static void
what_clients_cannot_tell_apart_is_one_series(void **state)
{
	struct response response = {.status = 401};

	(void)state;
	response.error = ERROR_API_KEY_INVALID;
	request(0, &response, 1);
	response.error = ERROR_API_KEY_REVOKED;
	request(0, &response, 1);
	must_have("intentd_requests_total{contract=\"card\",route=\"\","
		  "method=\"\",status=\"401\",code=\"authentication_failed\"} "
		  "2");
	response.route_number = number_of(&contract_stable, "GET", "/nothing");
	request(0, &response, 1);
	must_have("intentd_requests_total{contract=\"stable\",route=\"\","
		  "method=\"\",status=\"401\",code=\"revoked_api_key\"} 1");
}

static void
limits_and_keys_have_their_own(void **state)
{
	struct response response = {.status = 429,
	    .error = ERROR_RATE_LIMIT_EXCEEDED,
	    .limit = RATE_LIMIT_STABLE_LIVE};

	(void)state;
	request(0, &response, 1);
	response.limit = RATE_LIMIT_NONE;
	response.idempotency = IDEMPOTENCY_REPLAYED;
	request(0, &response, 1);
	request(1, &response, 1);
	must_have("intentd_rate_limited_total{limit=\"stable_live\"} 1");
	must_have("intentd_rate_limited_total{limit=\"address\"} 0");
	must_have("intentd_idempotency_total{outcome=\"replayed\"} 2");
	must_have("intentd_idempotency_total{outcome=\"new\"} 0");
}

static void
batches_have_sizes_and_times(void **state)
{
	struct process_metrics *process = &metrics->shared->processes[0];

	(void)state;
	metrics_count(process, METRIC_BATCHES_COMMITTED);
	metrics_observe(process, DISTRIBUTION_COMMANDS, 5);
	metrics_observe(process, DISTRIBUTION_FLUSH, 250);
	metrics_observe(process, DISTRIBUTION_BATCH, 251);
	metrics->shared->log_lines_lost = 9;
	must_have("intentd_batches_total{result=\"committed\"} 1");
	must_have("intentd_batch_commands_bucket{le=\"4\"} 0");
	must_have("intentd_batch_commands_bucket{le=\"6\"} 1");
	must_have("intentd_batch_commands_sum 5");
	must_have("intentd_commit_duration_seconds_bucket{le=\"0.00025\"} 1");
	must_have("intentd_batch_duration_seconds_bucket{le=\"0.00025\"} 0");
	must_have("intentd_batch_duration_seconds_bucket{le=\"0.0005\"} 1");
	must_have("intentd_log_lines_lost_total 9");
}

/* Every series at its greatest. */
static void
fill(void)
{
	_Atomic uint64_t *counters =
	    (_Atomic uint64_t *)metrics->shared->processes;

	for (size_t i = 0;
	     i < sizeof(metrics->shared->processes[0]) / sizeof(*counters); i++)
		counters[i] = UINT64_MAX / 64;
	metrics->shared->log_lines_lost = UINT64_MAX;
}

static void
there_is_room_for_everything(void **state)
{
	(void)state;
	fill();
	assert_in_range(strlen(render()), 100000, METRICS_TEXT_BYTES_MAX / 2);
}

/* For tests/metrics.test.mjs, which has a parser of others read it. */
static void
print(void)
{
	(void)make(NULL);
	fill();
	fputs(render(), stdout);
	(void)end(NULL);
}

#define METRICS(test) cmocka_unit_test_setup_teardown(test, make, end)

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_route_has_a_number),
	    METRICS(requests_are_told_apart_and_summed_over_places),
	    METRICS(what_clients_cannot_tell_apart_is_one_series),
	    METRICS(limits_and_keys_have_their_own),
	    METRICS(batches_have_sizes_and_times),
	    METRICS(there_is_room_for_everything),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		print();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
