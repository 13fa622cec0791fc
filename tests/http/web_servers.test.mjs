// What each web server does with requests that are odd, slow or not what they
// seem, and what its settings promise: TLS, balancers, logs, workers that leave.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { makeCertificate } from './certificates.mjs';
import { until } from './fixtures.mjs';
import { assertOk, assertRefused, rawHttp, startServer,
	webIs } from './harness.mjs';

const intents = '/v1/payment_intents';
const body = '{"amount":2000,"currency":"usd"}';
const malformed = { status: 400, code: 'parameter_invalid', param: null };
const tooLarge = { status: 413, code: 'request_too_large', param: null };
const secret = 'pi_1_secret_ThisMustNotBeLogged';

let server;

before(async () => {
	server = await startServer({ settings: { idempotency_wait_ms: 0 } });
});

after(() => server.stop());

// -- Odd requests -------------------------------------------------------------

const head = (line, ...headers) => [line, 'Host: a', 'Connection: close',
	`Authorization: Bearer ${server.testKey}`, ...headers, '', ''].join('\r\n');
const post = (headers, bytes) => head(`POST ${intents} HTTP/1.1`,
	'Content-Type: application/json', ...headers) + bytes;
const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;
const chunked = 'Transfer-Encoding: chunked';

// [what is sent, what is answered: a status, or what a refusal is]
const odd = {
	'an absolute form': [() => head(`GET http://a${intents} HTTP/1.1`), 200],
	'an absolute form without a path': [() => head('GET http://a HTTP/1.1'),
		{ status: 404, code: 'route_not_found' }],
	'HTTP/1.0': [() => head(`GET ${intents} HTTP/1.0`), 200],
	'a body in chunks': [() => post([chunked],
		chunk(body.slice(0, 5)) + chunk(body.slice(5)) + chunk('')), 200],
	'chunks beyond what intentd takes': [() => post([chunked],
		chunk('x'.repeat(70000)) + chunk('')), tooLarge],
	'chunks beyond what the web server takes': [() => post([chunked],
		chunk('x'.repeat(70000)) + chunk('x'.repeat(70000)) + chunk('')),
	tooLarge],
	'Expect: 100-continue': [() => post([`Content-Length: ${body.length}`,
		'Expect: 100-continue'], body), 200],
	'CONNECT': [() => head('CONNECT a:80 HTTP/1.1'), malformed],
	'two hosts': [() => head(`GET ${intents} HTTP/1.1`, 'Host: b'), malformed],
	'a host that is none': [() => head(`GET ${intents} HTTP/1.1`)
		.replace('Host: a', 'Host: a b/'), malformed],
	'two lengths': [() => post(['Content-Length: 2', 'Content-Length: 3'],
		'{} '), malformed],
	'a length below zero': [() => post(['Content-Length: -1'], ''), malformed],
	'a header without a colon': [() => head(`GET ${intents} HTTP/1.1`, 'x y'),
		malformed],
	'too long a request line': [() => head(
		`GET ${intents}?client_secret=${secret}${'x'.repeat(9000)} HTTP/1.1`),
	{ status: 414, code: 'request_too_large', param: null }],
	'a broken path with a secret': [() => head(
		`GET /%zz?client_secret=${secret} HTTP/1.1`), malformed],
	'a NUL with a secret': [() => head(
		`GET ${intents}/%00?client_secret=${secret} HTTP/1.1`), malformed],
	'TRACE with a secret': [() => head(
		`TRACE ${intents}?client_secret=${secret} HTTP/1.1`),
	{ status: 405, code: 'method_not_allowed', param: null }],
	'a closed path with a secret': [() => head(
		`GET /status?client_secret=${secret} HTTP/1.1`),
	{ status: 404, code: 'route_not_found' }],
	'a name with an underscore': [() => post(['Idempotency_Key: a, b',
		`Content-Length: ${body.length}`], body), 200],
	'an unknown expectation': [() => post([`Content-Length: ${body.length}`,
		'Expect: more'], body), webIs.refusesUnknownExpectations ? malformed
		: 200],
	'a method in lower case': [() => head(`get ${intents} HTTP/1.1`),
		webIs.refusesLowerCaseMethods ? malformed
			: { status: 405, code: 'method_not_allowed', param: null }],
};

describe('a request with', () => {
	for (const [what, [bytes, expected]] of Object.entries(odd))
		test(what, async () => {
			const answer = await rawHttp(server, bytes());
			if (typeof expected === 'number')
				assert.equal(answer.status, expected, answer.text);
			else
				assertRefused(answer, expected);
		});

	test('the target * is refused, or answered with nothing', async () => {
		const bytes = head('OPTIONS * HTTP/1.1');
		if (!webIs.answersOptionsOfStar)
			return assertRefused(await rawHttp(server, bytes), malformed);
		const answer = await new Promise((resolve) => {
			const socket = net.connect(new URL(server.baseUrl).port,
				'127.0.0.1', () => socket.write(bytes));
			let text = '';
			socket.on('data', (data) => { text += data; });
			socket.on('close', () => resolve(text));
		});
		assert.match(answer, /^HTTP\/1\.1 200 .*\r\nContent-Length: 0\r\n/s);
	});

	test('a secret leaves it in no log', async () => {
		const refused = await rawHttp(server, odd['TRACE with a secret'][0]());
		const id = refused.headers['request-id'];
		await until(() => server.log(), (log) => log.includes(id));
		const line = server.log().split('\n').find((one) => one.includes(id));
		assert.match(line, /^time=\S+ request=req_\w+ status=405 address=\S+$/);
		assert.ok(!server.log().includes('ThisMustNotBeLogged'));
	});
});

// -- Slow clients -------------------------------------------------------------

function openSocket(t, on, bytes) {
	const socket = net.connect(new URL(on.baseUrl).port, '127.0.0.1');
	t.after(() => socket.destroy());
	socket.on('error', () => {});
	return new Promise((resolve) => socket.write(bytes, () =>
		resolve(socket)));
}

test('clients that are idle, silent or slow hold no worker', async (t) => {
	// Whoever held a connection to the worker would hold the only one.
	const on = await startServer(t, { workers: 1,
		settings: { connections: 1 } });
	const key = `Authorization: Bearer ${on.testKey}\r\n`;
	const request = `GET ${intents} HTTP/1.1\r\nHost: a\r\n${key}\r\n`;
	const slow = `POST ${intents} HTTP/1.1\r\nHost: a\r\n${key}` +
		'Content-Type: application/json\r\n';
	const kept = await Promise.all(Array.from({ length: 30 }, () =>
		openSocket(t, on, request)));
	await Promise.all(kept.map((socket) => new Promise((resolve) =>
		socket.once('data', resolve))));
	const halves = ['', request.slice(0, 40), `${slow}Content-Length: 32\r\n\r\n`,
		`${slow}Content-Length: 32\r\n\r\n${body.slice(0, 20)}`,
		`${slow}Transfer-Encoding: chunked\r\n\r\n5\r\n{"amo`];
	const waiting = await Promise.all(Array.from({ length: 60 }, (_, i) =>
		openSocket(t, on, halves[i % halves.length])));
	for (let i = 0; i < 5; i++)
		assertOk(await on.request('POST', intents,
			{ json: { amount: 2000, currency: 'usd' } }));
	// One that ends its body after all is served, too.
	const late = waiting[3];
	const answer = new Promise((resolve) => late.once('data', resolve));
	late.write(body.slice(20));
	assert.match((await answer).toString(), /^HTTP\/1\.1 200 /);
});

// -- Workers that leave -------------------------------------------------------

test('no request is lost to workers that leave', async (t) => {
	const on = await startServer(t, { workers: 2,
		settings: { max_requests: 50, restart_backoff_ms: 0 } });
	const before = on.pids().workers;
	const { hostname, port } = new URL(on.baseUrl);
	const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
	t.after(() => agent.destroy());
	const headers = { Authorization: `Bearer ${on.testKey}`,
		'Content-Type': 'application/json' };
	const statuses = {};
	const ask = (i) => new Promise((resolve, reject) => {
		const request = http.request({ agent, hostname, port, headers,
			path: intents, method: i % 2 ? 'POST' : 'GET' }, (response) => {
			response.resume();
			response.on('end', () => resolve(response.statusCode));
		});
		request.on('error', reject);
		request.end(i % 2 ? body : undefined);
	});
	await Promise.all(Array.from({ length: 16 }, async () => {
		for (let i = 0; i < 100; i++) {
			const status = await ask(i);
			statuses[status] = 1 + (statuses[status] ?? 0);
		}
	}));
	assert.deepEqual(statuses, { 200: 1600 });
	await until(() => on.pids().workers,
		(now) => now.every((pid) => !before.includes(pid)));
});

// -- Balancers ----------------------------------------------------------------

describe('behind a balancer', () => {
	const address = '127.0.0.9';
	const given = 'req_givenByTheBalancer1';
	let behind;

	before(async () => {
		behind = await startServer({ options: ['--balancer', address],
			settings: { rate_address: 2 } });
	});

	after(() => behind.stop());

	const ask = (headers, localAddress) => behind.request('GET', intents,
		{ key: null, headers, localAddress });

	test('its Request-Id is answered and logged', async () => {
		const { headers } = await behind.request('GET', intents, {
			localAddress: address, headers: { 'Request-Id': given } });
		assert.equal(headers['request-id'], given);
		await until(() => behind.log(), (log) =>
			log.includes(` request=${given} contract=card method=GET`));
	});

	test('its Request-Id stands in what the web server refuses', async () => {
		const { status, headers } = await behind.request('TRACE', intents,
			{ localAddress: address, headers: { 'Request-Id': `${given}b` } });
		assert.equal(status, 405);
		assert.equal(headers['request-id'], `${given}b`);
	});

	const ids = { 'that is malformed': 'req_a b', 'without its prefix': 'abc',
		'that is too long': `req_${'x'.repeat(65)}`, 'that is empty': '' };
	for (const [what, id] of Object.entries(ids))
		test(`a Request-Id ${what} is replaced`, async () => {
			const { headers } = await behind.request('GET', intents,
				{ localAddress: address, headers: { 'Request-Id': id } });
			assert.match(headers['request-id'], /^req_[0-9a-f]{32}$/);
		});

	test('a Request-Id of anybody else is not believed', async () => {
		const { headers } = await behind.request('GET', intents,
			{ headers: { 'Request-Id': given } });
		assert.match(headers['request-id'], /^req_[0-9a-f]{32}$/);
	});

	test('the rate limit is that of the client', async () => {
		for (const client of ['192.0.2.1', '192.0.2.2', '2001:db8::1']) {
			const answers = [];
			for (let i = 0; i < 3; i++)
				answers.push(await ask({ 'X-Forwarded-For': client },
					address));
			// The minute may turn once.
			assert.deepEqual(answers.slice(0, 2).map(({ status }) => status),
				[401, 401]);
			assert.ok([401, 429].includes(answers[2].status));
		}
		const limited = await until(() => ask({ 'X-Forwarded-For':
			'192.0.2.1' }, address), ({ status }) => status === 429, 6);
		assert.equal(limited.status, 429);
	});

	test('what others say about their address is not believed', async () => {
		let number = 0;
		const limited = await until(() => ask({ 'X-Forwarded-For':
			`198.51.100.${++number}` }, '127.0.0.8'),
		({ status }) => status === 429, 6);
		assert.equal(limited.status, 429);
	});
});

// -- HTTPS --------------------------------------------------------------------

describe('with a certificate', () => {
	const folder = mkdtempSync(join(tmpdir(), 'intentd-tls-'));
	let secure;

	before(async () => {
		const { key } = makeCertificate(folder, 'certificate',
			{ names: ['IP:127.0.0.1'] });
		renameSync(key, join(folder, 'key.pem'));
		secure = await startServer({ options: ['--tls', folder] });
	});

	after(async () => {
		await secure?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	async function curl(...words) {
		const { stdout } = await promisify(execFile)('curl', ['--noproxy', '*',
			'-sS', '--cacert', join(folder, 'certificate.pem'),
			'-u', `${secure.testKey}:`, '-w', '\n%{http_code}', ...words]);
		const lines = stdout.split('\n');
		return { said: lines.pop(), body: JSON.parse(lines.join('\n')) };
	}

	test('a payment is made', async () => {
		assert.match(secure.baseUrl, /^https:/);
		const { said, body: intent } = await curl('-d', 'amount=2000',
			'-d', 'currency=usd', secure.baseUrl + intents);
		assert.equal(said, '200');
		assert.equal(intent.amount, 2000);
	});

	test('a refusal names a page that is there', async () => {
		const { body: { error } } = await curl(`${secure.baseUrl}/v1/x`);
		const { stdout } = await promisify(execFile)('curl', ['--noproxy', '*',
			'-sS', '--cacert', join(folder, 'certificate.pem'),
			error.doc_url.split('#')[0]]);
		assert.ok(stdout.includes(`id="${error.code}"`));
	});

	test('old versions are refused', async () => {
		await assert.rejects(curl('--tls-max', '1.1', secure.baseUrl),
			/SSL|protocol|alert/i);
	});

	test('plain HTTP is refused, not redirected', async () => {
		const { port } = new URL(secure.baseUrl);
		const { said, body: refused } = await curl('-d', 'amount=2000',
			`http://127.0.0.1:${port}${intents}`);
		assert.equal(said, '400');
		assert.equal(refused.error.code, 'parameter_invalid');
	});
});
