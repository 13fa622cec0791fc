/*
 * A file that is there whole, or not at all: written beside its place under a
 * name of its own, and renamed once it is on disk.
 */
#ifndef APP_CTL_FILE_H
#define APP_CTL_FILE_H

#include "app/ctl.h"

enum { CTL_PATH_BYTES = SETTING_BYTES_MAX + 64 };

/* Behind PATH until it is kept: a name that nobody else gives a file. */
#define CTL_FRESH ".intentctl-new"

struct ctl_file {
	const char *path;	    /* its place; borrowed */
	char fresh[CTL_PATH_BYTES]; /* PATH CTL_FRESH, until it is kept */
	int descriptor;		    /* for writing */
	bool replace;
};

/*
 * Makes the fresh file, mode 0600.  One that somebody writes at the moment is
 * left alone; one that somebody has left is written anew.  SIGINT, SIGTERM and
 * SIGHUP remove it and end the process.  CTL_REFUSED when it has said why not,
 * also where PATH is there and not to be replaced, or no regular file.
 */
enum ctl_status ctl_file_begin(struct ctl_file *file, const char *path,
    bool replace) __attribute__((warn_unused_result));

/*
 * The same of a path that an operator named: CTL_REFUSED also where it is the
 * store, or the lock beside it.
 */
enum ctl_status ctl_file_begin_beside(struct ctl_file *file,
    const struct call *call, const char *path, bool replace)
    __attribute__((warn_unused_result));

/* Whether both paths are there and lead to one file. */
bool ctl_is_same_file(const char *a, const char *b);

/* Puts what was written on the disk. */
enum ctl_status ctl_file_flush(const struct ctl_file *file)
    __attribute__((warn_unused_result));

/* Flushed, it becomes PATH, for good.  On CTL_REFUSED it can be dropped. */
enum ctl_status ctl_file_keep(struct ctl_file *file)
    __attribute__((warn_unused_result));

/* Removes what was written. */
void ctl_file_drop(struct ctl_file *file);

/* Puts the names in a path's directory on the disk; false: errno says why. */
bool ctl_flush_directory(const char *path) __attribute__((warn_unused_result));

/*
 * PATH.WHAT-20260102T030405Z: what a command leaves beside a store; with -2 to
 * -9 behind it where that is there.  The store is the caller's alone.
 */
void ctl_path_aside(const char *path, const char *what, struct instant now,
    char to[CTL_PATH_BYTES]);

/* Owner, group and mode of another file; false: errno says why. */
bool ctl_take_owner(int descriptor, const char *from)
    __attribute__((warn_unused_result));

#endif
