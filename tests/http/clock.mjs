// A server whose clock is ahead, so that tests need not wait for a day.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { until } from './fixtures.mjs';
import { startServer } from './harness.mjs';
import { isRunning } from './runner.mjs';

// A library that is loaded before libc and moves the time of day.
const source = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = (int)syscall(SYS_clock_gettime, clock, time);
	const char *ahead = getenv("TEST_CLOCK_AHEAD");

	if (clock == CLOCK_REALTIME && ahead != NULL)
		time->tv_sec += atol(ahead);
	return result;
}
`;

function buildClock(folder) {
	const library = join(folder, 'clock.so');

	writeFileSync(join(folder, 'clock.c'), source);
	execFileSync('cc', ['-shared', '-fPIC', '-o', library,
		join(folder, 'clock.c')]);
	return library;
}

// Starts again on the data of a server that was halted, with a clock that is
// so many seconds ahead.  `folder` is for the library.
export function startAhead(folder, seconds, options) {
	process.env.LD_PRELOAD = buildClock(folder);
	process.env.TEST_CLOCK_AHEAD = String(seconds);
	try {
		// It takes over the environment before it waits for anything.
		return startServer(options);
	} finally {
		delete process.env.LD_PRELOAD;
		delete process.env.TEST_CLOCK_AHEAD;
	}
}

// So many seconds later, to workers that all know of it; how far the clock is
// ahead then stands in server.ahead.  The server has a settings file (`conf`)
// of nothing else.
export async function advance(server, seconds) {
	const { supervisor, workers } = server.pids();

	server.ahead = (server.ahead ?? 0) + seconds;
	writeFileSync(join(server.dir, 'intentd.conf'),
		`clock_offset_s = ${server.ahead}\n`);
	process.kill(supervisor, 'SIGHUP');
	// They end what they are at; asking all the time would keep them from it.
	await until(() => setTimeout(5, workers.some(isRunning)), (any) => !any);
}
