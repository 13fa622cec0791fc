/*
 * Where commands are played: a world (unit/engine_steps.h) with merchants of
 * coins in it, what was made in it, and steps that bytes can say.
 */
#ifndef FUZZ_SCENE_H
#define FUZZ_SCENE_H

#include "engine/deliveries.h"
#include "fuzz.h"
#include "unit/engine_steps.h"

enum { SCENE_IDS_MAX = 64, SCENE_MERCHANTS = 3, SCENE_STEPS_MAX = 32 };

/* One step: what the bytes say. */
struct step {
	uint8_t action;
	uint8_t object;
	uint8_t choice;
	uint8_t flags;
	uint16_t amount;
	uint8_t trip; /* 0: the store fails nowhere */
	uint8_t key;  /* 0: none */
};

enum flag {
	FLAG_AMOUNT = 1 << 0,
	FLAG_METHOD = 1 << 1,
	FLAG_MANUAL = 1 << 2,
	FLAG_CONFIRM = 1 << 3,
	FLAG_ANY_OBJECT = 1 << 4, /* of whichever kind, or of nobody */
	FLAG_FOREIGN = 1 << 5,	  /* another account asks */
	FLAG_BOUND = 1 << 6,	  /* ... or a key of the other merchant */
	FLAG_TEXTS = 1 << 7,
};

struct scene {
	struct world *world;  /* owned */
	struct instant first; /* when each input begins */
	struct id merchants[SCENE_MERCHANTS];
	/* What the commands have made. */
	struct id ids[SCENE_IDS_MAX];
	enum kind kinds[SCENE_IDS_MAX];
	unsigned count;
	/* The delivery that was claimed last. */
	struct due_delivery claimed;
	bool has_claim;
	struct id holder;
};

/* Takes over an empty store. */
void scene_open(struct scene *scene, struct store *store);
/* Before each input, on the store as it was opened. */
void scene_begin(struct scene *scene);

/* What the next bytes say. */
void scene_read(struct feed *feed, struct step *step);

/*
 * Does what the step says: fills scene->world->command, which is to be run and
 * would make an object of the kind *makes (KIND_NONE: none).  False: there is
 * nothing to be run.
 */
bool scene_make(struct scene *scene, const struct step *step, enum kind *makes);
/* That object is there now. */
void scene_note(struct scene *scene, enum kind kind, struct id id);

#endif
