// Calls of the monitor that fail, each of them in turn: it answers again after
// each, by itself or by its successor, and payments do not notice.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { askAnyway } from '../http/status_client.mjs';
import { crashesIn, Hits, outOfMemory, randomOf, Server } from './faulty.mjs';

const plan = {
	accept: ['EMFILE', 'ENFILE', 'ENOMEM', 'ECONNABORTED', 'EINTR'],
	recv: ['EIO', 'ENOMEM', 'ECONNRESET', 'EINTR', undefined],
	send: ['EIO', 'ENOMEM', 'EPIPE', 'ECONNRESET', 'EINTR', undefined],
	poll: ['ENOMEM', 'EINTR'],
	epoll: ['ENOMEM', 'ENOSPC'],
	epoll_wait: ['EINTR'],
	open: ['EMFILE', 'EIO', 'ENOMEM'],
	read: ['EIO'],
	write: ['ENOSPC', 'EIO'],
	socket: ['EMFILE', 'ENOMEM'],
	bind: ['ENOMEM'],
	listen: ['EADDRINUSE'],
	mmap: ['ENOMEM'],
	lock: ['EIO'],
	getrandom: ['EIO'],
	malloc: ['ENOMEM'],
};
const rows = Object.entries(plan).flatMap(([call, errors]) =>
	errors.map((error) => ({ process: 'intentd-monitor', call, error })));
// libmicrohttpd gives up by abort() where it has no choice left.
const endsIt = ['malloc', 'epoll'];
const nameOf = ({ call, error = 'a part' }) => `${call}: ${error}`;

const nthMax = amount('MONITOR_NTH', { short: 1, long: 40 });
const seed = seedOf('MONITOR_SEED');
const random = randomOf(seed);
// What it does at its beginning.
const atFirst = ['socket', 'bind', 'listen', 'mmap', 'lock', 'open', 'read',
	'getrandom'];
// Rows that are not struck, and why.
const unstruck = [
	[/^send: a part/, 'sendmsg() has all of an answer'],
	[/^write/, 'it has no file that it writes to'],
	[/^getrandom/, 'it makes no ids'],
];
const hits = new Hits(unstruck);
const figures = { struck: {}, unstruck: 0, answered: 0, unavailable: 0,
	closed: 0, successors: 0 };
const paths = ['/status', '/metrics'];

after(() => console.log(`# seed ${seed}: ${JSON.stringify(figures)}`));

// An answer, or null: nobody listens, or a connection is closed or forgotten.
const look = (server, path) => Promise.race([askAnyway(server, path),
	pause(1500, null, { ref: false })]);

const isWhole = (path, { text, body }) => path === '/status'
	? body.processes.length > 0
	: /^intentd_[a-z_]+(\{.*\})? \d/m.test(text) && text.endsWith('\n');

// Until its successor was struck, or answers.
async function replace(server, name) {
	await server.kill(name);
	for (let i = 0; i < 400 && server.faults.struck() === 0; i++) {
		if ((await look(server, paths[0]))?.status === 200)
			return;
		await pause(5);
	}
}

async function strike(server, fault) {
	const others = () => server.processes().map(({ pid, name }) =>
		name === fault.process ? name : `${name} ${pid}`).sort();
	const before = others();
	const { pid } = await server.whenProcess(fault.process);
	server.faults.arm(fault);
	if (atFirst.includes(fault.call))
		await replace(server, fault.process);
	for (const path of paths) {
		const answer = await look(server, path);
		figures[{ 200: 'answered', 503: 'unavailable' }[answer?.status]
			?? 'closed']++;
		if (answer !== null) {
			assert.ok([200, 500, 503].includes(answer.status), answer.text);
			assert.ok(answer.status !== 200 || isWhole(path, answer));
		}
	}
	assert.equal((await server.request('POST', '/v1/customers',
		{ json: {} })).status, 200);
	const struck = server.faults.struck();
	server.faults.disarm();
	for (const path of paths) {
		let answer;
		for (let i = 0; i < 200; i++) {
			answer = await look(server, path);
			if (answer?.status === 200)
				break;
			await pause(5);
		}
		assert.equal(answer?.status, 200, server.log().slice(-2000));
		assert.ok(isWhole(path, answer));
	}
	await server.whenProcess(fault.process);
	assert.deepEqual(others(), before);
	figures.successors += server.process(fault.process).pid !== pid;
	return struck;
}

// The first, the second call and so on, until none is hit any more.
async function sweep(server, row) {
	for (let i = 1; i <= nthMax; i++) {
		const struck = await strike(server,
			{ ...row, nth: isLong ? i : 1 + random(2) });
		const name = nameOf(row);
		figures.struck[name] = (figures.struck[name] ?? 0) + struck;
		hits.add(name, struck);
		figures.unstruck += struck === 0;
		if (struck === 0)
			break;
	}
	assert.deepEqual(crashesIn(server.newLog()).filter((line) =>
		!endsIt.includes(row.call) || !outOfMemory.test(line)), []);
}

test('one call that fails of the monitor', async (t) => {
	const server = new Server(t);
	server.dir = server.home;
	server.settings.status = join(server.home, 'status.sock');
	await server.start();
	for (const row of rows.filter(() => isLong || random(4) === 0))
		await t.test(nameOf(row), () => sweep(server, row));
	assert.deepEqual(server.verify().findings, []);
});

test('no row is in vain', (t) => hits.settle(t));
