/*
 * What systemd is told of the server, where it is what started it
 * (sd_notify(3)), and what it hands over; elsewhere these do nothing.  For
 * the supervisor alone.
 */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <sys/types.h>

#include "base/time.h"

/* It accepts requests; also the end of a reload. */
void notify_ready(void);
/* Its settings are being read again. */
void notify_reloading(void);
/* It is about to end. */
void notify_stopping(void);
/* Another process is the server from now on. */
void notify_main(pid_t pid);
/* The watchdog: it lives. */
void notify_alive(void);

/*
 * How often notify_alive() is to be called, half of what systemd allows; {0}:
 * nobody waits for it.
 */
struct span notify_interval(void);

/*
 * How many sockets it has handed over to this very process
 * (sd_listen_fds(3)): numbers from *first on, the caller's from now on, and
 * the environment tells of them no more; 0: none; below: an errno, negative.
 */
int notify_sockets(int *first);

#endif
