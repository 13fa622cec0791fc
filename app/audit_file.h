/*
 * The audit log's file: lines are appended to it as they stand in the store,
 * and the store forgets what is on disk (core/audit.h has their form).
 *
 * The file is opened anew at each look, so that it can be moved away; the next
 * one goes on where it ended.  Whoever writes it has a flock() on it.  What
 * was flushed is never changed: a line that a crash has cut is completed, and
 * what a power cut has left in parts is written again.
 *
 * A file that does not end with what the store knows to be its last line was
 * cut, altered or replaced.  That is logged, and is itself a line of the log
 * (`what=audit_file_broken`); copying then goes on behind what is there, so
 * that no line is lost which is not lost already, and `intentctl audit verify`
 * says where it broke.
 */
#ifndef APP_AUDIT_FILE_H
#define APP_AUDIT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "core/audit.h"
#include "core/command.h"
#include "engine/engine.h"

enum {
	AUDIT_FILE_CHUNK_BYTES = 256 * 1024,
	/* All that a crash can have left unflushed, and the line before it. */
	AUDIT_FILE_END_BYTES =
	    AUDIT_FILE_CHUNK_BYTES + AUDIT_LINE_BYTES_MAX + 1,
};

/* Has a command run and committed; false: it had no effect. */
typedef bool audit_run(const struct command *command, void *context);

struct audit_file {
	const char *path;      /* borrowed, as the next three */
	struct engine *engine; /* lines are read with it */
	audit_run *run;
	void *context;
	struct stat seen; /* how the last look has left it */
	struct command command;
	size_t used; /* of `chunk` */
	char chunk[AUDIT_FILE_CHUNK_BYTES];
	char end[AUDIT_FILE_END_BYTES];
};

/*
 * Copies all lines that are in the store at `now`.  What fails is logged, and
 * tried again at the next look.
 */
void audit_file_look(struct audit_file *file, struct instant now);

#endif
