// Rate limits (README, section 4): fixed windows of 60 s, counted across all
// workers.  A test that the window turns under is taken again, with a caller
// that nobody has counted yet; the answers' own X-RateLimit-Reset says so.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, operatorKey, restrictedKey,
	until } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';

const intents = '/v1/payment_intents';
const keys = '/v1/api_keys';
const limits = {
	rate_card_merchant: 20,
	rate_card_api_keys: 5,
	rate_address: 15,
};
const refused = { status: 429, type: 'rate_limit_error',
	code: 'rate_limit_exceeded', param: null };
const headerNames = ['x-ratelimit-limit', 'x-ratelimit-remaining',
	'x-ratelimit-reset'];

let server;

before(async () => {
	server = await startServer({ settings: limits, workers: 4 });
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

// [limit, remaining, reset] as the answer's headers say.
function rateOf({ headers }) {
	return headerNames.map((name) => {
		assert.match(headers[name] ?? '', /^\d+$/, name);
		return Number(headers[name]);
	});
}

// Runs `act` until all its answers fall into one window: act(fresh) gets what
// `prepare` gives anew for each try, and returns answers.
async function inOneWindow(prepare, act) {
	for (;;) {
		const answers = await act(await prepare());
		const resets = new Set(answers.map((answer) => rateOf(answer)[2]));
		if (resets.size === 1)
			return answers;
	}
}

function many(count, ask) {
	return Promise.all(Array.from({ length: count }, (_, i) => ask(i)));
}

function count(answers, status) {
	return answers.filter((answer) => answer.status === status).length;
}

function checkRefusal(answer) {
	assertRefused(answer, refused);
	const [, remaining, reset] = rateOf(answer);
	const wait = Number(answer.headers['retry-after']);
	assert.equal(remaining, 0);
	assert.equal(reset % 60, 0);
	assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60);
}

const newAccount = () => createAccount(server);

// A key that is bound to another merchant of the account.
async function bindKey(account) {
	const { id } = await server.ctl('merchant', 'create',
		'--account', account.id, '--name', 'Second');
	const { secret } = await operatorKey(server, account.id, '--mode', 'test',
		'--type', 'secret', '--merchant', id);
	return secret;
}

describe('the limit of a merchant', () => {
	test('is told on every answer, and counts down', async () => {
		const answers = await inOneWindow(newAccount, async ({ testKey }) => [
			await request('GET', intents, { key: testKey }),
			await request('POST', intents, { key: testKey, json: {} }),
			await request('GET', `${intents}/pi_x`, { key: testKey }),
			await request('POST', intents, { key: testKey, body: 'x',
				headers: { 'Content-Type': 'text/plain' } }),
			await request('POST', intents,
				{ key: testKey, json: { amount: 1, currency: 'usd' } }),
		]);
		assert.deepEqual(answers.map(({ status }) => status),
			[200, 400, 404, 415, 200]);
		assert.deepEqual(answers.map((answer) => rateOf(answer).slice(0, 2)),
			[[20, 19], [20, 18], [20, 17], [20, 16], [20, 15]]);
	});

	test('counts what no endpoint is there for, and tells it', async () => {
		const answers = await inOneWindow(newAccount, async ({ testKey }) => [
			await request('GET', '/v1/nothing', { key: testKey }),
			await request('GET', `${intents}/pi_x/confirm/now`,
				{ key: testKey }),
			await request('PUT', intents, { key: testKey }),
			await request('POST', intents, { key: testKey,
				json: { description: 'x'.repeat(65536) } }),
			await request('GET', intents, { key: testKey }),
		]);
		assert.deepEqual(answers.map(({ status }) => status),
			[404, 404, 405, 413, 200]);
		assert.deepEqual(answers.map((answer) => rateOf(answer).slice(0, 2)),
			[[20, 19], [20, 18], [20, 17], [20, 16], [20, 15]]);
	});

	test('resets at the next full minute', async () => {
		const { testKey } = await newAccount();
		const before = Date.now() / 1000;
		const answer = await request('GET', intents, { key: testKey });
		const after = Date.now() / 1000;
		const [, , reset] = rateOf(answer);
		assert.equal(reset % 60, 0);
		assert.ok(reset > before && reset <= after + 60);
	});

	test('lets exactly 20 of 30 at once pass, over 4 workers', async () => {
		const answers = await inOneWindow(newAccount, ({ testKey }) =>
			many(30, () => request('GET', intents, { key: testKey })));
		assert.equal(count(answers, 200), 20);
		assert.equal(count(answers, 429), 10);
		for (const answer of answers.filter(({ status }) => status === 429))
			checkRefusal(answer);
		const left = answers.filter(({ status }) => status === 200)
			.map((answer) => rateOf(answer)[1]).sort((a, b) => a - b);
		assert.deepEqual(left, Array.from({ length: 20 }, (_, i) => i));
	});

	test('a refused request has no effect', async () => {
		let account;
		const answers = await inOneWindow(async () => {
			account = await newAccount();
			return bindKey(account);
		}, (key) => many(30, (i) => request('POST', intents, { key,
			json: { amount: i + 1, currency: 'usd' } })));
		// The unbound key sees all, and counts for the default merchant.
		const { data } = assertOk(await request('GET', `${intents}?limit=100`,
			{ key: account.testKey }));
		assert.equal(count(answers, 200), 20);
		assert.deepEqual(data.map(({ id }) => id).sort(), answers.filter(
			({ status }) => status === 200).map(({ body }) => body.id).sort());
	});

	test('is one for all keys of the merchant', async () => {
		const answers = await inOneWindow(async () => {
			const { id, testKey } = await newAccount();
			const { secret } = await operatorKey(server, id,
				'--mode', 'test', '--type', 'secret');
			return [testKey, secret];
		}, (pair) => many(30, (i) =>
			request('GET', intents, { key: pair[i % 2] })));
		assert.equal(count(answers, 200), 20);
	});

	test('is another one for the other mode', async () => {
		const answers = await inOneWindow(newAccount,
			({ testKey, liveKey }) => many(50, (i) =>
				request('GET', intents, { key: i % 2 ? testKey : liveKey })));
		assert.equal(count(answers, 200), 40);
	});

	test('is another one for the other merchant', async () => {
		const answers = await inOneWindow(async () => {
			const account = await newAccount();
			return [account.testKey, await bindKey(account)];
		}, (pair) => many(50, (i) =>
			request('GET', intents, { key: pair[i % 2] })));
		assert.equal(count(answers, 200), 40);
	});

	test('counts what lacks a permission, too', async () => {
		const answers = await inOneWindow(async () => {
			const { testKey } = await newAccount();
			const { secret } = await restrictedKey(server, ['charges:read'],
				{ key: testKey });
			return secret;
		}, async (key) => [
			await request('GET', intents, { key }),
			await request('GET', '/v1/charges', { key }),
		]);
		assert.deepEqual(answers.map(({ status }) => status), [403, 200]);
		const [first, second] = answers.map((answer) => rateOf(answer)[1]);
		assert.equal(second, first - 1);
	});

	test('is not forgotten when workers die', async () => {
		const [after, ...before] = await inOneWindow(newAccount,
			async ({ testKey }) => {
				const ask = () => request('GET', intents, { key: testKey });
				const answers = await many(25, ask);
				for (const pid of server.pids().workers)
					process.kill(pid, 'SIGKILL');
				return [await until(ask, ({ status }) => status !== 502),
					...answers];
			});
		assert.equal(count(before, 200), 20);
		checkRefusal(after);
	});
});

describe('the limit of /v1/api_keys', () => {
	test('is narrow: exactly 5 of 15 at once', async () => {
		const answers = await inOneWindow(newAccount, ({ testKey }) =>
			many(15, () => request('GET', keys, { key: testKey })));
		assert.equal(count(answers, 200), 5);
		assert.equal(count(answers, 429), 10);
		for (const answer of answers)
			assert.equal(rateOf(answer)[0], 5);
	});

	test('counts all endpoints of it, and no others', async () => {
		const answers = await inOneWindow(newAccount, async ({ testKey }) => {
			const key = testKey;
			return [
				await request('POST', keys, { key, json: { name: 'a' } }),
				await request('GET', keys, { key }),
				await request('GET', `${keys}/key_x`, { key }),
				await request('POST', `${keys}/key_x/revoke`, { key }),
				await request('POST', `${keys}/key_x/roll`, { key }),
				await request('POST', keys, { key, json: { name: 'b' } }),
				await request('GET', intents, { key }),
			];
		});
		assert.deepEqual(answers.map(({ status }) => status),
			[200, 200, 404, 404, 404, 429, 200]);
		assert.equal(rateOf(answers.at(-1))[0], 20);
	});

	test('is one for both modes', async () => {
		const answers = await inOneWindow(newAccount,
			({ testKey, liveKey }) => many(12, (i) =>
				request('GET', keys, { key: i % 2 ? testKey : liveKey })));
		assert.equal(count(answers, 200), 5);
	});
});

// Somebody else each time: all of 127.0.0.0/8 is this host.
let addresses = 0;
async function newAddress() {
	addresses++;
	return `127.1.${addresses >> 8}.${addresses & 255}`;
}

describe('the limit of an address', () => {
	const unknown = [null, 'sk_test_0', 'nonsense'];

	test('counts requests without a recognised key', async () => {
		const answers = await inOneWindow(newAddress, (localAddress) =>
			many(25, (i) => request('GET', i % 2 ? intents : keys,
				{ key: unknown[i % 3], localAddress })));
		assert.equal(count(answers, 401), 15);
		assert.equal(count(answers, 429), 10);
		for (const answer of answers) {
			assert.equal(rateOf(answer)[0], 15);
			if (answer.status === 429)
				checkRefusal(answer);
		}
	});

	test('is another one for another address', async () => {
		const answers = await inOneWindow(
			async () => [await newAddress(), await newAddress()],
			(pair) => many(50, (i) => request('GET', intents,
				{ key: null, localAddress: pair[i % 2] })));
		assert.equal(count(answers, 401), 30);
	});

	test('does not touch those with a recognised key', async () => {
		const answers = await inOneWindow(
			async () => [await newAccount(), await newAddress()],
			async ([{ testKey }, localAddress]) => [
				...await many(16, () => request('GET', intents,
					{ key: null, localAddress })),
				...await many(5, () => request('GET', intents,
					{ key: testKey, localAddress })),
			]);
		assert.equal(count(answers, 401), 15);
		assert.equal(count(answers, 429), 1);
		assert.equal(count(answers, 200), 5);
	});

	// Of five, three or more fall into one minute.
	for (const faults of ['get:key_digests=unavailable',
		'get:api_keys=unavailable'])
		test(`is not reached by a key while the store fails: ${faults}`,
			async (t) => {
				const failing = await startServer(t,
					{ settings: { faults, rate_address: 2 } });
				for (let i = 0; i < 5; i++)
					assertRefused(await failing.request('GET', intents),
						{ status: 503, code: 'service_unavailable' });
			});
});

describe('the setting 0', () => {
	test('switches limits off: no headers, no refusals', async (t) => {
		const free = await startServer(t, {});
		const answers = await many(60, (i) => free.request('GET',
			[intents, keys][i % 2], { key: i % 3 ? free.testKey : null }));
		assert.equal(count(answers, 429), 0);
		for (const { headers } of answers)
			for (const name of headerNames)
				assert.equal(headers[name], undefined);
	});

	test('switches one off alone', async (t) => {
		const one = await startServer(t,
			{ settings: { rate_card_merchant: 3 } });
		const answers = await many(20, () =>
			one.request('GET', intents, { key: null }));
		assert.equal(count(answers, 401), 20);
		const counted = await one.request('GET', intents);
		assert.equal(rateOf(counted)[0], 3);
	});
});

describe('the limits of the contract', () => {
	test('are the defaults', async (t) => {
		const plain = await startServer(t, { settings: {
			rate_card_merchant: 1500, rate_card_api_keys: 10,
			rate_address: 100 } });
		const limitOf = async (path, options) =>
			rateOf(await plain.request('GET', path, options))[0];
		assert.equal(await limitOf(intents), 1500);
		assert.equal(await limitOf(keys), 10);
		assert.equal(await limitOf(intents, { key: null }), 100);
	});
});
