// kill -9 of workers and of the supervisor, and SIGTERM, under a mixed load:
// what was answered is there, once, and a key still gives its first outcome.
//
// CRASH_SECONDS=60 makes the load on dying workers last so long.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';

import { amount } from '../http/amount.mjs';
import { createIntent, getIntent, until, visa } from '../http/fixtures.mjs';
import { assertOk, assertRefused, startServer } from '../http/harness.mjs';
import { assertAllThere, goOn, Load } from '../http/load.mjs';
import { whenEnded } from '../http/runner.mjs';

const seconds = amount('CRASH_SECONDS', { short: 0, long: 60 });
const killsWanted = amount('CRASH_KILLS', { short: 20, long: 100 });
const shoppers = 12;
// The port is another one after a restart; links in answers are not.
const options = { workers: 4, settings: { restart_backoff_ms: 50, restarts_max: 0,
	public_url: 'https://pay.example.com' } };

function killOne(pid) {
	try {
		process.kill(pid, 'SIGKILL');
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
	}
}

const pick = (list) => list[Math.floor(Math.random() * list.length)];

// Kills a worker, sometimes all of them; returns how many.
function killSome(server) {
	const { workers } = server.pids();
	if (workers.length === 0)
		return 0;
	const chosen = Math.random() < 0.1 ? workers : [pick(workers)];
	chosen.forEach(killOne);
	return chosen.length;
}

// Kills after every few answers, at any point of the next requests, until
// there were enough kills and answers, a request felt one, and the time is up.
function killAlong(load, { kills, answers }) {
	const end = Date.now() + seconds * 1000;
	const done = { kills: 0, answers: 0 };
	let next = 10;

	load.onAnswer = () => {
		if (++done.answers < next)
			return;
		next += 1 + Math.floor(Math.random() * 60);
		setTimeout(() => { done.kills += killSome(load.server); },
			Math.random() * 5);
		load.open = done.kills < kills || done.answers < answers ||
			!load.refusals.has(502) || Date.now() < end;
	};
	return done;
}

// Calls `strike` once, after so many answers.
function strikeAfter(load, answers, strike) {
	let left = answers;

	load.onAnswer = () => {
		if (--left === 0)
			strike();
	};
}

function assertNoAssertion(server) {
	assert.doesNotMatch(server.log(), /[Aa]ssert|Sanitizer|signal ([67]|11)\b/);
}

describe('kill -9 of workers', () => {
	test('loses nothing and doubles nothing', async (t) => {
		const server = await startServer(t, options);
		const load = new Load(server);
		const done = killAlong(load,
			{ kills: killsWanted, answers: 20 * killsWanted });
		await load.run(shoppers);
		await until(() => server.pids(),
			({ workers }) => workers.length === options.workers);
		await assertAllThere(load);
		assertNoAssertion(server);
		t.diagnostic(`${done.kills} kills, ${load.answered.length} ` +
			`requests, ${JSON.stringify([...load.refusals])}`);
		assert.ok(done.kills >= killsWanted);
		// None was felt as a request that hung (504).
		for (const reason of load.refusals.keys())
			assert.ok([502, 'ECONNRESET'].includes(reason), reason);
	});
});

describe('kill -9 of a worker that is asking the engine', () => {
	test('leaves the payment processing, and the key knows it', async (t) => {
		const server = await startServer(t, { settings: {
			sandbox_latency_ms: 1000, idempotency_wait_ms: 0,
			request_timeout_ms: 1500, connection_timeout_ms: 500 } });
		const { id } = await createIntent(server, { payment_method: visa });
		const confirm = () => server.request('POST',
			`/v1/payment_intents/${id}/confirm`,
			{ headers: { 'Idempotency-Key': 'confirm' } });
		const pending = confirm();
		const asked = await until(() => getIntent(server, id),
			({ status }) => status === 'processing');
		server.pids().workers.forEach(killOne);
		assertRefused(await pending, { status: 502 });
		const refused = await confirm();
		assertRefused(refused, { status: 409, code: 'idempotency_key_in_use' });
		const replayed = await until(confirm, ({ status }) => status !== 409);
		assert.deepEqual(assertOk(replayed), asked);
		assert.equal(replayed.headers['idempotent-replayed'], 'true');
		const paid = assertOk(await server.request('POST',
			`/v1/test_helpers/payment_intents/${id}/transition`,
			{ json: { status: 'succeeded' } }));
		assert.deepEqual([paid.status, paid.charges.data.length],
			['succeeded', 1]);
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});
});

describe('kill -9 of a worker that was sent a client_secret', () => {
	test('leaves none of it in the logs', async (t) => {
		const server = await startServer(t,
			{ settings: { sandbox_latency_ms: 1000 } });
		const { id, client_secret: secret } = await createIntent(server);
		const pending = server.request('POST',
			`/v1/payment_intents/${id}/confirm?client_secret=${secret}`,
			{ key: server.publishableKey, json: { payment_method: visa } });
		await until(() => getIntent(server, id),
			({ status }) => status === 'processing');
		server.pids().workers.forEach(killOne);
		assertRefused(await pending, { status: 502 });
		await server.halt();
		const log = server.log();
		assert.ok(log.includes('status=502'), 'the request is in the log');
		assert.ok(!log.includes(secret), 'the whole secret');
		assert.ok(!log.includes(secret.slice(`${id}_secret_`.length)));
	});
});

// A load, in the midst of which something ends the server; then the same on
// another server with the same data.
async function runOverEnd(t, strike) {
	const first = await startServer(options);
	let second;
	t.after(async () => {
		await second?.stop();
		await first.stop();
	});
	const load = new Load(first);
	const { web } = first.pids();
	strikeAfter(load, 300, () => strike(first));
	await load.run(shoppers);
	const ended = await first.child.ended;
	await whenEnded([web]);
	assert.equal(first.pids().supervisor, undefined);
	assertNoAssertion(first);
	second = await startServer({ ...options, home: first.home });
	const fields = ['testKey', 'liveKey', 'publishableKey', 'merchantId'];
	for (const name of fields)
		assert.equal(second[name], first[name]);
	await goOn(load, second);
	strikeAfter(load, 100, () => { load.open = false; });
	await load.run(shoppers);
	await assertAllThere(load);
	return { load, ended };
}

describe('the end of the supervisor', { concurrency: 2 }, () => {
	test('by kill -9 loses nothing and doubles nothing', async (t) => {
		const { ended } = await runOverEnd(t, (server) =>
			process.kill(server.pids().supervisor, 'SIGKILL'));
		assert.deepEqual(ended, { code: 1, signal: null });
	});

	// The web server ends by itself when scripts/run is gone.
	test('and of scripts/run by kill -9 neither', async (t) => {
		const { ended } = await runOverEnd(t, (server) => {
			const { run, supervisor, workers } = server.pids();
			[run, supervisor, ...workers].forEach(killOne);
		});
		assert.deepEqual(ended, { code: null, signal: 'SIGKILL' });
	});
});

describe('SIGTERM', { concurrency: 3 }, () => {
	test('lets running requests end, and all is there after', async (t) => {
		const { load, ended } = await runOverEnd(t, (server) =>
			server.child.kill('SIGTERM'));
		assert.deepEqual(ended, { code: 0, signal: null });
		// Refused or not taken any more, but none taken and dropped.
		for (const reason of load.refusals.keys())
			assert.ok(['ECONNREFUSED', 'ECONNRESET'].includes(reason),
				`${reason}`);
	});

	for (const [who, pidOf] of Object.entries({
		'scripts/run': (server) => server.child.pid,
		'the supervisor': (server) => server.pids().supervisor,
	}))
		test(`to ${who} waits for the request that is asking the engine`,
			async (t) => {
				const settings = { sandbox_latency_ms: 700 };
				const server = await startServer(t, { settings });
				const { id } = await createIntent(server,
					{ payment_method: visa });
				const pending = server.request('POST',
					`/v1/payment_intents/${id}/confirm`);
				await until(() => getIntent(server, id),
					({ status }) => status === 'processing');
				process.kill(pidOf(server), 'SIGTERM');
				assert.equal(assertOk(await pending).status, 'succeeded');
				await server.child.ended;
				assert.ok(!existsSync(server.socket));
			});
});
