/*
 * The engine: any bytes as a sequence of commands, of reads, of what couriers
 * and sweepers do, and of failures of the store in between.
 *
 * After each step the store is as it must be (engine/verify.h).  What failed
 * has changed nothing; what was remembered under a key is answered again
 * without another effect; what was refused has changed nothing but that.
 */
#include <string.h>

#include "both_stores.h"
#include "engine/engine.h"
#include "fuzz.h"
#include "kept.h"
#include "scene.h"
#include "store/memory.h"
#include "tripping.h"

/* One in so many inputs, by their length, is played on LMDB as well. */
enum { SHARE_ON_BOTH = 2 };

static struct scene scene;
static struct outcome before;
static struct command next;

/* Fails at the step's place, and nothing has happened; false: it was run. */
static bool
run_tripping(const struct step *step, const struct snapshot *snapshot)
{
	static const enum store_result results[] = {
	    STORE_UNAVAILABLE, STORE_FULL, STORE_DAMAGED};
	struct snapshot after;

	tripping_set(1 + step->trip / 3, results[step->trip % 3]);
	engine_apply(
	    scene.world->engine, &scene.world->command, &scene.world->outcome);
	if (!tripping_end())
		return false;
	MUST(scene.world->outcome.error.id != ERROR_NONE);
	snapshot_take(scene.world->store, &after);
	MUST(snapshot_equal(snapshot, &after));
	return true;
}

/* All that follows of the command, as engine_run() has it. */
static void
run_on(void)
{
	const struct span forever = {INT64_MAX / 2};
	struct span rest;

	while (engine_goes_on(scene.world->engine, &scene.world->command,
	    &scene.world->outcome, forever, &next, &rest)) {
		engine_apply(scene.world->engine, &next, &scene.world->outcome);
		MUST(!scene.world->outcome.asks_outside);
	}
}

/* The same again: the same answer, and nothing else. */
static void
run_again(void)
{
	struct snapshot one, other;

	if (!scene.world->command.idempotent ||
	    !scene.world->outcome.remembered)
		return;
	snapshot_take(scene.world->store, &one);
	memcpy(&before, &scene.world->outcome,
	    outcome_size(&scene.world->outcome));
	engine_run(
	    scene.world->engine, &scene.world->command, &scene.world->outcome);
	MUST(scene.world->outcome.replayed);
	MUST(scene.world->outcome.error.id == before.error.id);
	MUST(text_equal(
	    outcome_objects(&before), outcome_objects(&scene.world->outcome)));
	snapshot_take(scene.world->store, &other);
	MUST(snapshot_equal(&one, &other));
}

/* Whether it had the key for a while, over what was forgotten of it. */
static bool
took_key(enum error_id error)
{
	return error == ERROR_WEBHOOK_UNREACHABLE &&
	       scene.world->command.idempotent;
}

/* One command, and what must hold before and after it. */
static void
run(const struct step *step, enum kind makes)
{
	struct world *world = scene.world;
	struct snapshot earlier, later;
	enum error_id error;

	snapshot_take(world->store, &earlier);
	if (step->trip == 0 || run_tripping(step, &earlier))
		engine_apply(world->engine, &world->command, &world->outcome);
	run_on();
	error = world->outcome.error.id;
	MUST(error != ERROR_INTERNAL_ERROR);
	MUST(error != ERROR_SERVICE_UNAVAILABLE);
	if (error == ERROR_NONE && makes != KIND_NONE)
		scene_note(&scene, makes, world->command.fresh);
	snapshot_take(world->store, &later);
	if (error != ERROR_NONE && error != ERROR_CARD_DECLINED)
		MUST(world->outcome.remembered || took_key(error)
			 ? snapshot_equal_but_keys(&earlier, &later)
			 : snapshot_equal(&earlier, &later));
	run_again();
}

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	scene_open(&scene, tripping_open(memory_open()));
	both_stores_open();
	kept_take(scene.world->store);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct feed feed = {bytes, length};
	struct step step;
	enum kind makes;

	scene_begin(&scene);
	for (unsigned i = 0; i < SCENE_STEPS_MAX && feed.length > 0; i++) {
		scene_read(&feed, &step);
		if (scene_make(&scene, &step, &makes))
			run(&step, makes);
		kept_verify(scene.world->store);
	}
	kept_restore(scene.world->store);
	if (length % SHARE_ON_BOTH == 0)
		both_stores_play(&scene, (struct feed){bytes, length});
	return 0;
}
