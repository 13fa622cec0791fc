/*
 * The clocks, which app/ alone reads.
 *
 * clock_now() is the time of decisions: read once a request, and once more
 * where a command takes effect (engine.h).  Spans (how long a request took,
 * how long a process lived) come from the clock that nobody sets, and decide
 * nothing about a payment.
 */
#ifndef APP_CLOCK_H
#define APP_CLOCK_H

#include <stdint.h>

#include "base/time.h"

/* The time of day, and what was set to be added to it. */
struct instant clock_now(void);
/* For tests: what is to be added from now on, in this process. */
void clock_set_offset(struct span offset);

/* Since the host's start; the same clock in all processes, never zero. */
struct span clock_uptime(void);

/*
 * What is random of the host's life, from start to start; all zero where it
 * does not say (proc(5)).
 */
enum { CLOCK_BOOT_BYTES = 16 };
void clock_boot(uint8_t boot[CLOCK_BOOT_BYTES]);

#endif
