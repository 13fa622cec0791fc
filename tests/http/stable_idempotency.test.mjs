// Idempotency of the stable contract (README, section 3): the key in the body
// or in the header; a replay answers with the intent as it now is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, operatorKey } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { cancel, coinIn, createCoin, createCoinAccount, createMerchant,
	getCoin, helpers, intents, listOf, pay, postCoin, refusal, settle,
	transfersOf } from './stable_fixtures.mjs';

const badKey = (param) => ({ ...refusal.invalid, param });
const inHeader = (key) => ({ headers: { 'Idempotency-Key': key } });
const inBody = (key) => ({ idempotency_key: key });

let server;
let keys = 0;

const freshKey = () => `key ${++keys}`;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

const isReplay = ({ headers }) => headers['idempotent-replayed'] === 'true';

function assertReplay(answer) {
	assert.equal(answer.status, 200, answer.text);
	assert.ok(isReplay(answer), 'Idempotent-Replayed');
	return answer.body;
}

function assertFresh(answer, status = 201) {
	assert.equal(answer.headers['idempotent-replayed'], undefined);
	return assertOk(answer, status);
}

describe('the key', () => {
	const ways = {
		'in the body': (key) => [inBody(key), {}],
		'in the header': (key) => [{}, inHeader(key)],
		'in both': (key) => [inBody(key), inHeader(key)],
	};
	for (const [first, given] of Object.entries(ways))
		for (const [second, again] of Object.entries(ways))
			test(`${first}, and again ${second}, is one`, async () => {
				const key = freshKey();
				const made = assertFresh(
					await postCoin(server, ...given(key)));
				assert.deepEqual(assertReplay(
					await postCoin(server, ...again(key))), made);
			});

	test('in both and different is refused', async () => {
		const before = await listOf(server, intents);
		assertRefused(await postCoin(server, inBody('one'), inHeader('two')),
			badKey('idempotency_key'));
		const after = await listOf(server, intents);
		assert.equal(after.total_count, before.total_count);
	});

	test('has 1 to 255 characters of printable ASCII', async () => {
		for (const key of ['k', 'k'.repeat(255), ' !"#~'])
			assertFresh(await postCoin(server, inBody(key)));
		for (const key of ['', 'k'.repeat(256), 'schl\u00fcssel', 'a\tb', 7,
			null, true, ['k']]) {
			const error = assertRefused(await postCoin(server, inBody(key)),
				refusal.invalid);
			assert.match(error.param, /^idempotency_key\b/);
		}
		assertRefused(await postCoin(server, {}, inHeader('k'.repeat(256))),
			badKey('Idempotency-Key'));
	});

	test('may come in a form', async () => {
		const key = freshKey();
		const made = assertFresh(await postCoin(server, inBody(key)));
		const answer = await request('POST', intents, { form: { amount: '4.50',
			currency: 'usd', merchant_id: server.merchantId,
			idempotency_key: key } });
		assert.deepEqual(assertReplay(answer), made);
	});

	test('is no parameter of a read', async () => {
		const { id } = await createCoin(server);
		assertRefused(await request('GET',
			`${intents}/${id}?idempotency_key=k`), badKey('idempotency_key'));
		assertOk(await request('GET', `${intents}/${id}`, inHeader('k')));
	});

	test('is optional', async () => {
		const [one, other] = [await createCoin(server),
			await createCoin(server)];
		assert.notEqual(one.id, other.id);
	});
});

describe('a replay answers with the intent as it now is', () => {
	const afterwards = {
		'paid in part': (id) => pay(server, id, { amount: 1 }),
		confirmed: (id) => pay(server, id),
		cancelled: (id) => cancel(server, id),
		settled: (id) => pay(server, id).then(() => settle(server, id)),
	};
	for (const [what, act] of Object.entries(afterwards))
		test(`after it was ${what}`, async () => {
			const key = freshKey();
			const { id } = await createCoin(server, inBody(key));
			const now = await act(id);
			assert.deepEqual(assertReplay(
				await postCoin(server, inBody(key))), now);
			assert.deepEqual(await getCoin(server, id), now);
		});

	test('of a payment: it is not paid again', async () => {
		const { id } = await createCoin(server);
		const json = { amount: 1, ...inBody(freshKey()) };
		const path = `${helpers}/${id}/pay`;
		assertFresh(await request('POST', path, { json }), 200);
		await pay(server, id, { amount: 2 });
		const again = assertReplay(await request('POST', path, { json }));
		assert.equal(again.amount_received, 3);
		assert.equal((await transfersOf(server, id)).length, 2);
	});

	test('of a cancellation and of a settlement', async () => {
		const open = await createCoin(server);
		const paid = await coinIn(server, 'confirmed');
		for (const [path, status] of [
			[`${intents}/${open.id}/cancel`, 'cancelled'],
			[`${helpers}/${paid.id}/settle`, 'settled']]) {
			const json = inBody(freshKey());
			const first = assertFresh(
				await request('POST', path, { json }), 200);
			assert.equal(first.status, status);
			assert.deepEqual(assertReplay(
				await request('POST', path, { json })), first);
		}
	});

	test('white space, order and spelling of a number do not matter',
		async () => {
			const key = freshKey();
			const id = server.merchantId;
			const bodies = [
				`{"amount":4.5,"currency":"usd","merchant_id":"${id}",` +
					`"metadata":{"a":"1","b":"2"},"idempotency_key":"${key}"}`,
				`{ "idempotency_key" : "${key}",\n"metadata":` +
					`{"b":"2","a":"1"}, "merchant_id":"${id}",` +
					'"currency":"u\\u0073d", "amount":4.50}',
			];
			const answers = [];
			for (const body of bodies)
				answers.push(await request('POST', intents, { body,
					headers: { 'Content-Type': 'application/json' } }));
			assert.deepEqual(assertReplay(answers[1]),
				assertFresh(answers[0]));
		});

	test('of eight at once, one makes it', async () => {
		const key = freshKey();
		const answers = await Promise.all(Array.from({ length: 8 }, () =>
			postCoin(server, inBody(key))));
		const made = answers.filter(({ status }) => status === 201);
		assert.equal(made.length, 1);
		for (const answer of answers)
			if (answer !== made[0])
				assert.deepEqual(assertReplay(answer), made[0].body);
	});
});

describe('the key with another request', () => {
	const others = { amount: 4.51, ttl: 301, metadata: { a: 'b' } };
	for (const [name, value] of Object.entries(others))
		test(`another ${name} conflicts`, async () => {
			const key = freshKey();
			const made = await createCoin(server, inBody(key));
			const { total_count: count } = await listOf(server, intents);
			for (const [more, options] of [[inBody(key), {}],
				[{}, inHeader(key)]])
				assertRefused(await postCoin(server,
					{ ...more, [name]: value }, options), refusal.conflict);
			const after = await listOf(server, intents);
			assert.equal(after.total_count, count);
			assert.deepEqual(await getCoin(server, made.id), made);
		});

	test('another merchant of the account conflicts', async () => {
		const key = freshKey();
		await createCoin(server, inBody(key));
		const { id } = await createMerchant(server, server.accountId);
		assertRefused(await postCoin(server,
			{ ...inBody(key), merchant_id: id }), refusal.conflict);
	});

	test('another path conflicts, and so does another intent', async () => {
		const key = freshKey();
		const [one, other] = [await createCoin(server),
			await createCoin(server)];
		const json = inBody(key);
		assertOk(await request('POST', `${helpers}/${one.id}/pay`, { json }));
		for (const path of [`${helpers}/${other.id}/pay`,
			`${intents}/${other.id}/cancel`, `${helpers}/${one.id}/settle`])
			assertRefused(await request('POST', path, { json }),
				refusal.conflict);
		assert.deepEqual(await getCoin(server, other.id), other);
	});

	test('it is one for both contracts', async () => {
		const key = freshKey();
		await createCoin(server, {}, inHeader(key));
		assertRefused(await request('POST', '/v1/payment_intents',
			{ ...inHeader(key), json: { amount: 450, currency: 'usd' } }),
		{ status: 422, code: 'idempotency_key_reuse', param: null });
	});

	test('a parameter is looked at before', async () => {
		const key = freshKey();
		await createCoin(server, inBody(key));
		assertRefused(await postCoin(server, { ...inBody(key), amount: 0 }),
			{ status: 400, code: 'amount_out_of_range' });
	});
});

describe('its scope', () => {
	test('is the account', async () => {
		const key = freshKey();
		const other = await createAccount(server);
		const mine = await createCoin(server, inBody(key));
		const theirs = await createCoin(server, inBody(key),
			{ key: other.testKey, merchantId: other.merchantId });
		assert.notEqual(mine.id, theirs.id);
	});

	test('is the mode', async () => {
		const key = freshKey();
		const { testKey, liveKey, merchantId } =
			await createCoinAccount(server);
		const test = await createCoin(server, inBody(key),
			{ key: testKey, merchantId });
		const live = await createCoin(server, inBody(key),
			{ key: liveKey, merchantId });
		assert.notEqual(test.id, live.id);
	});

	test('is all keys of the account', async () => {
		const key = freshKey();
		const made = await createCoin(server, inBody(key));
		const { secret } = await operatorKey(server, server.accountId,
			'--mode', 'test', '--type', 'secret');
		assert.deepEqual(assertReplay(await postCoin(server, inBody(key),
			{ key: secret })), made);
	});
});

describe('a refusal', () => {
	test('by the state is remembered', async () => {
		const { id } = await coinIn(server, 'confirmed');
		const json = inBody(freshKey());
		const path = `${intents}/${id}/cancel`;
		const first = await request('POST', path, { json });
		assertRefused(first, refusal.notCancellable);
		assert.ok(!isReplay(first));
		const again = await request('POST', path, { json });
		assert.equal(again.text, first.text);
		assert.ok(isReplay(again));
	});

	test('before the state leaves the key free', async () => {
		const account = await createCoinAccount(server);
		const options = { key: account.testKey,
			merchantId: account.merchantId };
		const json = inBody(freshKey());
		await server.ctl('merchant', 'suspend', account.merchantId);
		for (const [more, code] of [[{ amount: 0 }, 'amount_out_of_range'],
			[{ merchant_id: 'x' }, 'invalid_merchant'],
			[{ merchant_id: server.merchantId }, 'merchant_not_found'],
			[{}, 'merchant_not_active']])
			assertRefused(await postCoin(server, { ...json, ...more },
				options), { code });
		await server.ctl('merchant', 'activate', account.merchantId);
		assertFresh(await postCoin(server, json, options));
	});

	test('of an unknown intent leaves the key free', async () => {
		const json = inBody(freshKey());
		const { id } = await createCoin(server);
		assertRefused(await request('POST',
			`${intents}/pi_${'0'.repeat(26)}/cancel`, { json }),
		refusal.noIntent);
		assertFresh(await request('POST', `${intents}/${id}/cancel`,
			{ json }), 200);
	});
});

describe('a key that is bound to a merchant', () => {
	test('sees no intent of another one by its idempotency key', async () => {
		const key = freshKey();
		const { id } = await createMerchant(server, server.accountId);
		const { secret } = await operatorKey(server, server.accountId,
			'--mode', 'test', '--type', 'secret', '--merchant', id);
		await createCoin(server, inBody(key));
		for (const merchant of [id, server.merchantId]) {
			const answer = await postCoin(server,
				{ ...inBody(key), merchant_id: merchant }, { key: secret });
			assertRefused(answer, refusal.conflict);
		}
	});
});

describe('24 hours later', () => {
	test('the key is free again; before, it shows the expired', async (t) => {
		const early = await startServer(t);
		const json = inBody('daily');
		const made = await createCoin(early, json);
		const { home } = early;
		const later = async (seconds, ask) => {
			const moved = await startServer({ home,
				settings: { clock_offset_s: seconds, sweepers: 0 } });
			const answer = await ask(moved);
			await moved.halt();
			return answer;
		};
		await early.halt();
		const options = { merchantId: early.merchantId };
		const replayed = assertReplay(await later(86400 - 3600,
			(moved) => postCoin(moved, json, options)));
		assert.equal(replayed.id, made.id);
		assert.equal(replayed.status, 'expired');
		const fresh = assertFresh(await later(86400,
			(moved) => postCoin(moved, json, options)));
		assert.notEqual(fresh.id, made.id);
	});
});
