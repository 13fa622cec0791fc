#include "app/sweeper.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>

#include "app/data.h"
#include "app/log.h"
#include "base/digest.h"
#include "engine/engine.h"
#include "store/store.h"

/* Payments in one transaction: workers wait no longer than for these. */
enum { BATCH = 64 };

enum store_result
sweeper_until_idle(struct engine *engine, struct instant now, unsigned *swept)
{
	enum store_result result;
	unsigned count;

	*swept = 0;
	do {
		result = engine_sweep(engine, now, BATCH, &count);
		*swept += count;
	} while (result == STORE_OK && count == BATCH);
	return result;
}

/* What fails is logged, and tried again at the next look. */
static void
look(struct engine *engine)
{
	enum store_result result;
	unsigned swept;

	result = sweeper_until_idle(engine, clock_now(), &swept);
	if (result != STORE_OK)
		log_message(
		    "sweeper: the store is %s", store_result_name(result));
}

/* Between looks; false once the supervisor wants an end. */
static bool
rest(const struct process_context *context)
{
	struct pollfd stop = {.fd = context->stop, .events = POLLIN};
	int ready = poll(&stop, 1, (int)context->settings->sweep_interval_ms);

	return ready == 0 || (ready < 0 && errno == EINTR);
}

int
sweeper_run(const struct process_context *context)
{
	struct engine_options options = {0};
	struct engine *engine;

	/* In ps and top it is none of the workers. */
	(void)prctl(PR_SET_NAME, "intentd-sweeper");
	digest_start();
	options.store = data_open(context->settings);
	if (options.store == NULL)
		return 1;
	engine = engine_open(&options);
	if (engine == NULL) {
		log_message("no memory for the engine");
		return 1;
	}
	do {
		process_busy(context->status);
		look(engine);
		process_idle(context->status);
	} while (!engine_is_lost(engine) && rest(context));
	engine_close(engine);
	store_close(options.store);
	return 0;
}
