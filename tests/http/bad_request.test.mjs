// Bad requests: headers, methods, paths, ids of others, and connections that
// break off.  Each is refused without effect, and the workers live on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createKey,
	createRefund, intentIn, invalid, missing, refusals,
	storeText, visa } from './fixtures.mjs';
import { fastcgi, fastcgiBegin, fastcgiBytes, fastcgiPairs, fastcgiParams,
	fastcgiRecord, fastcgiRequest, record } from './fastcgi.mjs';
import { assertOk, assertRefused, rawHttp, startServer,
	webIs } from './harness.mjs';

const intents = '/v1/payment_intents';
const cardNumber = '4242424242424242';
const malformed = { ...invalid, param: null };
const whole = '{"amount":2000,"currency":"usd"}';

const world = {};
const made = {};
const { withoutEffect, refuses, refusesAll } = refusals(world);
let server;
let other;

// A half connection holds a worker for connection_timeout_ms at most.
before(async () => {
	server = await startServer({ settings: { connection_timeout_ms: 1000 } });
	other = await createAccount(server);
	made.intent = await intentIn(server, 'succeeded');
	made.customer = await createCustomer(server, { name: 'Ada' });
	made.refund = await createRefund(server,
		{ payment_intent: made.intent.id, amount: 500 });
	made.open = await createIntent(server, { payment_method: visa });
	Object.assign(world, { server,
		keys: [server.testKey, server.liveKey, other.testKey] });
});

after(() => server.stop());

describe('headers', () => {
	const json = { amount: 1, currency: 'usd' };
	const withKey = (value) => ['POST', intents,
		{ json, headers: { 'Idempotency-Key': value } }];
	const wrongKey = { ...invalid, param: 'Idempotency-Key' };
	refusesAll({
		'256 characters': 'k'.repeat(256), '300 characters': 'k'.repeat(300),
		nothing: '', 'two header lines': ['one', 'two'],
		'two equal header lines': ['one', 'one'], 'a tab': 'a\tb',
		'a letter that is not ASCII': 'Schlüssel',
	}, wrongKey, withKey);

	test('255 characters are taken, and replayed', async () => {
		const ask = () => server.request(...withKey('k'.repeat(255)));
		const first = await ask();
		const second = await ask();
		assertOk(first);
		assert.equal(second.text, first.text);
		assert.equal(second.headers['idempotent-replayed'], 'true');
	});

	test('Authorization twice', async () => {
		const right = `Bearer ${server.testKey}`;
		const wrong = `Bearer ${other.testKey}`;
		for (const lines of [[right, wrong], [wrong, right], [right, right]]) {
			const answer = await withoutEffect(() => server.request('POST',
				intents, { json, headers: { Authorization: lines } }));
			assertRefused(answer, malformed);
		}
	});

	const unsupported = { status: 415, type: 'invalid_request_error',
		code: 'unsupported_media_type', param: null };
	refusesAll({
		'plain text': 'text/plain', XML: 'application/xml',
		'a form with files': 'multipart/form-data; boundary=a',
		'a patch': 'application/json-patch+json', 'a typo': 'application/jsn',
		'a prefix': 'application/jsonx', 'no type at all': ' ',
	}, unsupported, (type) => ['POST', intents,
		{ body: whole, headers: { 'Content-Type': type } }]);
	refuses('no Content-Type', ['POST', intents, { body: whole }],
		unsupported);

	for (const type of ['application/json; charset=utf-8', 'Application/JSON'])
		test(`${type} is taken`, async () => {
			assertOk(await server.request('POST', intents,
				{ body: whole, headers: { 'Content-Type': type } }));
		});
});

describe('methods and paths', () => {
	const notAllowed = { status: 405, type: 'invalid_request_error',
		code: 'method_not_allowed', param: null };
	for (const [path, methods] of Object.entries({
		[intents]: ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'BREW'],
		[`${intents}/pi_x`]: ['PUT', 'PATCH', 'DELETE'],
		[`${intents}/pi_x/confirm`]: ['GET', 'PUT', 'DELETE'],
		'/v1/charges': ['POST', 'DELETE'], '/v1/refunds/ref_x': ['POST'],
		'/v1/customers/cus_x': ['PUT'], '/v1/api_keys/key_x': ['DELETE'],
	}))
		for (const method of methods)
			test(`${method} ${path}`, async () => {
				const answer = await withoutEffect(() =>
					server.request(method, path));
				assertRefused(answer, notAllowed);
				const allowed = answer.headers.allow.split(', ');
				assert.ok(allowed.length > 0 && !allowed.includes(method));
				for (const name of allowed)
					assert.match(name, /^(GET|POST|DELETE)$/);
			});

	test('HEAD is refused like any other method, without a body', async () => {
		const answer = await withoutEffect(() =>
			server.request('HEAD', `${intents}/pi_x`));
		assert.equal(answer.status, 405);
		assert.equal(answer.headers.allow, 'GET, POST');
		assert.equal(answer.text, '');
	});

	const noRoute = { status: 404, type: 'invalid_request_error',
		code: 'route_not_found', param: null };
	const wrongPaths = ['/', '/v1', '/v1/', '/v2/payment_intents',
		'/V1/payment_intents', '/payment_intents', '/v1/payment_intent',
		'/v1/Payment_Intents', `${intents}/`, `${intents}//`,
		`${intents}/pi_x/`, `${intents}/pi_x/pay`,
		`${intents}/pi_x/confirm/now`, `/${intents}`, '//v1//payment_intents',
		'/v1//payment_intents', '/v1%2Fpayment_intents',
		'/v1/payment_intents%2F', '/v1/./payment_intents',
		'/v1/customers/../payment_intents', `${intents}/pi_x/../`,
		'/v1/x/../payment_intents', '/v1/payment_intents;a=b',
		'/index.html', '/docs/errors/', '/docs/errors/card.html',
		'/docs/errors/card/', '/docs/errors/..%2Fcard', '/.git/config',
		'/docs/../v1/payment_intents'];
	for (const path of wrongPaths)
		refuses(`GET ${path}`, ['GET', path], noRoute);

	refuses('an escaped slash does not lead to another endpoint', ['POST',
		() => `${intents}/${made.open.id}%2Fcancel`], { ...missing, param: 'id' });
	refuses('two dots are no id', ['GET', `${intents}/..`],
		{ ...missing, param: 'id' });
	refuses('a path above the root', ['GET', '/../etc/passwd'], malformed);
	refuses('NUL in the path', ['GET', `${intents}/pi%00`], malformed);
	refuses('a broken escape in the path', ['GET', `${intents}/%zz`],
		malformed);
	refuses('an id that is not UTF-8', ['GET', `${intents}/pi_%ff`],
		{ ...missing, param: 'id' });

	test('a long path is not repeated in full', async () => {
		const answer = await server.request('GET', `/v1/${'x'.repeat(500)}`);
		const { message } = assertRefused(answer, noRoute);
		assert.ok(!message.includes('x'.repeat(65)));
	});
});

describe('ids that name nothing', () => {
	const ids = () => ({
		'another type': made.customer.id,
		'no object': `${made.intent.id.slice(0, -4)}zzzz`,
		'a prefix alone': 'pi_',
		'a longer one': `${made.intent.id}0`,
		'capital letters': made.intent.id.toUpperCase(),
		'a word': 'pi_nonexistent',
	});
	const actions = [['GET', ''], ['POST', ''], ['POST', '/confirm'],
		['POST', '/capture'], ['POST', '/cancel'], ['POST', '/refund']];

	for (const what of ['another type', 'no object', 'a prefix alone',
		'a longer one', 'capital letters', 'a word'])
		for (const [method, action] of actions)
			refuses(`${what}: ${method} {id}${action}`, [method,
				() => `${intents}/${ids()[what]}${action}`],
			{ ...missing, param: 'id' });

	const transition = () => '/v1/test_helpers/payment_intents/' +
		`${made.customer.id}/transition`;
	refuses('another type: a transition', ['POST', transition,
		{ json: { status: 'succeeded' } }], { ...missing, param: 'id' });
	for (const name of ['charges', 'refunds', 'customers', 'api_keys'])
		refuses(`another type: GET /v1/${name}/{id}`, ['GET',
			() => `/v1/${name}/${made.intent.id}`], { ...missing, param: 'id' });

	const asParameter = [
		['POST', '/v1/refunds', 'payment_intent', 'cus_x', {}],
		['POST', intents, 'customer', 'pi_x', { amount: 1, currency: 'usd' }],
		['GET', intents, 'customer', 'pi_x'],
		['GET', '/v1/charges', 'payment_intent', 'ch_x'],
		['GET', '/v1/refunds', 'payment_intent', 'ref_x'],
		['GET', intents, 'starting_after', 'cus_x'],
		['GET', '/v1/customers', 'ending_before', 'pi_x'],
	];
	for (const [method, path, name, id, more] of asParameter)
		refuses(`another type: ${name} of ${method} ${path}`, method === 'GET'
			? [method, `${path}?${name}=${id}`]
			: [method, path, { json: { ...more, [name]: id } }],
		{ ...invalid, param: name });
});

// Every object, asked for with the key of somebody who must not see it.
describe('objects of others', () => {
	const nobody = 'pi_nonexistent';
	const owners = {
		'of another account': () => ({ key: other.testKey }),
		'of the other mode': () => ({ key: server.liveKey }),
	};
	const paths = () => [
		...['', '/confirm', '/capture', '/cancel', '/refund'].map((action) =>
			['POST', `${intents}/${made.open.id}${action}`, made.open.id]),
		['GET', `${intents}/${made.open.id}`, made.open.id],
		['GET', `/v1/charges/${made.intent.latest_charge}`,
			made.intent.latest_charge],
		['GET', `/v1/refunds/${made.refund.id}`, made.refund.id],
		...['GET', 'POST', 'DELETE'].map((method) =>
			[method, `/v1/customers/${made.customer.id}`, made.customer.id]),
		['GET', `/v1/api_keys/${made.key.id}`, made.key.id],
		['POST', `/v1/api_keys/${made.key.id}/revoke`, made.key.id],
		['POST', `/v1/api_keys/${made.key.id}/roll`, made.key.id],
	];
	const named = () => [
		['/v1/refunds', { payment_intent: made.intent.id }],
		[intents, { amount: 1, currency: 'usd', customer: made.customer.id }],
	];

	before(async () => {
		made.key = await createKey(server, { name: 'seen by nobody' });
	});

	for (const [whose, options] of Object.entries(owners)) {
		test(`${whose}: in the path`, () => withoutEffect(async () => {
			for (const [method, path, id] of paths()) {
				const json = method === 'POST' ? {} : undefined;
				const answer = await server.request(method, path,
					{ ...options(), json });
				const absent = await server.request(method,
					path.replace(id, nobody), { ...options(), json });
				assertRefused(answer, { ...missing, param: 'id' });
				assert.equal(answer.text.replace(id, nobody), absent.text);
			}
		}));

		test(`${whose}: in a parameter`, () => withoutEffect(async () => {
			for (const [path, json] of named()) {
				const answer = await server.request('POST', path,
					{ ...options(), json });
				const param = Object.keys(json).at(-1);
				assertRefused(answer, { ...missing, param });
			}
		}));

		test(`${whose}: in a list`, () => withoutEffect(async () => {
			for (const [path, param, id, expected] of [
				['/v1/refunds', 'payment_intent', made.intent.id, missing],
				['/v1/charges', 'payment_intent', made.intent.id, missing],
				[intents, 'customer', made.customer.id, missing],
				[intents, 'starting_after', made.intent.id, invalid],
				[intents, 'ending_before', made.intent.id, invalid],
			]) {
				const answer = await server.request('GET',
					`${path}?${param}=${id}`, options());
				assertRefused(answer, { ...expected, param });
			}
		}));
	}

	test('a transition of another account', () => withoutEffect(async () => {
		const answer = await server.request('POST',
			`/v1/test_helpers/payment_intents/${made.open.id}/transition`,
			{ key: other.testKey, json: { status: 'succeeded' } });
		assertRefused(answer, { ...missing, param: 'id' });
	}));
});

// A request of `length` bytes, of which only the first ones are sent.
function shortRequest(length, body) {
	return `POST ${intents} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
		`Authorization: Bearer ${server.testKey}\r\n` +
		'Content-Type: application/json\r\n' +
		`Content-Length: ${length}\r\n\r\n${body}`;
}

describe('a body shorter than its Content-Length', () => {
	for (const body of ['', whole.slice(0, 10), whole])
		test(`through the web server: ${body.length} bytes of 100`, async () => {
			const answer = await withoutEffect(() => rawHttp(server,
				shortRequest(100, body), { halfClose: true }));
			// nginx tells a client that has hung up nothing.
			if (webIs.answersHalfClosed)
				assertRefused(answer, malformed);
			else
				assert.equal(answer, null);
		});

	for (const said of ['33', '100', '31', '-1', 'x', '18446744073709551616'])
		test(`past the web server: ${whole.length} bytes, said ${said}`, async () => {
			const answer = await withoutEffect(() => fastcgi(server,
				fastcgiParams(server, 'POST', intents, whole,
					{ CONTENT_LENGTH: said }), whole));
			assertRefused(answer, malformed);
		});

	test('past the web server: the right length is taken', async () => {
		const answer = await fastcgi(server,
			fastcgiParams(server, 'POST', intents, whole), whole);
		assert.equal(assertOk(answer).amount, 2000);
	});

	test('both a length and chunks', async () => {
		const answer = await withoutEffect(() => rawHttp(server,
			shortRequest(5, '0\r\n\r\n').replace('Host',
				'Transfer-Encoding: chunked\r\nHost')));
		assertRefused(answer, webIs.refusesLengthWithChunks ? malformed
			: { status: 400, code: 'parameter_missing', param: 'amount' });
	});

	test('a chunk that is none', async () => {
		const answer = await withoutEffect(() => rawHttp(server,
			shortRequest(0, 'zz\r\n').replace('Content-Length: 0',
				'Transfer-Encoding: chunked')));
		assertRefused(answer, malformed);
	});
});

// Beginnings of connections that are no whole FastCGI request.
function fragments() {
	const params = fastcgiParams(server, 'POST', intents, whole);
	const request = fastcgiRequest(params, whole);
	const pairs = fastcgiPairs(params);
	const begin = fastcgiBegin();
	return {
		'nothing': Buffer.alloc(0),
		'half of a header': begin.subarray(0, 5),
		'a header without its content': begin.subarray(0, 8),
		'a begin alone': begin,
		'half of the parameters': Buffer.concat([begin, fastcgiRecord(
			record.params, pairs.subarray(0, pairs.length / 2))]),
		'parameters without their end': Buffer.concat([begin,
			fastcgiRecord(record.params, pairs)]),
		'parameters longer than their record': Buffer.concat([begin,
			fastcgiRecord(record.params, Buffer.from([127, 127, 65])),
			fastcgiRecord(record.params)]),
		'no standard input': request.subarray(0,
			request.length - whole.length - 16),
		'half of the body': request.subarray(0, request.length - 20),
		'a body without its end': request.subarray(0, request.length - 8),
		'another version': Buffer.concat([Buffer.from([9]),
			request.subarray(1)]),
		'another role': Buffer.concat([fastcgiRecord(record.begin,
			Buffer.from([0, 9, 0, 0, 0, 0, 0, 0])), request.subarray(16)]),
		'another type of record first': request.subarray(16),
		'an abort': Buffer.concat([begin, fastcgiRecord(record.abort)]),
		'HTTP': Buffer.from(`GET ${intents} HTTP/1.1\r\n\r\n`),
		'random bytes': Buffer.from(Array.from({ length: 4096 },
			(_, i) => i * 7919 % 251)),
	};
}

describe('half a FastCGI request', () => {
	const names = ['nothing', 'half of a header', 'a header without its content',
		'a begin alone', 'half of the parameters',
		'parameters without their end', 'parameters longer than their record',
		'no standard input', 'half of the body', 'a body without its end',
		'another version', 'another role', 'another type of record first',
		'an abort', 'HTTP', 'random bytes'];

	for (const name of names)
		test(`${name}, and the connection ends`, async () => {
			const bytes = fragments()[name];
			const answer = await withoutEffect(() =>
				fastcgiBytes(server, bytes, { halfClose: true }));
			assert.ok(answer === null || answer.status >= 400,
				`answered ${answer?.status}`);
		});

	test('nothing further comes: the worker does not wait for ever',
		async () => {
			const { workers } = server.pids();
			const bytes = fragments()['half of the body'];
			await withoutEffect(() => Promise.all(
				[...workers, ...workers].map(() =>
					fastcgiBytes(server, bytes))));
		});
});

describe('secrets and card numbers', () => {
	const withCard = {
		'card[number]': { card: { number: cardNumber } },
		'payment_method_data[card][number]':
			{ payment_method_data: { card: { number: cardNumber } } },
		'payment_method_data[type]': { payment_method_data: { type: 'card' } },
		'source': { source: cardNumber },
	};
	for (const [what, more] of Object.entries(withCard))
		for (const syntax of ['json', 'form']) {
			const load = { amount: 1, currency: 'usd', ...more };
			const param = what.split(/(?<=\])\[/)[0];
			refuses(`${what}, as ${syntax}`,
				['POST', intents, { [syntax]: load }], { ...invalid, param });
		}

	test('a card number is in no answer, log or file', async () => {
		const digits = { payment_method: cardNumber };
		for (const [path, options] of [
			[`${intents}?card[number]=${cardNumber}`, {}],
			[`${intents}/${made.open.id}/confirm`, { json: digits,
				headers: { 'Idempotency-Key': 'card' } }],
			[`/v1/charges?card=${cardNumber}`, { json: digits }],
		]) {
			const answer = await server.request('POST', path, options);
			assert.ok(answer.status >= 400);
			assert.ok(!answer.text.includes(cardNumber), answer.text);
		}
	});

	// Where people put a key or a client_secret by mistake.
	const json = { amount: 1, currency: 'usd' };
	const misplaced = {
		'an id': (secret) => ['GET', `${intents}/${secret}`],
		'a path': (secret) => ['GET', `/v1/${secret}`],
		'a method': (secret) => [secret.replaceAll('_', '-'), intents],
		'a content type': (secret) => ['POST', intents,
			{ body: whole, headers: { 'Content-Type': secret } }],
		'a customer': (secret) => ['POST', intents,
			{ json: { ...json, customer: `cus_${secret}` } }],
		'a payment method': (secret) => ['POST', intents,
			{ json: { ...json, payment_method: secret } }],
		'a name': (secret) => ['POST', intents,
			{ json: { ...json, [secret]: 1 } }],
		'a metadata key': (secret) => ['POST', intents,
			{ json: { ...json, metadata: { [secret]: 1 } } }],
	};
	const kinds = {
		'the key': () => server.testKey,
		'another key': () => other.liveKey,
		'a client_secret': () => made.open.client_secret,
	};
	for (const [what, secretOf] of Object.entries(kinds))
		for (const [where, ask] of Object.entries(misplaced))
			test(`${what} as ${where} is not repeated in full`, async () => {
				const secret = secretOf();
				const { status, body } = await server.request(...ask(secret));
				const { message } = body.error;
				assert.ok(status >= 400 && !message.includes(secret), message);
			});
});

describe('in the end', () => {
	const ids = {};

	before(async () => {
		const asked = {
			'a success': ['GET', intents],
			'a refusal': ['POST', intents],
			'a refusal of the web server': ['POST', intents,
				{ json: { description: 'x'.repeat(140000) } }],
		};
		for (const [what, request] of Object.entries(asked))
			ids[what] = (await server.request(...request))
				.headers['request-id'];
		await server.halt();
	});

	test('neither the log nor the store has the number or a key', () => {
		const secrets = [cardNumber, server.testKey, server.liveKey,
			other.testKey, other.liveKey];
		const texts = { log: server.log(), store: storeText(server) };
		for (const [where, text] of Object.entries(texts))
			for (const secret of secrets)
				assert.ok(!text.includes(secret), where);
	});

	for (const what of ['a success', 'a refusal', 'a refusal of the web server'])
		test(`the Request-Id of ${what} stands in the log`, () => {
			assert.ok(server.log().includes(ids[what]));
		});
});
