/*
 * Between the files of the recorder: recorder.c has the log, and which files
 * are recorded and what is written to them; recorder_names.c their names, and
 * what is not modelled.  What it does, and its environment, stands in
 * recorder.c.
 */
#ifndef PRELOAD_RECORDER_H
#define PRELOAD_RECORDER_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/* tests/crash/power_log.mjs has the same. */
enum kind {
	RECORD_CREATE = 1, /* payload: the name; value: the inode's length */
	RECORD_WRITE,	   /* position, value: O_DSYNC; payload: the bytes */
	RECORD_LENGTH,	   /* position: the file's new length */
	RECORD_FLUSH,
	RECORD_END, /* of `call`; value: what it returned */
	RECORD_LINK,
	RECORD_RENAME, /* payload: the old name, a zero byte, the new one */
	RECORD_UNLINK,
	RECORD_FOLDER,	/* the folder's flush */
	RECORD_FOREIGN, /* payload: what was called */
	RECORD_SAID,	/* an answer is about to be sent; payload: its id */
};

struct record {
	uint32_t bytes; /* with this head */
	uint32_t kind;
	uint64_t call;
	uint64_t inode;
	int64_t position;
	int64_t value;
};

/* The function that this one stands before. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A number for a call that is about to be made, of all processes' its own. */
uint64_t recorder_call(void);

/* With the head in `record`, whose `bytes` it fills in; aborts on a failure. */
void recorder_append(
    struct record record, const struct iovec *parts, int count);

void recorder_end(uint64_t call, int64_t result);

/* A call that changes a file in a way that is not modelled. */
void recorder_foreign(const char *name);

/* Whether the descriptor is a file, or the folder, that is recorded. */
bool recorder_has(int file);

/*
 * The name in the folder of a path that is recorded, borrowed from `path`;
 * NULL: it is not.
 */
const char *recorder_name(const char *path);

#endif
