/*
 * How far a long command is, in one line of a terminal that is drawn again
 * and again.
 */
#ifndef APP_GAUGE_H
#define APP_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/time.h"

/* Wider terminals have no use for more. */
enum { GAUGE_COLUMNS_MAX = 160 };

/* What there is to tell; all counts since the work began. */
struct gauge_state {
	uint64_t bytes;
	uint64_t bytes_total; /* 0: not known, as of a pipe */
	uint64_t lines;
	struct span elapsed;
};

/*
 * Writes the line, of at most `columns` - 1 columns of ASCII, so that no
 * terminal wraps it: percent, lines, lines a second, time left, as many of
 * these as have room, and a bar in front of them in what remains.
 */
void gauge_print(
    const struct gauge_state *state, unsigned columns, struct buffer *buffer);

/* The line of a terminal; of anything else nothing is ever drawn. */
struct gauge {
	bool shown;	      /* standard error is a terminal */
	struct span begun;    /* clock_uptime() */
	struct span drawn;    /* the same */
	uint64_t bytes_begun; /* that were not part of the work */
	uint64_t bytes_total;
	uint64_t lines;
	size_t width; /* of what stands in the line now */
};

/* `bytes` as they will be counted at the end; 0: not known. */
void gauge_init(struct gauge *gauge, uint64_t bytes_total);
/* From here on it counts: what came before, passed over, tells no speed. */
void gauge_begin(struct gauge *gauge, uint64_t bytes);
/* Draws at most ten times a second, in as many columns as there now are. */
void gauge_show(struct gauge *gauge, uint64_t bytes, uint64_t lines);
/* Makes room for a line of something else; it is drawn again behind it. */
void gauge_clear(struct gauge *gauge);
/* Draws a last time and leaves it there. */
void gauge_end(struct gauge *gauge, uint64_t bytes, uint64_t lines);

#endif
