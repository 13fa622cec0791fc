// Who sees what in the stable contract: every endpoint with an object of
// one's own, of one's own other mode, of another account, with an unknown id
// and with one that is no id; then with keys that may do less.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createKey, operatorKey } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { coinIn, createCoin, createCoinAccount, createMerchant, getCoin,
	helpers, intents, listOf, merchants, pay, refusal, transactions,
	transfersOf } from './stable_fixtures.mjs';

let server;
let own;
let foreign;
// What an account has: by name, in the mode of the key that made it.
const things = {};

const unknown = (prefix) => `${prefix}_0t40xz8zsw9hvye44hyhzk0fm1`;
const badCursor = (param) => ({ ...refusal.invalid, param });

function request(method, path, options) {
	return server.request(method, path, options);
}

// An open intent, a paid one with its transaction, and the merchant.
async function makeThings(account, key) {
	const options = { key, merchantId: account.merchantId };
	const open = await createCoin(server, { ttl: 3600 }, options);
	const found = { intent: open.id, merchant: account.merchantId };
	if (key === account.liveKey)
		return found; // Nothing is paid in live mode without a chain.
	const paid = await coinIn(server, 'confirmed', options);
	const [transfer] = await transfersOf(server, paid.id, options);
	return { ...found, paid: paid.id, transaction: transfer.id };
}

before(async () => {
	server = await startServer();
	[own, foreign] = await Promise.all([createCoinAccount(server),
		createCoinAccount(server)]);
	Object.assign(things, {
		own: await makeThings(own, own.testKey),
		other: await makeThings(own, own.liveKey),
		foreign: await makeThings(foreign, foreign.testKey),
	});
});

after(() => server.stop());

const query = (more) => `?${new URLSearchParams({
	merchant_id: own.merchantId, ...more })}`;

// Each endpoint that names an object: how it is asked with the id, and what
// is said of an object that is not the key's.  `fresh` makes an object of
// one's own where the request changes it.
const ofIntent = { of: 'intent', prefix: 'pi', missing: refusal.noIntent,
	other: refusal.otherMode };
const ofMerchant = { of: 'merchant', prefix: 'mer',
	missing: refusal.noMerchant, malformed: refusal.badMerchant, other: 'ok' };
const post = { currency: 'usd', amount: 1 };

const endpoints = {
	'GET /v1/payment-intents/{id}': { ...ofIntent,
		ask: (id) => ['GET', `${intents}/${id}`] },
	'POST /v1/payment-intents/{id}/cancel': { ...ofIntent, fresh: true,
		ask: (id) => ['POST', `${intents}/${id}/cancel`] },
	'POST /v1/test-helpers/payment-intents/{id}/pay': { ...ofIntent,
		fresh: true, ask: (id) => ['POST', `${helpers}/${id}/pay`] },
	'POST /v1/test-helpers/payment-intents/{id}/settle': { ...ofIntent,
		fresh: 'confirmed', ask: (id) => ['POST', `${helpers}/${id}/settle`] },
	'GET /v1/transactions/{id}': { of: 'transaction', prefix: 'txn',
		missing: refusal.noTransaction,
		ask: (id) => ['GET', `${transactions}/${id}`] },
	'GET /v1/merchants/{id}': { ...ofMerchant,
		ask: (id) => ['GET', `${merchants}/${id}`] },
	'GET /v1/merchants/{id}/balance': { ...ofMerchant,
		ask: (id) => ['GET', `${merchants}/${id}/balance`] },
	'POST /v1/payment-intents, merchant_id': { ...ofMerchant, status: 201,
		ask: (id) => ['POST', intents,
			{ json: { ...post, merchant_id: id } }] },
	'GET /v1/payment-intents, merchant_id': { ...ofMerchant,
		ask: (id) => ['GET', `${intents}?merchant_id=${id}`] },
	'GET /v1/transactions, merchant_id': { ...ofMerchant,
		ask: (id) => ['GET', `${transactions}?merchant_id=${id}`] },
};
for (const name of ['starting_after', 'ending_before']) {
	endpoints[`GET /v1/payment-intents, ${name}`] = { ...ofIntent,
		missing: badCursor(name), other: badCursor(name),
		ask: (id) => ['GET', intents + query({ [name]: id })] };
	endpoints[`GET /v1/transactions, ${name}`] = { of: 'transaction',
		prefix: 'txn', missing: badCursor(name),
		ask: (id) => ['GET', transactions + query({ [name]: id })] };
}

function ownId({ of, fresh }) {
	const options = { key: own.testKey, merchantId: own.merchantId };
	if (fresh === undefined)
		return things.own[of];
	return coinIn(server, fresh === true ? 'awaiting_payment' : fresh, options)
		.then(({ id }) => id);
}

for (const [name, endpoint] of Object.entries(endpoints))
	describe(name, () => {
		const { ask, of, prefix, missing, other, malformed, status } = endpoint;
		const asked = (id, key = own.testKey) => {
			const [method, path, options] = ask(id);
			return request(method, path, { key, ...options });
		};

		test('own', async () => {
			assertOk(await asked(await ownId(endpoint)), status ?? 200);
		});

		test('own, other mode', async () => {
			if (other === undefined)
				return; // There is no such object in live mode.
			const answer = await asked(things.other[of]);
			if (other === 'ok')
				assertOk(answer, status ?? 200);
			else
				assertRefused(answer, other);
		});

		test('foreign', async () => {
			const answer = await asked(things.foreign[of]);
			const error = assertRefused(answer, missing);
			const nobody = await asked(unknown(prefix));
			// Word for word what is said of an object that is not there.
			assert.equal(error.message.replace(things.foreign[of], 'ID'),
				nobody.body.error.message.replace(unknown(prefix), 'ID'));
		});

		test('unknown', async () => {
			assertRefused(await asked(unknown(prefix)), missing);
		});

		test('malformed', async () => {
			for (const id of [`${prefix}_1`, 'x', `${prefix}_`,
				`${prefix}_${'z'.repeat(27)}`, `zz_${'0'.repeat(26)}`,
				`${prefix}_${'0'.repeat(25)}-`, `${prefix}_${'0'.repeat(26)}`])
				assertRefused(await asked(id), malformed ?? missing);
		});
	});

describe('the other way round', () => {
	test('a live key meets objects of test mode', async () => {
		const key = own.liveKey;
		for (const path of [`${intents}/${things.own.intent}`,
			`${transactions}/${things.own.transaction}`]) {
			const error = assertRefused(await request('GET', path, { key }),
				refusal.otherMode);
			assert.match(error.message, /test mode/);
		}
		assertRefused(await request('POST',
			`${intents}/${things.own.intent}/cancel`, { key }),
		refusal.otherMode);
		assertRefused(await request('GET', intents +
			query({ starting_after: things.own.intent }), { key }),
		badCursor('starting_after'));
	});

	test('a live key has no test helpers', async () => {
		for (const id of [things.own.intent, things.other.intent,
			things.foreign.intent, unknown('pi'), 'x'])
			for (const word of ['pay', 'settle'])
				assertRefused(await request('POST', `${helpers}/${id}/${word}`,
					{ key: own.liveKey }), refusal.noPermission);
	});

	test('another account\'s objects of the other mode are not there',
		async () => {
			const id = things.other.intent;
			assertRefused(await request('GET', `${intents}/${id}`,
				{ key: foreign.testKey }), refusal.noIntent);
			assertRefused(await request('GET', `${intents}/${id}`,
				{ key: foreign.liveKey }), refusal.noIntent);
		});

	test('nothing that was refused has had an effect', async () => {
		for (const [of, key] of [['other', own.liveKey],
			['foreign', foreign.testKey]])
			assert.equal((await getCoin(server, things[of].intent, { key }))
				.status, 'awaiting_payment');
		const list = await listOf(server, intents, {},
			{ key: foreign.testKey, merchantId: foreign.merchantId });
		assert.equal(list.total_count, 2);
	});

	test('the contracts do not see each other\'s intents', async () => {
		const key = own.testKey;
		const card = assertOk(await request('POST', '/v1/payment_intents',
			{ key, json: { amount: 100, currency: 'usd' } }));
		assertRefused(await request('GET', `${intents}/${card.id}`, { key }),
			refusal.noIntent);
		assertRefused(await request('GET',
			`/v1/payment_intents/${things.own.intent}`, { key }),
		{ status: 404, code: 'resource_missing', param: 'id' });
	});
});

describe('/v1/qr/{id}.png', () => {
	const ask = (id, key = null) => request('GET', `/v1/qr/${id}.png`, { key });

	test('is for whoever knows the id', async () => {
		for (const of of ['own', 'other', 'foreign'])
			for (const key of [null, own.testKey, own.liveKey])
				assert.equal((await ask(things[of].intent, key)).status, 200);
	});

	test('of an unknown or malformed id is not there', async () => {
		for (const id of [unknown('pi'), 'x', things.own.transaction,
			things.own.merchant])
			assertRefused(await ask(id), refusal.noIntent);
	});
});

describe('a key that is bound to a merchant', () => {
	let bound;
	let mine;
	let theirs;

	before(async () => {
		const { id } = await createMerchant(server, own.id);
		const key = await operatorKey(server, own.id, '--mode', 'test',
			'--type', 'secret', '--merchant', id);
		bound = { key: key.secret, merchantId: id };
		mine = await coinIn(server, 'confirmed', bound);
		theirs = things.own;
	});

	test('acts for that one', async () => {
		assertOk(await request('GET', `${intents}/${mine.id}`, bound));
		assertOk(await request('GET', `${merchants}/${bound.merchantId}`,
			bound));
		assert.equal((await listOf(server, intents, {}, bound)).total_count, 1);
		const [transfer] = await transfersOf(server, mine.id, bound);
		assertOk(await request('GET', `${transactions}/${transfer.id}`,
			bound));
		const { id } = await createCoin(server, {}, bound);
		await pay(server, id, {}, { key: bound.key });
	});

	test('does not see the account\'s others', async () => {
		const id = theirs.merchant;
		const table = [
			['GET', `${intents}/${theirs.intent}`, refusal.noIntent],
			['POST', `${intents}/${theirs.intent}/cancel`, refusal.noIntent],
			['POST', `${helpers}/${theirs.intent}/pay`, refusal.noIntent],
			['POST', `${helpers}/${theirs.paid}/settle`, refusal.noIntent],
			['GET', `${intents}/${things.other.intent}`, refusal.noIntent],
			['GET', `${transactions}/${theirs.transaction}`,
				refusal.noTransaction],
			['GET', `${merchants}/${id}`, refusal.noMerchant],
			['GET', `${merchants}/${id}/balance`, refusal.noMerchant],
			['GET', `${intents}?merchant_id=${id}`, refusal.noMerchant],
			['GET', `${transactions}?merchant_id=${id}`, refusal.noMerchant],
			['GET', `${intents}?starting_after=${theirs.intent}`,
				badCursor('starting_after')],
		];
		for (const [method, path, expected] of table)
			assertRefused(await request(method, path, { key: bound.key }),
				expected);
		assertRefused(await request('POST', intents, { key: bound.key,
			json: { ...post, merchant_id: id } }), refusal.noMerchant);
	});
});

describe('permissions', () => {
	const routes = {
		'payment_intents:read': () => [
			['GET', `${intents}/${things.own.intent}`],
			['GET', intents + query()]],
		'payment_intents:write': () => [
			['POST', intents, { json: { ...post,
				merchant_id: own.merchantId } }],
			['POST', `${intents}/${things.own.intent}/cancel`]],
		'transactions:read': () => [
			['GET', `${transactions}/${things.own.transaction}`],
			['GET', transactions + query()]],
		'merchants:read': () => [
			['GET', `${merchants}/${own.merchantId}`],
			['GET', `${merchants}/${own.merchantId}/balance`]],
		'webhook_endpoints:read': () => [
			['GET', '/v1/webhook-endpoints']],
		'test_helpers:write': () => [
			['POST', `${helpers}/${things.own.paid}/pay`],
			['POST', `${helpers}/${things.own.paid}/settle`]],
	};
	const names = Object.keys(routes);
	const reaches = (held, needed) => held === needed ||
		(held === needed.replace(':read', ':write'));

	for (const held of names)
		test(`${held} is for its own endpoints`, async () => {
			const { secret } = await createKey(server, { type: 'restricted',
				name: 'narrow', permissions: [held] }, { key: own.testKey });
			for (const needed of names)
				for (const [method, path, options] of routes[needed]()) {
					const answer = await request(method, path,
						{ key: secret, ...options });
					if (reaches(held, needed)) {
						assert.ok(answer.status < 300, answer.text);
						continue;
					}
					const error = assertRefused(answer,
						refusal.noPermission);
					assert.ok(error.message.includes(needed), error.message);
				}
		});

	test('a publishable key has none of them', async () => {
		const { secret } = await operatorKey(server, own.id, '--mode', 'test',
			'--type', 'publishable');
		for (const route of Object.values(routes))
			for (const [method, path, options] of route())
				assertRefused(await request(method, path,
					{ key: secret, ...options }), refusal.noPermission);
	});

	test('the permission comes before the object', async () => {
		const { secret } = await createKey(server, { type: 'restricted',
			name: 'narrow', permissions: ['merchants:read'] },
		{ key: own.testKey });
		for (const id of [things.other.intent, things.foreign.intent, 'x'])
			assertRefused(await request('GET', `${intents}/${id}`,
				{ key: secret }), refusal.noPermission);
	});
});
