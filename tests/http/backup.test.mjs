// intentctl backup beside a server that is written to all the time: a whole
// store, with all that was answered before it began.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { assertOk, intentctl, startServer } from './harness.mjs';

// Creates and confirms until it is told to end; `answered` grows.
function startWriters(server, count) {
	const load = { answered: [], open: true };
	const write = async () => {
		while (load.open) {
			const { id } = assertOk(await server.request('POST',
				'/v1/payment_intents', { json: { amount: 2000,
					currency: 'usd', payment_method: 'pm_card_visa' } }));
			load.answered.push(id);
			assertOk(await server.request('POST',
				`/v1/payment_intents/${id}/confirm`));
		}
	};
	const writers = Array.from({ length: count }, write);
	load.end = () => {
		load.open = false;
		return Promise.all(writers);
	};
	return load;
}

async function intentsOf(store, folder) {
	const file = join(folder, 'export.json');
	await intentctl(store, 'export', '--force', file);
	return new Set(readFileSync(file, 'utf8').trim().split('\n')
		.map((line) => JSON.parse(line).data)
		.filter((data) => data?.object === 'payment_intent')
		.map(({ id }) => id));
}

test('a backup under load is whole, and has all that was answered before',
	async (t) => {
		const server = await startServer(t);
		const load = startWriters(server, 8);
		try {
			for (const words of [[], ['--compact'], []]) {
				const copy = join(server.home, 'copy.mdb');
				rmSync(copy, { force: true });
				const length = load.answered.length;
				while (load.answered.length < length + 50)
					await new Promise((resolve) => setTimeout(resolve, 5));
				const before = load.answered.slice();
				const report = await server.ctl('backup', copy, ...words);
				// Writers did not wait for it to end.
				assert.equal(report.verified, true);
				const there = await intentsOf(copy, server.home);
				assert.deepEqual(before.filter((id) => !there.has(id)), []);
				assert.deepEqual(
					(await intentctl(copy, 'verify')).findings, []);
			}
			// The server's own store, likewise while it changes.
			const before = load.answered.slice();
			const there = await intentsOf(server.store, server.home);
			assert.deepEqual(before.filter((id) => !there.has(id)), []);
		} finally {
			await load.end();
		}
		assert.deepEqual((await server.ctl('verify')).findings, []);
		assert.ok(!existsSync(join(server.home, 'copy.mdb.intentctl-new')));
	});

test('a server takes up what was restored', async (t) => {
	const server = await startServer(t);
	const copy = join(server.home, 'copy.mdb');
	const create = async () => assertOk(await server.request('POST',
		'/v1/payment_intents', { json: { amount: 2000, currency: 'usd' } })).id;
	const kept = await create();
	await server.ctl('backup', copy);
	const lost = await create();
	await assert.rejects(server.ctl('restore', '--force', copy),
		/has the store open: stop the server first/);
	await server.halt();
	await server.ctl('restore', '--force', copy);
	const again = await startServer({ home: server.home });
	try {
		const get = (id) => again.request('GET', `/v1/payment_intents/${id}`);
		assert.equal((await get(kept)).status, 200);
		assert.equal((await get(lost)).status, 404);
		assertOk(await again.request('POST', '/v1/payment_intents',
			{ json: { amount: 2000, currency: 'usd' } }));
	} finally {
		await again.halt();
	}
});
