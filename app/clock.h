/*
 * The clocks, which app/ alone reads.
 *
 * clock_now() is the time of decisions and is read once a request.  Spans
 * (how long a request took, how long a process lived) come from the clock
 * that nobody sets, and decide nothing about a payment.
 */
#ifndef APP_CLOCK_H
#define APP_CLOCK_H

#include "base/time.h"

/* The time of day, and what was set to be added to it. */
struct instant clock_now(void);
/* For tests: what is to be added from now on, in this process. */
void clock_set_offset(struct span offset);

/* Since the host's start; the same clock in all processes, never zero. */
struct span clock_uptime(void);

#endif
