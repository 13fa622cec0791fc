#include "both_stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"
#include "kept.h"
#include "store/lmdb.h"

enum { MAP_BYTES = 64 << 20 };

static struct scene on_lmdb;
static struct command next;

/* The file is nameless once it is open: nothing of it stays behind. */
static struct store *
open_nameless(void)
{
	char folder[] = "/dev/shm/intentd-fuzz-XXXXXX";
	char path[sizeof(folder) + sizeof("/store")];
	const struct lmdb_options options = {.path = path,
	    .map_bytes = MAP_BYTES,
	    .map_bytes_max = MAP_BYTES,
	    .readers = 1,
	    .create = true,
	    .alone = true};
	struct store *store = NULL;
	const char *reason = NULL;
	enum store_result result;

	MUST(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/store", folder);
	result = lmdb_open(&options, &store, &reason);
	MUST(unlink(path) == 0 && rmdir(folder) == 0);
	MUST(result == STORE_OK);
	return store;
}

void
both_stores_open(void)
{
	scene_open(&on_lmdb, open_nameless());
}

static void
run(struct world *world)
{
	const struct span forever = {INT64_MAX / 2};
	struct span rest;

	engine_apply(world->engine, &world->command, &world->outcome);
	while (engine_goes_on(world->engine, &world->command, &world->outcome,
	    forever, &next, &rest))
		engine_apply(world->engine, &next, &world->outcome);
}

static void
must_be_equal(const struct outcome *one, const struct outcome *other)
{
	MUST(one->error.id == other->error.id);
	MUST(one->remembered == other->remembered);
	MUST(one->replayed == other->replayed);
	MUST(one->delivers == other->delivers);
	MUST(text_equal(text_of(one->secret), text_of(other->secret)));
	MUST(text_equal(outcome_objects(one), outcome_objects(other)));
}

static void
play_step(struct scene *scene, const struct step *step)
{
	enum kind makes = KIND_NONE, other = KIND_NONE;
	const bool is_run = scene_make(scene, step, &makes);

	MUST(scene_make(&on_lmdb, step, &other) == is_run && makes == other);
	if (!is_run)
		return;
	run(scene->world);
	run(on_lmdb.world);
	must_be_equal(&scene->world->outcome, &on_lmdb.world->outcome);
	if (makes == KIND_NONE || scene->world->outcome.error.id != ERROR_NONE)
		return;
	scene_note(scene, makes, scene->world->command.fresh);
	scene_note(&on_lmdb, makes, on_lmdb.world->command.fresh);
}

void
both_stores_play(struct scene *scene, struct feed feed)
{
	struct snapshot one, other;
	struct step step;

	scene_begin(scene);
	scene_begin(&on_lmdb);
	for (unsigned i = 0; i < SCENE_STEPS_MAX && feed.length > 0; i++) {
		scene_read(&feed, &step);
		play_step(scene, &step);
	}
	snapshot_take(scene->world->store, &one);
	snapshot_take(on_lmdb.world->store, &other);
	MUST(snapshot_equal(&one, &other));
	kept_restore(scene->world->store);
	kept_restore(on_lmdb.world->store);
}
