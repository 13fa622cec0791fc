// A merchant's client as the contract's error reference has it, unchanged but
// for host and key, meets each type of error; at a 429 it waits and succeeds.
//
// That wait is real, for it is the client's own: a window ends with a minute
// of the server's clock.  So the server is given a clock that stands a few
// seconds before the end of a minute (clock_offset_s), and this process one
// that agrees with it, as those of two hosts do.  Nothing is asserted of how
// long it took: on a host so slow that it misses the end of that minute, it is
// the 60 s of the next one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startServer } from './harness.mjs';
import { StableClient, StableError } from './stable_client.mjs';
import { coinIn, createCoin, createCoinAccount } from './stable_fixtures.mjs';

const limit = 3;
// Where in its minute the server's clock is when it starts.
const startSecond = 52;

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

const clientOf = (host, key) => new StableClient({ host, key });

async function assertThrows(ask, expected) {
	await assert.rejects(ask, (error) => {
		assert.ok(error instanceof StableError, error.stack);
		const { status, type, code } = error;
		assert.deepEqual({ status, type, code }, expected);
		return true;
	});
}

describe('the client', () => {
	const payment = () => ({ amount: 4.5, currency: 'usd',
		merchant_id: server.merchantId });
	const client = (key = server.testKey) => clientOf(server.baseUrl, key);

	test('makes, reads and cancels a payment', async () => {
		const made = await client().createIntent(payment());
		assert.equal(made.status, 'awaiting_payment');
		assert.deepEqual(await client().getIntent(made.id), made);
		const { status } = await client().cancelIntent(made.id);
		assert.equal(status, 'cancelled');
	});

	test('tells a mistake in the request', () =>
		assertThrows(client().createIntent({ ...payment(), amount: 0 }),
			{ status: 400, type: 'invalid_request_error',
				code: 'amount_out_of_range' }));

	test('tells a wrong key', () =>
		assertThrows(client('sk_test_0').getIntent('pi_1'),
			{ status: 401, type: 'authentication_error',
				code: 'invalid_api_key' }));

	test('tells a key of the other mode', async () => {
		const account = await createCoinAccount(server);
		const { id } = await createCoin(server, {},
			{ key: account.liveKey, merchantId: account.merchantId });
		await assertThrows(client(account.testKey).getIntent(id),
			{ status: 403, type: 'authorization_error',
				code: 'environment_mismatch' });
	});

	test('tells what is not there', () =>
		assertThrows(client().getIntent('pi_1'),
			{ status: 404, type: 'not_found_error',
				code: 'intent_not_found' }));

	test('tells a conflict', async () => {
		const { id } = await coinIn(server, 'confirmed');
		await assertThrows(client().cancelIntent(id),
			{ status: 409, type: 'conflict_error',
				code: 'intent_not_cancellable' });
	});

	test('tries again when the error is the server\'s', async (t) => {
		const faulty = await startServer(t, { workers: 1,
			settings: { faults: 'commit=full@1,grow=full',
				sweepers: 0 } });
		const key = faulty.testKey;
		const made = await clientOf(faulty.baseUrl, key).createIntent({
			...payment(), merchant_id: faulty.merchantId,
			idempotency_key: 'once' });
		assert.equal(made.status, 'awaiting_payment');
	});
});

describe('at the rate limit', () => {
	const real = { fetch: globalThis.fetch, now: Date.now };
	const answers = [];

	after(() => {
		globalThis.fetch = real.fetch;
		Date.now = real.now;
	});

	// The client's clock, and what it is told.
	function watch(offset) {
		Date.now = () => real.now() + offset * 1000;
		globalThis.fetch = async (...words) => {
			const response = await real.fetch(...words);
			answers.push({ status: response.status,
				reset: Number(response.headers.get('X-RateLimit-Reset')) });
			return response;
		};
	}

	test('the client waits until the window resets, and succeeds',
		async (t) => {
			const second = Math.floor(real.now() / 1000) % 60;
			const offset = (startSecond - second + 60) % 60;
			const limited = await startServer(t, { settings: {
				rate_stable_test: limit, clock_offset_s: offset } });
			const client = clientOf(limited.baseUrl, limited.testKey);
			const refused = () =>
				answers.findIndex(({ status }) => status === 429);
			const made = [];
			watch(offset);
			// A window may turn under the first ones, but not under all.
			for (let i = 0; i <= 2 * limit && refused() < 0; i++)
				made.push(await client.createIntent({ amount: 1 + i,
					currency: 'usd', merchant_id: limited.merchantId }));
			assert.ok(refused() >= limit, 'it met a 429');
			assert.equal(answers.at(-1).status, 201);
			assert.ok(answers.at(-1).reset > answers[refused()].reset);
			// Each payment that was asked for was made, once.
			assert.equal(answers.filter(({ status }) => status === 201).length,
				made.length);
			assert.deepEqual(made.map(({ amount }) => amount),
				made.map((_, i) => 1 + i));
		});
});
