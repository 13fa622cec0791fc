// What the processes of a server hold, seen from outside: memory of their own,
// open files, threads, places in the store's table of readers; and how full
// the store is.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { processorTime, processTrees } from '../bench/processes.mjs';
import { askAnyway } from '../http/status_client.mjs';

// Null where it has ended meanwhile.
export function look(pid) {
	try {
		const status = readFileSync(`/proc/${pid}/status`, 'latin1');
		const field = (name) => Number(
			status.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);
		return {
			pid,
			name: status.match(/^Name:\s+(\S+)/)[1],
			// Neither the store's map, nor programs, nor shared memory.
			ownBytes: field('RssAnon') * 1024,
			files: readdirSync(`/proc/${pid}/fd`).length,
			threads: field('Threads'),
		};
	} catch {
		return null; // Or it has ended and was not waited for yet.
	}
}

// What descriptors lead to, counted, with numbers left out: for a message.
export function filesOf(pid) {
	const found = {};
	try {
		for (const file of readdirSync(`/proc/${pid}/fd`)) {
			const name = readlinkSync(`/proc/${pid}/fd/${file}`)
				.replace(/\d+/g, '');
			found[name] = 1 + (found[name] ?? 0);
		}
	} catch {
		// It has ended.
	}
	return found;
}

// A process's kind: the web server's and the supervisor's first ones are
// kinds of their own.
function kindOf({ name, pid }, { web, supervisor }) {
	if (pid === web)
		return 'nginx master';
	if (name === 'intentd')
		return pid === supervisor ? 'supervisor' : 'worker';
	return name.replace(/^intentd-/, '');
}

// Cheaper than server.pids(), which looks at all processes of the machine;
// undefined while one hands over to another.
export function supervisorOf(server) {
	try {
		return Number(readFileSync(join(server.dir, 'intentd.pid'), 'utf8'));
	} catch {
		return undefined;
	}
}

// All of a server's processes at this moment.
export function lookAll(server) {
	server.web ??= server.pids().web;
	const pids = { web: server.web, supervisor: supervisorOf(server) };
	return processTrees([pids.web, pids.supervisor].filter(Boolean))
		.map(look).filter(Boolean)
		.map((one) => ({ ...one, kind: kindOf(one, pids) }));
}

const sharesMs = 5000; // to look costs some of the machine itself

// Processor time in microseconds since each has begun, all of the machine, and
// what it wanted and another machine beside it was given (proc(5): steal).
function timesOf(server, drivers) {
	const [, user, nice, system, , , , , steal] =
		readFileSync('/proc/stat', 'latin1').split(/\s+/, 9).map(Number);
	const self = process.cpuUsage();
	return { all: (user + nice + system) * 1e4, stolen: steal * 1e4,
		client: self.user + self.system + processorTime(drivers),
		web: processorTime([server.web].filter(Boolean)),
		server: processorTime([supervisorOf(server)].filter(Boolean)) };
}

// The cores that each used since the last call: {client (those who ask, and
// the receiver of webhooks), web, server (intentd), others, stolen}.  The last
// two tell an hour with neighbours from one without: on this machine, and on
// the one that it is a guest of.  `others` has intentctl in it; where a
// supervisor has just replaced another, also what it used.
export function coresOf(server, drivers) {
	let before, last = { client: 0, web: 0, server: 0, others: 0, stolen: 0 };
	return () => {
		if (before && Date.now() - before.at < sharesMs)
			return last;
		const now = { at: Date.now(), ...timesOf(server, drivers) };
		if (before) {
			const used = (name) => Math.max(0, now[name] - before[name]) /
				1000 / (now.at - before.at);
			const [client, web, own, stolen] =
				['client', 'web', 'server', 'stolen'].map(used);
			const others = used('all') - client - web - own;
			last = { client, web, server: own,
				others: Math.max(0, others), stolen };
		}
		before = now;
		return last;
	};
}

// Looks every so often, and keeps what it has seen by process.
export class Watch {
	seen = new Map(); // pid: {kind, points: [[s, bytes, files]]}
	looks = []; // when they were, in seconds
	readers = []; // [s, places taken, processes that live]
	status = undefined; // as the monitor had it last
	#timer;
	#asking = false;

	constructor(server) {
		this.server = server;
		this.begun = Date.now();
	}

	get seconds() {
		return (Date.now() - this.begun) / 1000;
	}

	open(everyMs) {
		this.#timer = setInterval(() => this.look(), everyMs);
	}

	close() {
		clearInterval(this.#timer);
	}

	async look() {
		const all = lookAll(this.server);
		const at = this.seconds;
		this.looks.push(at);
		for (const { pid, kind, ownBytes, files } of all) {
			const one = this.seen.get(pid) ?? { points: [] };
			this.seen.set(pid, one);
			// A process just forked has its parent's name and memory.
			one.kind = kind;
			one.points.push([at, ownBytes, files]);
		}
		await this.#askReaders(all.length);
	}

	// The monitor may be dead at the moment.
	async #askReaders(processes) {
		if (this.#asking)
			return;
		this.#asking = true;
		const answer = await askAnyway(this.server, '/status');
		this.status = answer?.body ?? this.status;
		const readers = answer?.body?.store?.readers;
		if (Number.isInteger(readers))
			this.readers.push([this.seconds, readers, processes]);
		this.#asking = false;
	}

	// What was seen at each look from `from` to `until`, in seconds: [{pid,
	// kind, points}].
	livedThrough(from, until) {
		const isIn = ([at]) => at >= from && at <= until;
		const looks = this.looks.filter((at) => isIn([at])).length;
		return [...this.seen].map(([pid, { kind, points }]) =>
			({ pid, kind, points: points.filter(isIn) }))
			.filter(({ points }) => looks > 3 && points.length === looks);
	}
}

// The most of each kind, of files and threads: {kind: {files, threads}}.
export function mostByKind(all) {
	const most = {};
	for (const { kind, files, threads } of all) {
		most[kind] ??= { files: 0, threads: 0, processes: 0 };
		most[kind].files = Math.max(most[kind].files, files);
		most[kind].threads = Math.max(most[kind].threads, threads);
		most[kind].processes++;
	}
	return most;
}
