// Random bursts against low rate limits, from several keys, over several
// workers and beyond the turn of the window: the model explains every answer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import fc from 'fast-check';

import { amount } from '../http/amount.mjs';
import { advance } from '../http/clock.mjs';
import { createAccount, operatorKey } from '../http/fixtures.mjs';
import { assertOk, startServer } from '../http/harness.mjs';
import { checkRates, scopes } from './rate_model.mjs';
import { report } from './runs.mjs';

const count = amount('RACES_RATES', { short: 2, long: 600 });
const limits = { card: 12, keys: 4, test: 9, live: 7, address: 8 };
let server;
let addresses = 0;

before(async () => {
	server = await startServer({ workers: 4, conf: '', settings: {
		rate_card_merchant: limits.card, rate_card_api_keys: limits.keys,
		rate_stable_test: limits.test, rate_stable_live: limits.live,
		rate_address: limits.address } });
});

after(() => server?.stop());

// The next window, to workers that all know of it.
const turn = () => advance(server, 60);

// Who asks, in one run: two merchants of an account, in both modes, and
// somebody without a key.
async function makeCallers() {
	const account = await createAccount(server, 'Rates');
	const second = await server.ctl('merchant', 'create', '--account',
		account.id, '--name', 'Second');
	const bound = await operatorKey(server, account.id, '--mode', 'test',
		'--type', 'secret', '--merchant', second.id);
	const own = { account: account.id, merchant: account.merchantId };
	const address = `127.2.${++addresses >> 8}.${addresses & 255}`;
	return {
		test: { ...own, mode: 'test', key: account.testKey },
		live: { ...own, mode: 'live', key: account.liveKey },
		bound: { ...own, mode: 'test', merchant: second.id,
			key: bound.secret },
		nobody: { key: null, address },
	};
}

const requests = {
	create: { kind: 'card', method: 'POST', path: '/v1/payment_intents',
		json: { amount: 1, currency: 'usd' } },
	read: { kind: 'card', method: 'GET', path: '/v1/payment_intents/pi_x' },
	keys: { kind: 'keys', method: 'GET', path: '/v1/api_keys' },
	coins: { kind: 'coins', method: 'GET',
		path: '/v1/payment-intents/pi_x' },
};

async function ask(caller, { kind, method, path, json }) {
	const counted = caller.key === null ? 'address' : kind;
	const begin = Date.now();
	const { status, headers } = await server.request(method, path, { json,
		key: caller.key, localAddress: caller.address });
	return { status, headers, begin, end: Date.now(), offset: server.ahead ?? 0,
		scopes: scopes[counted](caller), mode: caller.mode,
		creates: method === 'POST' };
}

const isIntent = ({ creates, status }) => creates && status === 200;

// A refused request has no effect: there are as many intents as answers say.
// The unbound keys see those of both merchants.
async function checkEffects(asked, callers) {
	await turn(); // so that there is room to look
	for (const mode of ['test', 'live']) {
		const { data } = assertOk(await server.request('GET',
			'/v1/payment_intents?limit=100', { key: callers[mode].key }));
		assert.equal(data.length, asked.filter((one) => isIntent(one) &&
			one.mode === mode).length);
	}
}

const burst = fc.array(fc.tuple(
	fc.constantFrom('test', 'test', 'live', 'bound', 'nobody'),
	fc.constantFrom(...Object.keys(requests))),
{ minLength: 8, maxLength: 32, size: 'max' });
const bursts = fc.array(burst, { minLength: 1, maxLength: 4, size: 'max' });

const sum = { runs: 0, requests: 0, windows: 0, refused: 0 };

async function runBursts(plan) {
	const callers = await makeCallers();
	const asked = [];
	for (const [i, one] of plan.entries()) {
		if (i === 2)
			await turn();
		asked.push(...await Promise.all(one.map(([who, what]) =>
			ask(callers[who], requests[what]))));
	}
	sum.windows += checkRates(asked, limits);
	await checkEffects(asked, callers);
	sum.runs++;
	sum.requests += asked.length;
	sum.refused += asked.filter(({ status }) => status === 429).length;
}

test('bursts against the rate limits', async (t) => {
	const seed = Number(process.env.FC_SEED ?? Date.now() & 0x7fffffff);
	t.diagnostic(`FC_SEED=${seed}`);
	const result = await fc.check(fc.asyncProperty(bursts, runBursts),
		{ seed, path: process.env.FC_PATH, numRuns: count,
			noBias: true });
	if (result.failed)
		throw report(result, { found: sum.runs + 1 });
	t.diagnostic(JSON.stringify(sum));
	assert.deepEqual((await server.ctl('verify')).findings, []);
});
