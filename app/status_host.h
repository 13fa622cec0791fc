/*
 * What the kernel knows of processes and of a listening socket.
 */
#ifndef APP_STATUS_HOST_H
#define APP_STATUS_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct host_process {
	bool stopped; /* by a signal, or by a debugger */
	int64_t resident_bytes;
	int64_t private_bytes; /* shared with no file and no process */
};

/* False, and nothing filled in: it is not there, or not ours to see. */
bool host_process(pid_t pid, struct host_process *process);

/*
 * How many connections wait at a listening socket, unix or TCP, and how many
 * can.  False, and nothing filled in: the kernel does not tell (a sandbox
 * without netlink).
 */
bool host_queue(int listener, int64_t *length, int64_t *max);

#endif
