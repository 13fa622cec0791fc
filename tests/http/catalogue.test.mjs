// Every row of the error catalogue, reached by an HTTP client through a web server;
// a row that nobody reached is a failure.
import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createAccount, createIntent, createKey, getIntent, intentIn,
	restrictedKey, until, visa, withoutWorkers } from './fixtures.mjs';
import { assertOk, assertRefused, build, rawHttp, seenErrors,
	startServer, webIs } from './harness.mjs';

// card.md and README section 8: code, status, type.
const published = `
	resource_missing 404 invalid_request_error
	parameter_invalid 400 invalid_request_error
	parameter_missing 400 invalid_request_error
	amount_invalid 400 invalid_request_error
	amount_too_large 400 invalid_request_error
	payment_intent_unexpected_state 400 invalid_request_error
	invalid_state_transition 400 invalid_request_error
	payment_not_initialized 400 payment_error
	idempotency_key_reuse 422 invalid_request_error
	internal_error 500 api_error
	authentication_failed 401 authentication_error
	rate_limit_exceeded 429 rate_limit_error
	card_declined 402 payment_error
	route_not_found 404 invalid_request_error
	method_not_allowed 405 invalid_request_error
	request_too_large 413 invalid_request_error
	request_too_large 414 invalid_request_error
	request_too_large 431 invalid_request_error
	unsupported_media_type 415 invalid_request_error
	insufficient_permissions 403 invalid_request_error
	idempotency_key_in_use 409 invalid_request_error
	service_unavailable 502 api_error
	service_unavailable 503 api_error
	service_unavailable 504 api_error`;

const fixedParams = {
	amount_invalid: 'amount',
	amount_too_large: 'amount',
	invalid_state_transition: 'status',
	INVALID_WEBHOOK_URL: 'url', // by its row: the code has others
};

const intents = '/v1/payment_intents';
const stableIntents = '/v1/payment-intents';
const servers = {};
const reached = new Set();
let rows;

function shownFacts({ code, status, type }) {
	return `${code} ${status} ${type}`;
}

// The answer is the refusal of this row of the catalogue, for card.
function reach(name, answer, param = null) {
	const row = rows.find((one) =>
		one.contract === 'card' && one.name === name);
	assert.ok(row, `the catalogue has a row ${name}`);
	const error = assertRefused(answer,
		{ status: row.status, type: row.type, code: row.code, param });
	assert.ok(row.param === '*' || row.param === error.param);
	reached.add(name);
	return error;
}

before(async () => {
	const starts = {
		plain: {},
		// The sandbox as an engine outside that takes its time.
		outside: { settings: { sandbox_latency_ms: 1500,
			idempotency_wait_ms: 0, rate_card_api_keys: 1 } },
		faulty: { settings: {
			faults: 'get:intents=damaged,put:customers=full,grow=full' } },
		// The web server waits twice as long for an answer.
		gateway: { settings: { request_timeout_ms: 1500,
			connection_timeout_ms: 1000, idempotency_wait_ms: 0 } },
	};
	await Promise.all(Object.entries(starts).map(async ([name, options]) => {
		servers[name] = await startServer(options);
	}));
	rows = JSON.parse(readFileSync(join(build, 'docs/errors.json'), 'utf8'));
});

after(() => Promise.all(Object.values(servers).map((one) => one.stop())));

function request(method, path, options) {
	return servers.plain.request(method, path, options);
}

describe('the catalogue', () => {
	test('has the codes, statuses and types of the contract', () => {
		const wanted = published.trim().split('\n')
			.map((line) => line.trim());
		const found = rows.filter(({ contract }) => contract === 'card')
			.map(shownFacts);
		assert.deepEqual([...new Set(found)].sort(), wanted.sort());
	});

	test('has the params of the contract', () => {
		for (const row of rows.filter((one) => one.contract === 'card')) {
			const wanted = row.param === '*' ? '*'
				: fixedParams[row.code] ?? fixedParams[row.name] ?? null;
			assert.equal(row.param, wanted, row.name);
		}
	});
});

describe('the route and the size', () => {
	test('an unknown path is not found', async () => {
		reach('ROUTE_NOT_FOUND', await request('GET', '/v1/payment'));
	});

	test('an internal path of the web server is not found', async () => {
		reach('ROUTE_NOT_FOUND', await request('GET', '/web-error/502'));
	});

	test('a method that the path does not have is not allowed', async () => {
		const answer = await request('DELETE', intents);
		reach('METHOD_NOT_ALLOWED', answer);
		assert.deepEqual(answer.headers.allow.split(', ').sort(),
			['GET', 'POST']);
	});

	test('the web server itself allows only reading the pages', async () => {
		const answer = await request('POST', '/docs/errors/card');
		reach('METHOD_NOT_ALLOWED', answer);
		assert.equal(answer.headers.allow, 'GET, HEAD');
	});

	test('the web server itself refuses TRACE', async () => {
		reach('METHOD_NOT_ALLOWED', await request('TRACE', intents));
	});

	for (const [bytes, who] of [[65537, 'intentd'], [131073, 'the web server']])
		test(`${who} refuses a body of ${bytes} bytes`, async () => {
			reach('REQUEST_TOO_LARGE', await request('POST', intents,
				{ json: { description: 'x'.repeat(bytes) } }));
		});

	test('a URL that is too long is refused', async () => {
		reach('URI_TOO_LONG', await request('GET',
			`${intents}?customer=${'x'.repeat(9000)}`));
	});

	test('a header that is too long is refused', async () => {
		reach('HEADERS_TOO_LARGE', await request('GET', intents,
			{ headers: { 'X-Long': 'x'.repeat(9000) } }));
	});

	test('headers that are too many together are refused', async () => {
		const [count, bytes] = webIs.boundsAllHeaders ? [6, 7000] : [101, 1];
		const headers = Object.fromEntries(Array.from({ length: count },
			(_, i) => [`X-Long-${i}`, 'x'.repeat(bytes)]));
		reach('HEADERS_TOO_LARGE', await request('GET', intents, { headers }));
	});
});

describe('the key, the permission and the rate', () => {
	test('a request without a key', async () => {
		const answer = await request('GET', intents, { key: null });
		const error = reach('API_KEY_ABSENT', answer);
		assert.equal(error.message, 'Invalid API key provided.');
	});

	test('an unknown key', async () => {
		reach('API_KEY_INVALID', await request('GET', intents,
			{ key: 'sk_test_0' }));
	});

	test('a revoked key', async () => {
		const key = await createKey(servers.plain, { name: 'short-lived' });
		assertOk(await request('POST', `/v1/api_keys/${key.id}/revoke`));
		reach('API_KEY_REVOKED',
			await request('GET', intents, { key: key.secret }));
	});

	test('a restricted key without the permission', async () => {
		const key = await restrictedKey(servers.plain, ['refunds:read']);
		reach('INSUFFICIENT_PERMISSIONS',
			await request('GET', intents, { key: key.secret }));
	});

	test('one request more than the limit of the minute', async () => {
		const answer = await until(
			() => servers.outside.request('GET', '/v1/api_keys'),
			({ status }) => status === 429, 3);
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
		reach('REQUEST_MALFORMED', await request('POST', intents, {
			body: '{"amount":',
			headers: { 'Content-Type': 'application/json' },
		}));
	});

	for (const [what, bytes] of Object.entries({
		'garbage instead of a request': 'garbage\r\n\r\n',
		'bytes of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
		'HTTP/1.1 without Host': 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
		'an unknown version of HTTP': 'GET / HTTP/3.0\r\nHost: a\r\n\r\n',
		'an unknown transfer encoding': 'POST /v1/refunds HTTP/1.1\r\n' +
			'Host: a\r\nTransfer-Encoding: gzip\r\n' +
			'Connection: close\r\n\r\n',
	}))
		test(`the web server itself refuses ${what}`, async () => {
			reach('REQUEST_MALFORMED', await rawHttp(servers.plain, bytes));
		});

	test('a precondition of a page that does not hold', async () => {
		for (const contract of ['card', 'stable']) {
			const answer = await request('GET', `/docs/errors/${contract}`,
				{ key: null, headers: { 'If-Match': '"x"' } });
			if (webIs.checksPreconditions)
				reach('REQUEST_MALFORMED', answer);
			else
				assert.equal(answer.status, 200);
		}
	});

	test('a required parameter that is absent', async () => {
		const answer = await request('POST', intents, { json: { amount: 1 } });
		reach('PARAMETER_MISSING', answer, 'currency');
	});

	test('a value that the endpoint does not take', async () => {
		const error = reach('PARAMETER_INVALID', await request('POST', intents,
			{ json: { amount: 1, currency: 'dollars' } }), 'currency');
		assert.equal(error.message, "Invalid value for 'currency': " +
			'must be a 3-letter ISO currency code.');
	});

	test('a parameter that the endpoint does not have', async () => {
		reach('PARAMETER_UNKNOWN', await request('POST', intents,
			{ json: { amount: 1, currency: 'usd', captre_method: 'manual' } }),
		'captre_method');
	});

	test('a URL that webhooks are not sent to', async () => {
		const error = reach('INVALID_WEBHOOK_URL', await request('POST',
			'/v1/webhook_endpoints', { json: {
				url: 'https://user:hunter2@shop.invalid/',
				enabled_events: ['*'] } }), 'url');
		assert.match(error.message, /^Invalid value for 'url': it must /);
		assert.ok(!error.message.includes('hunter2'));
	});

	test('a refund of nothing', async () => {
		const { id } = await intentIn(servers.plain, 'succeeded');
		reach('AMOUNT_INVALID', await request('POST', '/v1/refunds',
			{ json: { payment_intent: id, amount: 0 } }), 'amount');
	});
});

describe('the idempotency key', () => {
	test('a key that was used for another request', async () => {
		const headers = { 'Idempotency-Key': 'order 1' };
		await createIntent(servers.plain, {}, { headers });
		const error = reach('IDEMPOTENCY_KEY_REUSE',
			await request('POST', intents,
				{ headers, json: { amount: 1, currency: 'usd' } }));
		assert.equal(error.message, 'This idempotency key has already been ' +
			'used with different request parameters.');
	});

	test('a key whose first request waits for an engine', async () => {
		const options = {
			headers: { 'Idempotency-Key': 'order 2' },
			json: { amount: 2000, currency: 'usd', payment_method: visa,
				confirm: true },
		};
		const answers = await Promise.all([1, 2].map(() =>
			servers.outside.request('POST', intents, options)));
		answers.sort((a, b) => a.status - b.status);
		assert.equal(assertOk(answers[0]).status, 'succeeded');
		reach('IDEMPOTENCY_KEY_IN_USE', answers[1]);
		assert.equal(answers[1].headers['retry-after'], '1');
		const again = await servers.outside.request('POST', intents, options);
		assert.equal(again.text, answers[0].text);
	});
});

describe('the objects named', () => {
	const named = [
		['INTENT_MISSING', intents, 'pi_nonexistent', 'payment intent'],
		['CHARGE_MISSING', '/v1/charges', 'ch_nonexistent', 'charge'],
		['REFUND_MISSING', '/v1/refunds', 'ref_nonexistent', 'refund'],
		['CUSTOMER_MISSING', '/v1/customers', 'cus_nonexistent', 'customer'],
		['API_KEY_MISSING', '/v1/api_keys', 'key_nonexistent', 'API key'],
		['ENDPOINT_MISSING', '/v1/webhook_endpoints', 'we_nonexistent',
			'webhook endpoint'],
		['EVENT_MISSING', '/v1/events', 'evt_nonexistent', 'event'],
	];
	for (const [row, path, id, what] of named)
		test(`there is no ${what} ${id}`, async () => {
			const error = reach(row,
				await request('GET', `${path}/${id}`), 'id');
			assert.equal(error.message, `No such ${what}: '${id}'`);
		});

	test('a parameter names a customer who is not there', async () => {
		reach('CUSTOMER_MISSING', await request('POST', intents, { json:
			{ amount: 1, currency: 'usd', customer: 'cus_nonexistent' } }),
		'customer');
	});
});

describe('the state', () => {
	test('a merchant who is suspended', async () => {
		const { plain } = servers;
		const other = await createAccount(plain);
		await plain.ctl('merchant', 'suspend', other.merchantId);
		reach('MERCHANT_NOT_ACTIVE', await request('POST', intents,
			{ key: other.testKey, json: { amount: 1, currency: 'usd' } }));
	});

	test('an action that the status does not allow', async () => {
		const { id } = await intentIn(servers.plain, 'succeeded');
		const error = reach('PAYMENT_INTENT_UNEXPECTED_STATE',
			await request('POST', `${intents}/${id}/capture`));
		for (const word of ['captured', 'succeeded', 'requires_capture'])
			assert.ok(error.message.includes(word), error.message);
	});

	test('a target status that cannot follow', async () => {
		const { id } = await intentIn(servers.plain, 'succeeded');
		reach('INVALID_STATE_TRANSITION', await request('POST',
			`/v1/test_helpers/payment_intents/${id}/transition`,
			{ json: { status: 'canceled' } }), 'status');
	});

	test('a payment that the engine does not know', async () => {
		const { id } = await createIntent(servers.plain,
			{ payment_method: 'pm_card_not_initialized' });
		reach('PAYMENT_NOT_INITIALIZED',
			await request('POST', `${intents}/${id}/confirm`));
	});

	test('a payment that the engine will not know', async () => {
		const { id } = await createIntent(servers.plain);
		reach('PAYMENT_NOT_INITIALIZED', await request('POST',
			`${intents}/${id}/confirm`,
			{ json: { payment_method: 'pm_card_not_initialized' } }));
	});

	test('live mode without an engine', async () => {
		const key = servers.plain.liveKey;
		const { id } = await createIntent(servers.plain,
			{ payment_method: visa }, { key });
		reach('PAYMENT_NOT_INITIALIZED',
			await request('POST', `${intents}/${id}/confirm`, { key }));
	});

	const declines = {
		pm_card_declined: 'generic_decline',
		pm_card_insufficient_funds: 'insufficient_funds',
		pm_card_expired: 'expired_card',
		pm_card_lost: 'lost_card',
		pm_card_stolen: 'stolen_card',
		pm_card_incorrect_cvc: 'incorrect_cvc',
		pm_card_processing_error: 'processing_error',
		pm_card_do_not_honor: 'do_not_honor',
	};
	for (const [method, code] of Object.entries(declines))
		test(`a card is declined with ${code}`, async () => {
			const { id } = await createIntent(servers.plain,
				{ payment_method: method });
			const error = reach('CARD_DECLINED',
				await request('POST', `${intents}/${id}/confirm`));
			assert.equal(error.decline_code, code);
			assert.equal(error.message, 'Your card was declined.');
		});

	test('a refund of more than is left names what is left', async () => {
		const { id } = await intentIn(servers.plain, 'succeeded');
		const error = reach('AMOUNT_TOO_LARGE', await request('POST',
			`${intents}/${id}/refund`, { json: { amount: 2001 } }), 'amount');
		assert.ok(error.message.includes('2000'), error.message);
	});
});

describe('the world', () => {
	test('a damaged record is an internal error', async () => {
		const { id } = await createIntent(servers.faulty);
		reach('INTERNAL_ERROR',
			await servers.faulty.request('GET', `${intents}/${id}`));
	});

	test('a full store takes nothing more', async () => {
		const { faulty } = servers;
		reach('SERVICE_UNAVAILABLE', await faulty.request('POST',
			'/v1/customers', { json: { name: 'Ada' } }));
		const { data } = assertOk(await faulty.request('GET',
			'/v1/customers'));
		assert.deepEqual(data, []);
	});
});

// A request whose body the web server still waits for: it counts as one of those that
// it works on as soon as it says 100.
function openRequest(server) {
	const { hostname, port } = new URL(server.baseUrl);
	return new Promise((resolve, reject) => {
		const socket = net.connect({ host: hostname, port });
		socket.once('error', reject);
		socket.once('data', (data) => {
			assert.match(data.toString(), /^HTTP\/1\.1 100 /);
			resolve(socket);
		});
		socket.write(`POST ${intents} HTTP/1.1\r\nHost: a\r\n` +
			'Content-Length: 10\r\nExpect: 100-continue\r\n\r\n');
	});
}

// What the web server says by itself is said in the dialect of the path.
async function gatewayAnswers(status, name, prepare = async () => {}) {
	const { gateway } = servers;
	await prepare();
	const [card, stable] = await Promise.all([intents, stableIntents]
		.map((path) => gateway.request('GET', path)));
	reach(name, card);
	assertRefused(stable, { status, type: 'api_error',
		code: 'service_unavailable', param: null });
}

describe('the web server without intentd', () => {
	test('says 502 where there is no socket', async () => {
		const { socket } = servers.gateway;
		renameSync(socket, `${socket}.away`);
		try {
			await gatewayAnswers(502, 'BAD_GATEWAY');
		} finally {
			renameSync(`${socket}.away`, socket);
		}
		assertOk(await servers.gateway.request('GET', intents));
	});

	test('says 504 when no worker answers in time', async () => {
		await withoutWorkers(servers.gateway,
			() => gatewayAnswers(504, 'GATEWAY_TIMEOUT'));
		assertOk(await servers.gateway.request('GET', intents));
	});

	test('says 503 for one request too many at a time, or serves it when ' +
		'there is room', async () => {
		const sockets = await Promise.all(Array.from({ length: 1000 },
			() => openRequest(servers.gateway)));
		try {
			if (webIs.refusesTooManyAtATime)
				await gatewayAnswers(503, 'SERVICE_UNAVAILABLE');
		} finally {
			for (const socket of sockets)
				socket.destroy();
		}
		await until(() => servers.gateway.request('GET', intents),
			({ status }) => status === 200);
	});

	test('says 502 when a worker dies over the request', async () => {
		const { outside } = servers;
		const { id } = await createIntent(outside, { payment_method: visa });
		const pending = outside.request('POST', `${intents}/${id}/confirm`);
		await until(() => getIntent(outside, id),
			({ status }) => status === 'processing');
		for (const pid of outside.pids().workers)
			process.kill(pid, 'SIGKILL');
		reach('BAD_GATEWAY', await pending);
		assertOk(await outside.request('GET', intents));
	});

	// The last one: with the supervisor gone, scripts/run ends all of it,
	// as soon as it goes on.
	test('says 502 when all of intentd was killed', async () => {
		const { gateway } = servers;
		const { run, supervisor } = gateway.pids();
		process.kill(run, 'SIGSTOP');
		try {
			process.kill(supervisor, 'SIGKILL');
			await until(() => gateway.request('GET', intents),
				({ status }) => status !== 200);
			await gatewayAnswers(502, 'BAD_GATEWAY');
		} finally {
			process.kill(run, 'SIGCONT');
		}
		assert.equal((await gateway.child.ended).code, 1);
	});
});

describe('the stable contract', () => {
	const wrong = { type: 'invalid_request_error', param: null };
	const answers = {
		'an unknown route': [() => request('GET', `${stableIntents}/pi_1/pay`),
			{ status: 404, type: 'not_found_error',
				code: 'route_not_found', param: null }],
		'a URL that is too long': [
			() => request('GET', `${stableIntents}?a=${'x'.repeat(9000)}`),
			{ ...wrong, status: 414, code: 'request_too_large' }],
		'headers that are too large': [() => request('GET', stableIntents,
			{ headers: { 'X-Long': 'x'.repeat(9000) } }),
		{ ...wrong, status: 431, code: 'request_too_large' }],
		'a body beyond the limit of the web server': [() => request('POST',
			stableIntents, { json: { a: 'x'.repeat(131073) } }),
		{ ...wrong, status: 413, code: 'request_too_large' }],
		'a method that the web server refuses': [() => request('TRACE', stableIntents),
			{ ...wrong, status: 405, code: 'method_not_allowed' }],
		'a request that cannot be read': [() => rawHttp(servers.plain,
			`GET ${stableIntents} HTTP/1.1\r\n\r\n`, { contract: 'stable' }),
		{ ...wrong, status: 400, code: 'parameter_invalid' }],
	};
	for (const [what, [ask, expected]] of Object.entries(answers))
		test(`says ${what} in its own words`, async () => {
			assertRefused(await ask(), expected);
		});

	for (const root of ['payment-intents', 'transactions', 'merchants', 'qr',
		'webhook-endpoints', 'test-helpers'])
		test(`answers below /v1/${root}`, async () => {
			assertRefused(await request('GET', `/v1/${root}/x/y/z`),
				{ status: 404, type: 'not_found_error',
					code: 'route_not_found', param: null });
		});
});

describe('in the end', () => {
	test('every row of the card contract was reached', () => {
		const missed = rows.filter(({ contract, name }) =>
			contract === 'card' && !reached.has(name))
			.map(({ name, code }) => `${name} (${code})`);
		assert.deepEqual(missed, []);
	});

	test('every doc_url that was seen leads to its place', async () => {
		const places = [...new Set(seenErrors.map(({ url }) =>
			url.slice(url.indexOf('/docs/'))))];
		assert.ok(places.length > 20);
		const pages = new Map();
		for (const place of places) {
			const [path, code] = place.split('#');
			if (!pages.has(path))
				pages.set(path, (await request('GET', path)).text);
			assert.ok(pages.get(path).includes(` id="${code}"`), place);
		}
	});
});
