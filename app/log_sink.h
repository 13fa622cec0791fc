/*
 * Where lines of a log go: standard error, a file, or the syslog.
 *
 * Nothing in here keeps a payment waiting: a file is opened and written
 * without blocking, and whoever does not take a line within SINK_WAIT_MS is
 * not waited for again before it has taken one.
 */
#ifndef APP_LOG_SINK_H
#define APP_LOG_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { SINK_WAIT_MS = 20 };

struct log_sink {
	const char *place; /* borrowed; as in the settings */
	int file;	   /* -1: to be opened with the next line */
	bool torn;	   /* the last line was written in part */
	uint64_t lost;	   /* lines since one was written */
};

/*
 * Whether a place can be one: `stderr`, `syslog` (/dev/log), `syslog:PATH` (a
 * datagram socket) or the absolute path of a file.
 */
bool log_sink_is_sound(struct text place);

/* A sink of a place that is sound; nothing is opened. */
struct log_sink log_sink_of(const char *place);

/* Opens it, if it is not open; false, with errno. */
bool log_sink_open(struct log_sink *sink) __attribute__((warn_unused_result));
/* Closes it; the next line opens it again. */
void log_sink_close(struct log_sink *sink);

/*
 * Writes a line, which has its end, at once, so that those of several
 * processes never mix.  `level` is syslog(3)'s.  False, with errno: it, or the
 * rest of it, is lost and counted; the count is the caller's to reset.
 */
bool log_sink_write(struct log_sink *sink, int level, struct text line)
    __attribute__((warn_unused_result));

#endif
