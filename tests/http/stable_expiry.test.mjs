// Expiry is decided, not awaited: from expires_at on, every reader sees
// expired and every action treats it so, swept or not.  Time comes from
// clock_offset_s; most servers here have no sweeper at all.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { until } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { coinIn, createCoin, createCoinAccount, freshAddress, getCoin,
	idsOf, intents, listOf, pay, postCoin, refusal, settle, transfersOf,
	balanceOf, helpers } from './stable_fixtures.mjs';
import { assertStableShape } from './stable_shapes.mjs';

const ttl = 600;
const settings = { sweepers: 0 };
const amountTaken = { ...refusal.invalid, param: 'amount' };

// The same data, so many seconds later; the server before it has ended.
async function later(server, seconds, more = {}) {
	await server.halt();
	return startServer({ home: server.home,
		settings: { ...settings, clock_offset_s: seconds, ...more } });
}

const awaited = (server, options) => createCoin(server, { ttl }, options);
const countOf = async (server, status) => (await listOf(server, intents,
	status ? { status } : {})).total_count;
const counts = async (server) => Promise.all(['awaiting_payment', 'expired',
	'confirmed', undefined].map((status) => countOf(server, status)));

function assertExpired(found, made) {
	assertStableShape(found, 'payment_intent');
	assert.deepEqual(found, { ...made, status: 'expired',
		expired_at: made.expires_at, qr_image_url: found.qr_image_url });
}

describe('an awaited payment whose time has come, with no sweeper', () => {
	let server;
	let fixed;
	const made = {};

	before(async () => {
		server = await startServer({ settings });
		fixed = await createCoinAccount(server,
			'--payment-address', freshAddress());
		for (const name of ['read', 'listed', 'cancelled', 'settled', 'paid',
			'overpaid', 'picture', 'replayed'])
			made[name] = await createCoin(server,
				{ ttl, idempotency_key: name });
		made.partly = await pay(server, (await awaited(server)).id,
			{ amount: 1 });
		made.confirmed = await pay(server, (await awaited(server)).id);
		made.longer = await createCoin(server, { ttl: 3600 });
		made.fixed = await awaited(server,
			{ key: fixed.testKey, merchantId: fixed.merchantId });
		assert.deepEqual(await counts(server), [10, 0, 1, 11]);
		server = await later(server, ttl);
	});

	after(() => server.stop());

	test('is expired to whoever reads it, at expires_at', async () => {
		assertExpired(await getCoin(server, made.read.id), made.read);
		assertExpired(await getCoin(server, made.partly.id), made.partly);
	});

	test('is expired in lists and counts', async () => {
		assert.deepEqual(await counts(server), [1, 9, 1, 11]);
		const expired = await listOf(server, intents, { status: 'expired' });
		for (const one of expired.data)
			assertExpired(one, one);
		assert.ok(idsOf(expired).includes(made.listed.id));
		assert.deepEqual(idsOf(expired), idsOf(expired).sort().reverse());
		const open = await listOf(server, intents,
			{ status: 'awaiting_payment' });
		assert.deepEqual(idsOf(open), [made.longer.id]);
		const all = await listOf(server, intents, { limit: 100 });
		assert.equal(all.data.filter(({ status }) => status === 'expired')
			.length, 9);
	});

	test('expired ones come by pages, both ways', async () => {
		const all = idsOf(await listOf(server, intents,
			{ status: 'expired' }));
		const first = await listOf(server, intents,
			{ status: 'expired', limit: 4 });
		const second = await listOf(server, intents, { status: 'expired',
			limit: 5, starting_after: first.data.at(-1).id });
		assert.deepEqual([...idsOf(first), ...idsOf(second)], all);
		assert.deepEqual([first.has_more, second.has_more], [true, false]);
		const back = await listOf(server, intents, { status: 'expired',
			limit: 4, ending_before: second.data[0].id });
		assert.deepEqual(idsOf(back), idsOf(first));
	});

	test('cannot be cancelled', async () => {
		const error = assertRefused(await server.request('POST',
			`${intents}/${made.cancelled.id}/cancel`),
		refusal.notCancellable);
		assert.match(error.message, /expired/);
		assertExpired(await getCoin(server, made.cancelled.id),
			made.cancelled);
	});

	test('cannot be settled', async () => {
		const error = assertRefused(await server.request('POST',
			`${helpers}/${made.settled.id}/settle`),
		{ ...refusal.invalid, param: 'id' });
		assert.match(error.message, /expired/);
	});

	for (const [name, amount] of [['paid', 4.5], ['overpaid', 9]])
		test(`${name} now it stays expired; the money is recorded`,
			async () => {
				const before = await balanceOf(server);
				const found = await pay(server, made[name].id, { amount });
				assertExpired(found,
					{ ...made[name], amount_received: amount });
				const [transfer] = await transfersOf(server, found.id);
				assert.equal(transfer.late, true);
				assert.equal(transfer.amount, amount);
				const after = await balanceOf(server);
				assert.equal(after.pending_settlement,
					before.pending_settlement + amount);
				assert.deepEqual(await getCoin(server, found.id), found);
			});

	test('paid late, it is one of the expired still, once', async () => {
		assert.deepEqual(await counts(server), [1, 9, 1, 11]);
	});

	test('has no picture any more', async () => {
		assertRefused(await server.request('GET',
			`/v1/qr/${made.picture.id}.png`, { key: null }),
		refusal.noIntent);
		assert.equal((await fetch(`${server.baseUrl}/v1/qr/` +
			`${made.longer.id}.png`)).status, 200);
	});

	test('is expired in a replay of its creation', async () => {
		const answer = await postCoin(server,
			{ ttl, idempotency_key: 'replayed' });
		assertExpired(assertOk(answer), made.replayed);
		assert.equal(answer.headers['idempotent-replayed'], 'true');
	});

	test('holds its amount at a fixed address no longer', async () => {
		const options = { key: fixed.testKey, merchantId: fixed.merchantId };
		const next = await awaited(server, options);
		assertRefused(await postCoin(server, {}, options), amountTaken);
		assert.equal(next.payment_address, made.fixed.payment_address);
		// What comes in for the first one now does not touch the second.
		await pay(server, made.fixed.id, {}, { key: fixed.testKey });
		assertRefused(await postCoin(server, {}, options), amountTaken);
		assert.deepEqual(await getCoin(server, next.id, options), next);
	});

	test('what was confirmed in time stays so', async () => {
		const found = await getCoin(server, made.confirmed.id);
		assert.equal(found.status, 'confirmed');
		await settle(server, made.confirmed.id);
		assert.deepEqual(await counts(server), [1, 9, 0, 11]);
	});
});

describe('just before its time', () => {
	test('it is awaited still, and can be paid', async (t) => {
		const first = await startServer({ settings });
		const made = await createCoin(first, { ttl: 3600 });
		const server = await later(first, 3000);
		t.after(() => server.stop());
		assert.equal((await getCoin(server, made.id)).status,
			'awaiting_payment');
		const paid = await pay(server, made.id);
		assert.equal(paid.status, 'confirmed');
		assert.equal((await transfersOf(server, made.id))[0].late, false);
	});
});

describe('to write expiry down', () => {
	let server;
	let made;

	before(async () => {
		server = await startServer({ settings });
		made = [];
		for (let i = 0; i < 5; i++)
			made.push(await createCoin(server, { ttl: 60 + 60 * i }));
		made.push(await createCoin(server, { ttl: 3600 }));
	});

	after(() => server.stop());

	const sweep = (...words) => server.ctl('sweep', '--until-idle', ...words);
	const at = (intent, seconds = 0) => new Date(
		Date.parse(intent.expires_at) + seconds * 1000).toISOString()
		.replace('.000', '');

	test('before any is due, nothing is done', async () => {
		await sweep();
		await sweep('--at', at(made[0], -1));
		assert.deepEqual(await counts(server), [6, 0, 0, 6]);
	});

	test('at expires_at that one is expired, to all clocks', async () => {
		await sweep('--at', at(made[0]));
		assert.deepEqual(await counts(server), [5, 1, 0, 6]);
		assertExpired(await getCoin(server, made[0].id), made[0]);
		assertRefused(await server.request('POST',
			`${intents}/${made[0].id}/cancel`), refusal.notCancellable);
	});

	test('all that are due at once; again, nothing', async () => {
		for (let i = 0; i < 2; i++) {
			await sweep('--at', at(made[4]));
			assert.deepEqual(await counts(server), [1, 5, 0, 6]);
		}
		const expired = await listOf(server, intents, { status: 'expired' });
		assert.deepEqual(idsOf(expired),
			made.slice(0, 5).map(({ id }) => id).reverse());
		for (const [i, one] of expired.data.entries())
			assertExpired(one, made[4 - i]);
	});

	test('late money finds it swept as it would unswept', async () => {
		const found = await pay(server, made[1].id);
		assertExpired(found, { ...made[1], amount_received: 4.5 });
		assert.equal((await transfersOf(server, found.id))[0].late, true);
		assert.deepEqual(await counts(server), [1, 5, 0, 6]);
	});

	test('it changes nothing that a reader sees', async () => {
		const one = await coinIn(server, 'awaiting_payment', {}, { ttl });
		const other = await pay(server, (await awaited(server)).id,
			{ amount: 2 });
		server = await later(server, ttl);
		const seen = async () => [await counts(server),
			await listOf(server, intents, { status: 'expired', limit: 100 }),
			await getCoin(server, one.id), await getCoin(server, other.id),
			await balanceOf(server)];
		const before = await seen();
		await sweep('--at', at(other));
		assert.deepEqual(await seen(), before);
		assert.equal(before[2].status, 'expired');
	});

	test('the store is whole after all that', async () => {
		await server.ctl('verify');
	});
});

describe('the server\'s own sweeper', () => {
	test('writes down what is due, and leaves the rest', async (t) => {
		const first = await startServer({ settings });
		const due = await awaited(first);
		const open = await createCoin(first, { ttl: 3600 });
		let server = await later(first, ttl,
			{ sweepers: 1, sweep_interval_ms: 10 });
		// To a server whose clock is right, only what is written is expired.
		const written = async () => {
			const found = await server.ctl('intent', 'show', due.id);
			return found.status;
		};
		await until(written, (status) => status === 'expired');
		server = await later(server, 0);
		t.after(() => server.stop());
		assertExpired(await getCoin(server, due.id), due);
		assert.equal((await getCoin(server, open.id)).status,
			'awaiting_payment');
		assert.deepEqual(await counts(server), [1, 1, 0, 2]);
	});
});
