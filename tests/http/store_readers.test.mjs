// Another program has all slots of the store's readers: who has one goes on,
// who has none says so, and nobody has to be restarted once they are free.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createIntent, getIntent } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { holdStore } from './holder.mjs';

const full = { status: 503, type: 'api_error', code: 'service_unavailable' };
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// Until the web server finds the worker that has just been started.
const between = 502;

async function firstAnswer(server, path) {
	for (let i = 0; i < 400; i++) {
		const answer = await server.request('GET', path);
		if (answer.status !== between)
			return answer;
		await rest(10);
	}
	throw new Error('no worker answers');
}

test('a full table of readers keeps nobody from reading who had read',
	async (t) => {
		const server = await startServer(t, { workers: 1 });
		const intent = await createIntent(server);
		const pids = server.pids();
		const holder = await holdStore(t, server.store, 'read');
		for (let i = 0; i < 5; i++) {
			assert.deepEqual(await getIntent(server, intent.id), intent);
			await createIntent(server);
		}
		await assert.rejects(server.ctl('account', 'list'),
			/the store cannot be read: full/);
		assert.deepEqual(server.pids(), pids);
		await holder.end();
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});

test('a worker without a slot answers 503 and lives on until it gets one',
	async (t) => {
		const server = await startServer(t, { workers: 1 });
		const intent = await createIntent(server);
		const path = `/v1/payment_intents/${intent.id}`;
		const holder = await holdStore(t, server.store, 'read');
		let answer;
		// It may be faster than the other program to take the dead one's.
		for (let i = 0; i < 50; i++) {
			const [worker] = server.pids().workers;
			process.kill(worker, 'SIGKILL');
			while (server.pids().workers[0] === worker ||
				server.pids().workers.length === 0)
				await rest(5);
			answer = await firstAnswer(server, path);
			if (answer.status !== 200)
				break;
		}
		assertRefused(answer, full);
		const pids = server.pids();
		assert.equal(pids.workers.length, 1);
		for (let i = 0; i < 5; i++) {
			assertRefused(await server.request('GET', path), full);
			assertRefused(await server.request('POST',
				'/v1/payment_intents',
				{ json: { amount: 2000, currency: 'usd' } }), full);
		}
		assert.deepEqual(server.pids(), pids);
		// Killed: the slots are a dead process's, and are taken from it.
		await holder.end();
		assert.deepEqual(assertOk(await server.request('GET', path)), intent);
		await createIntent(server);
		assert.deepEqual(server.pids(), pids);
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});
