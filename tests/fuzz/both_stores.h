/*
 * The same steps in memory and on LMDB, which must be told apart by nothing.
 */
#ifndef FUZZ_BOTH_STORES_H
#define FUZZ_BOTH_STORES_H

#include "fuzz.h"
#include "scene.h"

/*
 * Once a process: a scene on an LMDB file that has no name and lies in memory
 * (/dev/shm), so that its flushes cost nothing.
 */
void both_stores_open(void);

/*
 * Plays the steps there and in `scene`: each must answer the same, and both
 * stores must have the same rows at the end.  Leaves both scenes as they were
 * opened, whose rows are kept (kept.h).
 */
void both_stores_play(struct scene *scene, struct feed feed);

#endif
