/*
 * The lines of a file or a pipe, one by one, in bounded memory.
 */
#ifndef APP_LINES_H
#define APP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/text.h"

/* Read at once; holds the longest line and its end. */
enum { LINES_BUFFER_BYTES = 4 * BODY_BYTES_MAX };

struct lines {
	int descriptor;	 /* borrowed */
	uint64_t number; /* of the line that was given last; from 1 */
	uint64_t bytes;	 /* that all given lines have taken so far */
	bool ended;	 /* nothing more can be read */
	size_t first;	 /* of what is in the buffer and not given */
	size_t last;
	char buffer[LINES_BUFFER_BYTES];
};

enum lines_result {
	LINES_LINE,
	LINES_TOO_LONG, /* more than BODY_BYTES_MAX bytes; it is passed over */
	LINES_END,
	LINES_FAILED, /* errno says why; EINTR for a signal */
};

void lines_init(struct lines *lines, int descriptor);

/*
 * The next line without its end, which is `\n`, `\r\n` or that of the file;
 * borrowed until the next call.  Any bytes can be in it.
 */
enum lines_result lines_next(struct lines *lines, struct text *line)
    __attribute__((warn_unused_result));

#endif
