// What happens to deliveries when the server ends, is replaced, hangs or has a
// full store: none is lost, and none comes twice that was not under way.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { until } from './fixtures.mjs';
import { assertOk, assertRefused, build, intentctl, startServer } from './harness.mjs';
import { stop, until as awaiting } from './kept.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { isRunning, makeFolder, start, whenEnded } from './runner.mjs';
import { stableEndpoints } from './webhook_fixtures.mjs';
import { dawdle, openShop, settingsFor } from './webhooks_load.mjs';

// Longer than any lease.
const leaseEnd = 60;

// A shop at a server, and goOn(), which starts another one on its data.
async function openAt(t, behaviours, settings = {}) {
	const receiver = await startReceiver();
	const servers = [];
	t.after(async () => {
		// The last one first: the folder is everyone's.
		for (const server of servers.reverse())
			await server.stop();
		await receiver.close();
	});
	const open = async (more) => {
		servers.push(await startServer({ ...more, settings: {
			...settingsFor(receiver), ...settings, ...more.settings } }));
		return servers.at(-1);
	};
	const server = await open({});
	const shop = await openShop(server, receiver, behaviours);
	return { shop, receiver, server, goOn: async (ahead = 0) =>
		shop.goOn(await open({ home: server.home,
			settings: { clock_offset_s: ahead } })) };
}

// Another server on the store of this one, with its settings and more.
async function startBeside(t, server, more) {
	const folder = makeFolder(t);
	const pidFile = join(folder, 'pid');
	const words = { ...server.settings, ...more, store: server.store,
		socket: join(folder, 'socket'), workers: 1, pid_file: pidFile };
	const started = start(t, join(build, 'intentd'),
		Object.entries(words).map(([name, value]) => `--${name}=${value}`));
	await awaiting(() => existsSync(pidFile), Boolean);
	return started;
}

// Answers the ping of a registration, and keeps all else waiting.
function gateAll() {
	const gates = [];
	return { make: (isCoin) => {
		const gate = behave.gated();
		gates.push(gate);
		return (exchange) => isCoin && exchange.before === 0
			? behave.status(200)(exchange) : gate(exchange);
	}, open: () => gates.forEach((gate) => gate.open()) };
}

const arrivals = (shop) => shop.endpoints.reduce((count, one) =>
	count + shop.arrivals(one).length, 0);

// What the supervisor started ends with it.
function endOne(pid) {
	try {
		process.kill(pid, 'SIGKILL');
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
	}
}

const countEndpoints = async ({ server }) =>
	(await server.ctl('stats')).tables.webhook_endpoints;

const whenHeld = (shop) => shop.receiver.until(() => arrivals(shop) >= 4);

describe('deliveries that are under way', { concurrency: 3 }, () => {
	test('when the server is told to end come again', async (t) => {
		const gate = gateAll();
		const { shop, server, goOn } = await openAt(t,
			{ good: () => behave.status(200), gated: gate.make },
			{ shutdown_timeout_ms: 600 });
		await shop.pay(2);
		await whenHeld(shop);
		assert.deepEqual(await server.halt(), { code: 0, signal: null });
		assert.doesNotMatch(server.log(), /in time|signal \d/);
		gate.open();
		// By the same clock: they were given back.
		await goOn();
		await shop.whenQuiet();
		const figures = await shop.assertAllArrived();
		assert.ok(figures.doubles > 0);
		t.diagnostic(JSON.stringify(figures));
	});

	test('when the host takes all of it come when their leases end',
		async (t) => {
			const gate = gateAll();
			const { shop, server, goOn } = await openAt(t,
				{ good: () => behave.status(200), gated: gate.make });
			await shop.pay(2);
			await whenHeld(shop);
			// Nobody waits for it any more, nor for its ping.
			const waiting = shop.register('/pending', gate.make());
			await shop.receiver.until(() =>
				shop.receiver.count('/pending') === 1);
			const { run, supervisor, committer, workers, couriers, web } =
				server.pids();
			// scripts/run first, or it would see the others end.
			for (const pid of [run, supervisor, committer, ...couriers,
				...workers])
				endOne(pid);
			await waiting.catch(({ code }) => assert.equal(code, 'ECONNRESET'));
			await server.child.ended;
			await whenEnded([web, supervisor]);
			gate.open();
			assert.ok(await shop.queued() > 0);
			await goOn(leaseEnd);
			await shop.whenQuiet();
			assert.equal(await countEndpoints(shop), 4);
			assert.equal(shop.receiver.count('/pending'), 1);
			t.diagnostic(JSON.stringify(await shop.assertAllArrived()));
		});

	// What both wanted to claim, and the other one got and gives back.
	test('at another server on the store come from this one', async (t) => {
		const gate = gateAll();
		const { shop, server } = await openAt(t, Object.fromEntries(
			[1, 2, 3, 4, 5, 6].map((number) => [number, gate.make])),
		{ webhook_interval_ms: 10 });
		const other = await startBeside(t, server,
			{ shutdown_timeout_ms: 3000 });
		await shop.pay(5);
		await shop.receiver.until(() => arrivals(shop) >= 60);
		other.child.kill('SIGTERM');
		assert.equal((await other.ended).code, 0);
		gate.open();
		await shop.whenQuiet();
		t.diagnostic(JSON.stringify(await shop.assertAllArrived()));
	});

	test('at a courier that a signal has stopped come from another one',
		async (t) => {
			const gate = gateAll();
			const { shop, server } = await openAt(t,
				{ good: () => behave.status(200), gated: gate.make },
				{ request_timeout_ms: 1000, connection_timeout_ms: 500,
					idempotency_wait_ms: 0, restart_backoff_ms: 0 });
			await shop.pay(1);
			await whenHeld(shop);
			const [courier] = server.pids().couriers;
			await stop(courier);
			gate.open();
			await shop.pay(2);
			await shop.whenQuiet();
			assert.ok(!isRunning(courier));
			assert.match(server.log(), /courier \d+ \(pid \d+\) hangs/);
			const figures = await shop.assertAllArrived();
			assert.ok(figures.doubles > 0);
			t.diagnostic(JSON.stringify(figures));
		});
});

const behaviours = { good: () => behave.status(200), slow: () => dawdle(50) };

async function reload(server) {
	const { supervisor, couriers } = server.pids();
	process.kill(supervisor, 'SIGHUP');
	await awaiting(() => couriers.some(isRunning), (any) => !any);
}

async function replace(server) {
	const { supervisor, couriers } = server.pids();
	process.kill(supervisor, 'SIGUSR2');
	await awaiting(() => [supervisor, ...couriers].some(isRunning),
		(any) => !any);
}

describe('nobody loses an event, nor has one twice', { concurrency: 3 }, () => {
	async function change(t, settings, ...steps) {
		const { shop, server } = await openAt(t, behaviours, settings);
		const load = shop.run(4);
		for (const step of steps) {
			const before = shop.answers;
			await step(server);
			await awaiting(() => shop.answers,
				(answers) => answers > before + 20);
		}
		shop.open = false;
		await load;
		await shop.whenQuiet();
		const figures = await shop.assertAllArrived();
		t.diagnostic(JSON.stringify(figures));
		assert.deepEqual(figures.refusals, {});
		assert.equal(figures.doubles, 0);
		assert.doesNotMatch(server.log(), /signal \d|hangs|in time|[Aa]ssert/);
	}

	test('when settings are read again', (t) =>
		change(t, { couriers: 2 }, reload, reload));
	test('when a new program takes over', (t) =>
		change(t, {}, replace, replace, replace, replace));
	// Who commits rings the couriers.
	test('where there is no committer', (t) =>
		change(t, { committers: 0, couriers: 3, webhook_interval_ms: 60000 },
			reload));
});

describe('a registration whose worker is killed', () => {
	test('vanishes by itself, and can be made with its key', async (t) => {
		const { shop, server, receiver, goOn } = await openAt(t, {},
			{ idempotency_wait_ms: 0 });
		const gate = behave.gated();
		const register = () => shop.register('/gated', gate,
			{ idempotency_key: 'one' });
		const pending = register();
		await receiver.until(() => receiver.count('/gated') === 1);
		server.pids().workers.forEach((pid) => process.kill(pid, 'SIGKILL'));
		assertRefused(await pending, { status: 502 });
		assertRefused(await register(),
			{ status: 409, code: 'idempotency_key_in_use' });
		gate.open();
		await until(() => shop.server.ctl('stats', '--full'), (stats) =>
			stats.deliveries.test.succeeded === 1, 2000);
		assert.equal(await countEndpoints(shop), 1);
		await server.halt();
		await goOn(2 * leaseEnd);
		await shop.whenQuiet();
		assert.equal(await countEndpoints(shop), 0);
		const { data } = assertOk(await shop.server.request('GET',
			stableEndpoints, shop.coinOptions));
		assert.deepEqual(data, []);
		assert.equal(assertOk(await register(), 201).status, 'enabled');
		assert.equal(await countEndpoints(shop), 1);
		assert.deepEqual((await shop.server.ctl('verify')).findings, []);
	});
});

// -- A store that is full ----------------------------------------------------

const mebi = 1024 * 1024;
const full = { status: 503, type: 'api_error', code: 'service_unavailable' };
// As much as an intent may carry, so that the store is full soon.
const metadata = Object.fromEntries(Array.from({ length: 50 },
	(_, i) => [`key_${i}`, 'v'.repeat(500)]));

async function fill(server) {
	for (let i = 0; i < 2000; i++) {
		const answer = await server.request('POST', '/v1/payment_intents',
			{ json: { amount: 2000, currency: 'usd', metadata },
				headers: { 'Idempotency-Key': `order ${i}` } });
		if (answer.status !== 200)
			return assertRefused(answer, full);
	}
	throw new Error('the store was never full');
}

test('what is on its way when the store is full arrives once there is room',
	async (t) => {
		const gate = gateAll();
		const { shop, server } = await openAt(t,
			{ good: () => behave.status(200), gated: gate.make },
			{ sweepers: 0, store_bytes: 4 * mebi,
				store_bytes_max: 4 * mebi });
		await fill(server);
		gate.open();
		assert.ok(await shop.queued() > 0);
		const pids = server.pids();
		const later = new Date(Date.now() + 25 * 3600_000).toISOString();
		await intentctl(server.store, 'purge', '--at', later, '--yes');
		await shop.whenQuiet();
		t.diagnostic(JSON.stringify(await shop.assertAllArrived()));
		assert.deepEqual(server.pids(), pids);
		await shop.payByCard();
		assert.equal(shop.refusals.size, 0);
		await shop.whenQuiet();
		await shop.assertAllArrived();
	});
