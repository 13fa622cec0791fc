/*
 * A directory that lives as long as a test.
 */
#ifndef UNIT_TEMPORARY_H
#define UNIT_TEMPORARY_H

struct temporary {
	char directory[64];
	char path[80]; /* of a file in it, which is not made */
};

void temporary_make(struct temporary *temporary);
/* Removes the directory and the files in it. */
void temporary_remove(struct temporary *temporary);

#endif
