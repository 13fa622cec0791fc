// Calls of the courier that fail, each of them in turn, while events are on
// their way: every one arrives, always the same, at receivers that are well;
// in the end it is known of all of them; and no endpoint is blamed for it.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, describe, test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { behave, startReceiver } from '../http/receiver.mjs';
import { cardEndpoints, events } from '../http/webhook_fixtures.mjs';
import { settingsFor } from '../http/webhooks_load.mjs';
import { crashesIn, Hits, operate, outOfMemory, randomOf, startFaulty } from
	'./faulty.mjs';

const courier = 'intentd-courier';

// Which calls fail how: all of them in the long form.  A call without an errno
// does a part of its work.
const plan = {
	socket: ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'],
	resolve: ['EMFILE', 'ENOMEM'],
	thread: ['EAGAIN'],
	connect: ['ENOMEM', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EINTR'],
	send: ['EIO', 'ENOMEM', 'ENOBUFS', 'EPIPE', 'ECONNRESET', 'EINTR',
		undefined],
	recv: ['EIO', 'ENOMEM', 'ECONNRESET', 'ETIMEDOUT', 'EINTR', undefined],
	poll: ['ENOMEM', 'EINTR'],
	epoll: ['ENOMEM', 'ENOSPC'],
	eventfd: ['EMFILE'],
	pipe: ['EMFILE'],
	open: ['EMFILE', 'ENFILE', 'EIO', 'ENOMEM'],
	read: ['EIO'],
	write: ['ENOSPC', 'EIO'],
	getrandom: ['EIO'],
	lock: ['EIO', 'ENOLCK'],
	mmap: ['ENOMEM'],
	malloc: ['ENOMEM'],
};
// What a courier does of a commit where there is no committer.
const planAlone = {
	pwrite: ['ENOSPC', 'EIO', 'ENOMEM'],
	writev: ['ENOSPC', 'EIO'],
	fdatasync: ['ENOSPC', 'EIO'],
	ftruncate: ['ENOSPC', 'EIO'],
	lock: ['EIO'],
	malloc: ['ENOMEM'],
};
// What it does at its beginning, and when it first asks for a name.
const atFirst = ['resolve', 'thread', 'epoll', 'eventfd', 'pipe', 'open', 'read',
	'lock', 'mmap', 'ftruncate'];
const rowsOf = (calls) => Object.entries(calls).flatMap(([call, errors]) =>
	errors.map((error) => ({ process: courier, call, error })));
// Always among the sample.
const isNamed = ({ call, error }) => ['socket', 'fdatasync'].includes(call) &&
	['EMFILE', 'ENOSPC', 'EIO'].includes(error);

const nthMax = amount('COURIER_NTH', { short: 1, long: 25 });
const seed = seedOf('COURIER_SEED');
const random = randomOf(seed);
// Rows that are not struck, and why.
const unstruck = [
	[/: (epoll|pipe|eventfd)/, 'libcurl polls, woken by a pair of sockets'],
	[/ a committer: write/, 'it has no file that it writes to'],
	[/: ftruncate/, 'the store grows at another one\'s commit, mostly'],
];
const hits = new Hits(unstruck);
const figures = { struck: {}, unstruck: 0, events: 0, requests: 0, jumps: 0 };

after(() => console.log(`# seed ${seed}: ${JSON.stringify(figures)}`));

// Longer than a lease, and than the first waits of the schedule.
const aWhile = 60 * 60;

// Endpoints by address and by name; a customer is an event for both.
class World {
	paths = ['/address', '/name'];
	made = 0;
	ahead = 0; // of the clock, in seconds

	static async open(t, settings = {}) {
		const world = new World();
		world.receiver = await startReceiver();
		t.after(() => world.receiver.close());
		world.server = await startFaulty(t, { settings: {
			...settingsFor(world.receiver), webhook_interval_ms: 10,
			...settings } });
		world.endpoints = [];
		for (const [path, host] of [['/address', '127.0.0.1'],
			['/name', 'receiver.test']]) {
			// Each attempt has a connection of its own.
			world.receiver.answer(path, behave.status(200,
				{ headers: { connection: 'close' } }));
			const { body } = await world.server.until('POST', cardEndpoints,
				{ json: { url: world.receiver.url(path, 'https', host),
					enabled_events: ['customer.created'] } });
			world.endpoints.push(body.id);
		}
		return world;
	}

	async makeEvent() {
		const number = ++this.made;
		await this.server.until('POST', '/v1/customers',
			{ key: `customer-${number}`, json: { name: `${number}` } });
	}

	// The courier, by its successor.
	async replace() {
		await this.server.kill(courier);
		await this.server.whenProcess(courier);
	}

	jump(seconds) {
		this.ahead += seconds;
		this.server.faults.moveClock(this.ahead);
		figures.jumps++;
	}

	// How many different events have come.
	arrived(path) {
		return new Set(this.receiver.of(path)
			.map(({ body }) => JSON.parse(body).id)).size;
	}

	// Of the latest ones at each endpoint, which is as many as are shown.
	states() {
		return this.endpoints.flatMap((id) => operate(this.server.store,
			'webhook', 'deliveries', id, '--limit', '100').data)
			.map(({ delivery }) => delivery.state);
	}

	// What has failed is tried again in its time, which then comes.
	async whenArrived() {
		const isThere = () => this.paths.every((path) =>
			this.arrived(path) === this.made);
		for (let i = 0; i < 4000; i++) {
			if (isThere())
				return;
			assert.ok(!this.server.hasEnded, this.server.log());
			await pause(5);
			if (i % 60 === 59)
				this.jump(aWhile);
		}
		assert.fail(`${this.paths.map((path) => this.arrived(path))} of ` +
			`${this.made} events:\n${this.server.log().slice(-3000)}`);
	}

	async whenKnown() {
		for (let i = 0; i < 100; i++) {
			const states = this.states();
			if (states.every((state) => state === 'succeeded')) {
				assert.equal(states.length, 2 * Math.min(this.made, 100));
				return;
			}
			this.jump(aWhile);
			await pause(50);
		}
		assert.deepEqual(this.states().filter((state) =>
			state !== 'succeeded'), []);
	}

	// Each event is at each path, always with the same body.
	async assertArrived() {
		const { data } = (await this.server.until('GET',
			`${events}?limit=100`)).body;
		const ids = data.map(({ id }) => id);
		assert.equal(ids.length, Math.min(100, this.made));
		for (const path of this.paths) {
			const bodies = new Map();
			for (const { body } of this.receiver.of(path)) {
				const { id } = JSON.parse(body);
				assert.equal(body, bodies.get(id) ?? body, id);
				bodies.set(id, body);
			}
			assert.equal(bodies.size, this.made);
			for (const id of ids)
				assert.ok(bodies.has(id), `${id} at ${path}`);
		}
		for (const id of this.endpoints)
			assert.equal((await this.server.until('GET',
				`${cardEndpoints}/${id}`)).body.status, 'enabled');
		assert.deepEqual(this.server.verify().findings, []);
		figures.events += this.made;
		figures.requests += this.receiver.requests.length;
	}
}

const nameOf = ({ call, error = 'a part' }) => `${call}: ${error}`;

// The first, the second call and so on, until none is hit any more.
async function sweep(world, row, kind) {
	for (let i = 1; i <= nthMax; i++) {
		const nth = isLong ? i : 1 + random(2);
		world.server.faults.arm({ ...row, nth });
		if (atFirst.includes(row.call))
			await world.replace();
		await world.makeEvent();
		await world.whenArrived();
		const struck = world.server.faults.struck();
		world.server.faults.disarm();
		const name = nameOf(row);
		figures.struck[name] = (figures.struck[name] ?? 0) + struck;
		hits.add(`${kind}: ${name}`, struck);
		figures.unstruck += struck === 0;
		if (struck === 0)
			break;
	}
	assert.deepEqual(crashesIn(world.server.newLog()).filter((line) =>
		row.call !== 'malloc' || !outOfMemory.test(line)), []);
}

const settingsOf = { 'with a committer': [{}, plan],
	'that commits by itself': [{ committers: 0 }, planAlone] };

describe('one call that fails of a courier', () => {
	for (const [name, [settings, calls]] of Object.entries(settingsOf))
		test(name, async (t) => {
			const world = await World.open(t, settings);
			for (const row of rowsOf(calls).filter((one) =>
				isLong || isNamed(one) || random(6) === 0))
				await t.test(nameOf(row), async () => {
					await sweep(world, row, name);
					if (isLong)
						await world.whenKnown();
				});
			await world.whenKnown();
			await world.assertArrived();
		});
	test('no row is in vain', (t) => hits.settle(t));
});

// Days of it disable an endpoint that fails; this one does not.
test('a host without files for days blames no endpoint', async (t) => {
	const world = await World.open(t);
	const faults = () => world.server.faults;
	await world.makeEvent();
	await world.whenArrived();
	await world.whenKnown();
	faults().arm({ process: courier, call: 'socket', error: 'EMFILE',
		nth: 1, stuck: true });
	await world.makeEvent();
	for (let days = 0; days <= 6; days += 2) {
		const before = faults().struck();
		for (let i = 0; i < 4000 && faults().struck() < before + 2; i++)
			await pause(5);
		assert.ok(faults().struck() > before, `${days}`);
		world.jump(2 * 24 * 60 * 60);
	}
	figures.struck.days = faults().struck();
	faults().disarm();
	await world.whenArrived();
	await world.whenKnown();
	await world.assertArrived();
	assert.match(world.server.log(),
		/no webhook can be sent: .*Too many open files/);
});
