// Calls of the supervisor that fail while it serves, each of them in turn, at a
// reload and at the restart of a child: it lives, all children come back, and
// requests are answered.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { crashesIn, Hits, randomOf, Server } from './faulty.mjs';

const plan = {
	fork: ['EAGAIN', 'ENOMEM'],
	open: ['EMFILE', 'ENFILE', 'ENOMEM'],
	malloc: ['ENOMEM'],
	mmap: ['ENOMEM'],
	poll: ['EINTR', 'ENOMEM'],
	writev: ['ENOSPC', 'EIO'],
};
const children = ['intentd', 'intentd-commit', 'intentd-courier',
	'intentd-monitor', 'intentd-sweeper'];
const unstruck = [
	[/restart: open/, 'a child opens its files itself'],
	[/restart: malloc/, 'the table of processes is there from the start'],
	[/: mmap/, 'what is shared is mapped at the start'],
];

const nthMax = amount('SUPERVISOR_NTH', { short: 1, long: 40 });
const seed = seedOf('SUPERVISOR_SEED');
const random = randomOf(seed);
const hits = new Hits(unstruck);

after(() => console.log(`# seed ${seed}`));

const namesOf = (server) => server.processes().map(({ name }) => name).sort();
const readings = (server) => server.log().match(
	/the settings (stay|are in force)/g)?.length ?? 0;

// What makes it work, and how it is seen that it has.
const actions = {
	async reload(server) {
		const before = readings(server);
		server.child.kill('SIGHUP');
		return () => readings(server) > before;
	},
	async restart(server) {
		const name = children[random(children.length)];
		const { pid } = await server.whenProcess(name);
		await server.kill(name);
		return () => server.processes().some((one) =>
			one.name === name && one.pid !== pid);
	},
};

async function strike(server, action, fault) {
	const names = namesOf(server);
	server.faults.arm({ ...fault, only: server.child.pid });
	const isDone = await action(server);
	await server.when(() => fault.stuck ? server.faults.struck() > 1
		: isDone());
	const struck = server.faults.struck();
	server.faults.disarm();
	await server.when(isDone);
	await server.when(() => `${namesOf(server)}` === `${names}`);
	assert.equal((await server.until('POST', '/v1/customers',
		{ json: {} })).status, 200);
	assert.deepEqual(crashesIn(server.newLog()), []);
	return struck;
}

async function startAll(t) {
	const server = new Server(t);
	const at = (name) => join(server.home, name);
	writeFileSync(at('conf'), 'max_requests = 0\n');
	Object.assign(server.settings, { config: at('conf'),
		log: server.logFile, status: at('status.sock') });
	await server.start();
	await server.when(() =>
		`${namesOf(server)}` === `${children}`);
	return server;
}

describe('one call that fails of the supervisor', () => {
	const rows = Object.keys(actions).flatMap((action) =>
		Object.entries(plan).flatMap(([call, errors]) => errors.map(
			(error) => ({ action, call, error }))));
	for (const action of Object.keys(actions))
		test(`at a ${action}`, async (t) => {
			const server = await startAll(t);
			const chosen = rows.filter((row) => row.action === action &&
				(isLong || random(4) === 0));
			for (const { call, error } of chosen)
				for (let nth = 1; nth <= nthMax; nth++) {
					const struck = await strike(server,
						actions[action], { call, error, nth });
					hits.add(`${action}: ${call}: ${error}`, struck);
					if (struck === 0)
						break;
				}
			assert.deepEqual(server.verify().findings, []);
		});
	test('no row is in vain', (t) => hits.settle(t));
});

const some = isLong ? Object.keys(actions)
	: [Object.keys(actions)[random(2)]];
for (const name of some)
	test(`no process can be made for a while, at a ${name}`, async (t) => {
		const server = await startAll(t);
		await strike(server, actions[name],
			{ call: 'fork', error: 'EAGAIN', nth: 1, stuck: true });
		assert.match(server.log(), /fork: Resource temporarily/);
	});
