// Every row of the error catalogue that the stable contract has, reached by
// an HTTP client through a web server; a row that nobody reached is a failure.
import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createKey, operatorKey, until, withoutWorkers } from './fixtures.mjs';
import { assertOk, assertRefused, build, rawHttp, seenErrors,
	startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { coinIn, createCoin, createCoinAccount, helpers, intents, merchants,
	postAmount, postCoin, transactions } from './stable_fixtures.mjs';
import { stableEndpoints as endpoints } from './webhook_fixtures.mjs';

// stable.md and README section 8: code, status, type.
const published = `
	amount_out_of_range 400 invalid_request_error
	invalid_currency 400 invalid_request_error
	invalid_merchant 400 invalid_request_error
	merchant_not_found 404 not_found_error
	merchant_not_active 422 invalid_request_error
	intent_not_cancellable 409 conflict_error
	idempotency_key_conflict 409 conflict_error
	ttl_out_of_range 400 invalid_request_error
	missing_api_key 401 authentication_error
	invalid_api_key 401 authentication_error
	revoked_api_key 401 authentication_error
	environment_mismatch 403 authorization_error
	rate_limit_exceeded 429 rate_limit_error
	parameter_missing 400 invalid_request_error
	parameter_invalid 400 invalid_request_error
	intent_not_found 404 not_found_error
	transaction_not_found 404 not_found_error
	webhook_not_found 404 not_found_error
	invalid_webhook_url 400 invalid_request_error
	webhook_unreachable 422 invalid_request_error
	internal_error 500 api_error
	route_not_found 404 not_found_error
	method_not_allowed 405 invalid_request_error
	request_too_large 413 invalid_request_error
	request_too_large 414 invalid_request_error
	request_too_large 431 invalid_request_error
	unsupported_media_type 415 invalid_request_error
	insufficient_permissions 403 authorization_error
	idempotency_key_in_use 409 conflict_error
	service_unavailable 502 api_error
	service_unavailable 503 api_error
	service_unavailable 504 api_error`;

const fixedParams = {
	amount_out_of_range: 'amount',
	invalid_currency: 'currency',
	invalid_merchant: 'merchant_id',
	merchant_not_found: 'merchant_id',
	merchant_not_active: 'merchant_id',
	idempotency_key_conflict: 'idempotency_key',
	ttl_out_of_range: 'ttl',
	intent_not_found: 'id',
	transaction_not_found: 'id',
	webhook_not_found: 'id',
	invalid_webhook_url: 'url',
	webhook_unreachable: 'url',
};

const servers = {};
let receiver;
const reached = new Set();
let rows;

const ofStable = ({ contract }) => contract === 'stable';

// The answer is the refusal of this row of the catalogue, for stable.
function reach(name, answer, param) {
	const row = rows.find((one) => ofStable(one) && one.name === name);
	assert.ok(row, `the catalogue has a row ${name}`);
	const error = assertRefused(answer, { status: row.status, type: row.type,
		code: row.code, param: param ?? fixedParams[row.code] ?? null });
	assert.ok(row.param === '*' || row.param === error.param);
	reached.add(name);
	return error;
}

before(async () => {
	receiver = await startReceiver();
	const starts = {
		plain: {},
		// Webhooks can be sent to this host.
		hooks: { settings: { allow_private_webhooks: 'yes',
			webhook_ports: '*', webhook_ca_file: receiver.caFile,
			idempotency_wait_ms: 0 } },
		limited: { settings: { rate_stable_test: 2, rate_stable_live: 3,
			rate_address: 4 } },
		faulty: { settings: {
			faults: 'get:coin_intents=damaged,put:coin_intents=full@2,' +
				'grow=full' } },
		// The web server waits twice as long for an answer.
		gateway: { settings: { request_timeout_ms: 1500,
			connection_timeout_ms: 1000, idempotency_wait_ms: 0 } },
		// To this one a key has expired that intentctl makes for ten minutes.
		ahead: { settings: { clock_offset_s: 3600 } },
	};
	await Promise.all(Object.entries(starts).map(async ([name, options]) => {
		servers[name] = await startServer(options);
	}));
	rows = JSON.parse(readFileSync(join(build, 'docs/errors.json'), 'utf8'));
});

after(() => Promise.all([receiver.close(),
	...Object.values(servers).map((one) => one.stop())]));

function request(method, path, options) {
	return servers.plain.request(method, path, options);
}

const post = (more, options) => postCoin(servers.plain, more, options);

describe('the catalogue', () => {
	test('has the codes, statuses and types of the contract', () => {
		const wanted = published.trim().split('\n')
			.map((line) => line.trim());
		const found = rows.filter(ofStable).map(({ code, status, type }) =>
			`${code} ${status} ${type}`);
		assert.deepEqual([...new Set(found)].sort(), wanted.sort());
	});

	test('has the params of the contract', () => {
		for (const row of rows.filter(ofStable)) {
			const free = row.param === '*' || row.code === 'parameter_invalid';
			assert.equal(row.param, free ? row.param
				: fixedParams[row.code] ?? null, row.name);
		}
	});
});

describe('the route and the size', () => {
	test('an unknown path is not found', async () => {
		for (const path of [`${intents}/pi_1/pay`, `${intents}/pi_1/confirm`,
			'/v1/transactions/a/b', '/v1/merchants', '/v1/qr/x',
			'/v1/test-helpers/payment-intents/pi_1/expire'])
			reach('ROUTE_NOT_FOUND', await request('GET', path));
	});

	test('a method that the path does not have', async () => {
		const answer = await request('DELETE', intents);
		reach('METHOD_NOT_ALLOWED', answer);
		assert.deepEqual(answer.headers.allow.split(', ').sort(),
			['GET', 'POST']);
	});

	test('the web server itself refuses TRACE', async () => {
		reach('METHOD_NOT_ALLOWED', await request('TRACE', intents));
	});

	for (const [bytes, who] of [[65537, 'intentd'], [131073, 'the web server']])
		test(`${who} refuses a body of ${bytes} bytes`, async () => {
			reach('REQUEST_TOO_LARGE', await request('POST', intents,
				{ json: { metadata: 'x'.repeat(bytes) } }));
		});

	test('a URL that is too long', async () => {
		reach('URI_TOO_LONG', await request('GET',
			`${intents}?status=${'x'.repeat(9000)}`));
	});

	test('a header that is too long', async () => {
		reach('HEADERS_TOO_LARGE', await request('GET', intents,
			{ headers: { 'X-Long': 'x'.repeat(9000) } }));
	});
});

describe('the key, the permission and the rate', () => {
	test('a request without a key', async () => {
		const answer = await request('GET', intents, { key: null });
		reach('API_KEY_ABSENT', answer);
		assert.ok(answer.headers['www-authenticate']);
	});

	test('a key that is malformed, mistyped or of no known form', async () => {
		const { testKey } = servers.plain;
		const mistyped = testKey.slice(0, -1) +
			(testKey.endsWith('0') ? '1' : '0');
		for (const key of ['sk_test_0', mistyped, 'no-key-at-all'])
			reach('API_KEY_INVALID', await request('GET', intents, { key }));
		reach('API_KEY_INVALID', await request('GET', intents,
			{ key: null, headers: { Authorization: 'Digest x' } }));
	});

	test('a key that nobody here was given', async () => {
		reach('API_KEY_INVALID', await request('GET', intents,
			{ key: servers.faulty.testKey }));
	});

	test('a key that has expired', async () => {
		const { ahead } = servers;
		const { secret } = await operatorKey(ahead, ahead.accountId, '--mode',
			'test', '--type', 'secret', '--expires-at',
			Math.floor(Date.now() / 1000) + 600);
		reach('API_KEY_INVALID', await ahead.request('GET', intents,
			{ key: secret }));
	});

	test('a key that was revoked', async () => {
		const key = await createKey(servers.plain, { name: 'short-lived' });
		assertOk(await request('POST', `/v1/api_keys/${key.id}/revoke`));
		reach('API_KEY_REVOKED',
			await request('GET', intents, { key: key.secret }));
	});

	test('a restricted key without the permission', async () => {
		const { secret } = await createKey(servers.plain, { name: 'narrow',
			type: 'restricted', permissions: ['merchants:read'] });
		const error = reach('INSUFFICIENT_PERMISSIONS',
			await post({}, { key: secret }));
		assert.match(error.message, /payment_intents:write/);
	});

	test('a test helper with a live key', async () => {
		reach('INSUFFICIENT_PERMISSIONS', await request('POST',
			`${helpers}/pi_1/pay`, { key: servers.plain.liveKey }));
	});

	const limits = { test: ['testKey', 2], live: ['liveKey', 3] };
	for (const [mode, [key, limit]] of Object.entries(limits))
		test(`more requests in ${mode} mode than the minute has`, async () => {
			const { limited } = servers;
			const answer = await until(() => limited.request('GET',
				`${merchants}/${limited.merchantId}`, { key: limited[key] }),
			({ status }) => status === 429, 10);
			reach('RATE_LIMIT_EXCEEDED', answer);
			assert.equal(answer.headers['x-ratelimit-limit'], String(limit));
			assert.equal(answer.headers['x-ratelimit-remaining'], '0');
			const reset = Number(answer.headers['x-ratelimit-reset']);
			assert.equal(reset % 60, 0);
			assert.ok(Number(answer.headers['retry-after']) <= 60);
		});

	test('more pictures from an address than the minute has', async () => {
		const answer = await until(() => servers.limited.request('GET',
			'/v1/qr/pi_1.png', { key: null, localAddress: '127.0.0.7' }),
		({ status }) => status === 429, 12);
		reach('RATE_LIMIT_EXCEEDED', answer);
	});
});

describe('the syntax and the parameters', () => {
	test('a content type that is neither JSON nor a form', async () => {
		reach('UNSUPPORTED_MEDIA_TYPE', await request('POST', intents, {
			body: '<amount>1</amount>',
			headers: { 'Content-Type': 'text/xml' },
		}));
	});

	test('a body that is no JSON', async () => {
		reach('REQUEST_MALFORMED', await postAmount(servers.plain, '.5'));
	});

	test('a request that the web server itself cannot read', async () => {
		reach('REQUEST_MALFORMED', await rawHttp(servers.plain,
			`GET ${intents} HTTP/1.1\r\n\r\n`, { contract: 'stable' }));
	});

	test('a required parameter that is absent', async () => {
		reach('PARAMETER_MISSING', await post({ amount: undefined }),
			'amount');
		reach('PARAMETER_MISSING', await request('GET', intents),
			'merchant_id');
	});

	test('a value that the endpoint does not take', async () => {
		const error = reach('PARAMETER_INVALID',
			await postAmount(servers.plain, '4.505'), 'amount');
		assert.match(error.message, /two decimals/);
	});

	test('a parameter that the endpoint does not have', async () => {
		reach('PARAMETER_UNKNOWN', await post({ amout: 1 }), 'amout');
	});

	test('an amount out of range', async () => {
		for (const amount of [0, 0.009, 10000.01]) {
			const error = reach('AMOUNT_OUT_OF_RANGE',
				await post({ amount }));
			assert.equal(error.message,
				'Amount must be between 0.01 and 10000');
		}
	});

	test('another currency than usd', async () => {
		reach('INVALID_CURRENCY', await post({ currency: 'eur' }));
	});

	test('a merchant id that is malformed', async () => {
		reach('INVALID_MERCHANT', await post({ merchant_id: 'mer_1' }));
		reach('INVALID_MERCHANT', await request('GET', `${merchants}/mer_1`));
		reach('INVALID_MERCHANT', await request('GET',
			`${transactions}?merchant_id=x`));
	});

	test('a URL that webhooks are not sent to', async () => {
		for (const url of ['http://shop.invalid/hook', 'hook', 7]) {
			const error = reach('INVALID_WEBHOOK_URL', await request('POST',
				endpoints, { json: { url } }));
			assert.match(error.message, /^The webhook URL is not valid: it /);
		}
	});

	test('a ttl out of range', async () => {
		for (const ttl of [59, 3601])
			reach('TTL_OUT_OF_RANGE', await post({ ttl }));
	});
});

describe('the idempotency key', () => {
	test('that was used for another request', async () => {
		const more = { idempotency_key: 'order 1' };
		assertOk(await post(more), 201);
		reach('IDEMPOTENCY_KEY_REUSE', await post({ ...more, amount: 5 }));
	});
});

// What a URL is asked of at registration.
describe('the ping', () => {
	const register = (json) =>
		servers.hooks.request('POST', endpoints, { json });

	test('of an address that nobody listens at', async () => {
		const closed = await startReceiver();
		const url = closed.url('/hook');
		await closed.close();
		const error = reach('WEBHOOK_UNREACHABLE', await register({ url }));
		assert.match(error.message, /^The webhook URL did not answer /);
	});

	test('of a URL that answers 500', async () => {
		receiver.answer('/broken', behave.status(500));
		const error = reach('WEBHOOK_UNREACHABLE',
			await register({ url: receiver.url('/broken') }));
		assert.match(error.message, /500/);
	});

	test('keeps a key in use until it is answered', async () => {
		const gate = behave.gated();
		receiver.answer('/waits', gate);
		const json = { url: receiver.url('/waits'), idempotency_key: 'one' };
		const first = register(json);
		await receiver.until(() => receiver.of('/waits').length === 1);
		const second = await register(json);
		gate.open();
		reach('IDEMPOTENCY_KEY_IN_USE', second);
		assert.equal(second.headers['retry-after'], '1');
		assertOk(await first, 201);
	});
});

describe('the objects named', () => {
	const id = '0t40xz8zsw9hvye44hyhzk0fm1';

	test('there is no such intent', async () => {
		const error = reach('INTENT_MISSING',
			await request('GET', `${intents}/pi_${id}`));
		assert.equal(error.message, `No such payment intent: 'pi_${id}'`);
	});

	test('there is no such transaction', async () => {
		reach('TRANSACTION_MISSING',
			await request('GET', `${transactions}/txn_${id}`));
	});

	test('there is no such merchant', async () => {
		const merchant = `mer_${id}`;
		reach('MERCHANT_MISSING', await post({ merchant_id: merchant }));
		reach('MERCHANT_MISSING',
			await request('GET', `${merchants}/${merchant}/balance`));
	});

	test('there is no such webhook endpoint', async () => {
		const error = reach('ENDPOINT_MISSING',
			await request('GET', `${endpoints}/we_${id}`));
		assert.equal(error.message, `No such webhook endpoint: 'we_${id}'`);
	});

	test('an intent of the other mode', async () => {
		const { plain } = servers;
		const { testKey, liveKey, merchantId } =
			await createCoinAccount(plain);
		const live = await createCoin(plain, {}, { key: liveKey, merchantId });
		const error = reach('ENVIRONMENT_MISMATCH', await request('GET',
			`${intents}/${live.id}`, { key: testKey }));
		assert.match(error.message, /live mode/);
	});
});

describe('the state', () => {
	for (const [word, status] of [['onboard', 'onboarding'],
		['suspend', 'suspended'], ['deactivate', 'deactivated']])
		test(`a merchant who is ${status}`, async () => {
			const { plain } = servers;
			const { testKey, merchantId } = await createCoinAccount(plain);
			await plain.ctl('merchant', word, merchantId);
			const error = reach('MERCHANT_NOT_ACTIVE',
				await post({}, { key: testKey, merchantId }));
			assert.ok(error.message.includes(status), error.message);
		});

	for (const status of ['confirmed', 'cancelled', 'settled'])
		test(`an intent to cancel that is ${status}`, async () => {
			const { id } = await coinIn(servers.plain, status);
			const error = reach('INTENT_NOT_CANCELLABLE',
				await request('POST', `${intents}/${id}/cancel`));
			assert.ok(error.message.includes(status), error.message);
		});

	test('an intent to settle that nobody paid', async () => {
		const { id } = await createCoin(servers.plain);
		reach('INTENT_NOT_CONFIRMED', await request('POST',
			`${helpers}/${id}/settle`), 'id');
	});
});

describe('the world', () => {
	test('a damaged record is an internal error', async () => {
		const { id } = await createCoin(servers.faulty);
		reach('INTERNAL_ERROR',
			await servers.faulty.request('GET', `${intents}/${id}`));
	});

	// Each worker counts its own calls: one of them comes to its second.
	test('a full store takes nothing more', async () => {
		const answer = await until(() => postCoin(servers.faulty),
			({ status }) => status !== 201, 10);
		reach('SERVICE_UNAVAILABLE', answer);
		assert.equal(answer.headers['retry-after'], '1');
	});

	test('there is no socket', async () => {
		const { gateway } = servers;
		renameSync(gateway.socket, `${gateway.socket}.away`);
		try {
			reach('BAD_GATEWAY', await gateway.request('GET', intents));
		} finally {
			renameSync(`${gateway.socket}.away`, gateway.socket);
		}
		reach('PARAMETER_MISSING', await gateway.request('GET', intents),
			'merchant_id');
	});

	test('no worker answers in time', async () => {
		const { gateway } = servers;
		reach('GATEWAY_TIMEOUT', await withoutWorkers(gateway,
			() => gateway.request('GET', intents)));
	});
});

describe('the rows of the catalogue', () => {
	test('all were reached', () => {
		const missed = rows.filter(ofStable).map(({ name }) => name)
			.filter((name) => !reached.has(name));
		assert.deepEqual(missed, []);
	});

	test('every code that was seen is one of them', () => {
		const known = new Set(rows.filter(ofStable)
			.map(({ code, status, type }) => `${code} ${status} ${type}`));
		const seen = seenErrors.filter(ofStable);
		assert.ok(seen.length >= reached.size);
		for (const { code, status, type } of seen)
			assert.ok(known.has(`${code} ${status} ${type}`), code);
	});

	test('every doc_url leads to a page that tells of the code', async () => {
		const seen = seenErrors.filter(ofStable);
		const { pathname } = new URL(seen[0].url);
		assert.equal(pathname, '/docs/errors/stable');
		const page = await fetch(servers.plain.baseUrl + pathname);
		const text = await page.text();
		for (const code of new Set(seen.map((one) => one.code)))
			assert.ok(text.includes(`id="${code}"`), code);
	});
});
