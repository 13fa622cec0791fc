// The logs: what a line tells of a request, and what it never does; where
// lines go, and what becomes of payments where they cannot go.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync,
	statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createIntent, createKey, getIntent, until, visa } from './fixtures.mjs';
import { assertOk, startServer } from './harness.mjs';

const intents = '/v1/payment_intents';
const whole = { amount: 2000, currency: 'usd' };
const folder = mkdtempSync(join(tmpdir(), 'intentd-logs-'));
const file = (name) => join(folder, name);
const textOf = (name) => readFileSync(file(name), 'utf8');

after(() => rmSync(folder, { recursive: true }));

const linesOf = (text) => text.split('\n').filter((line) => line !== '');

// A line's members; numbers and words stay text, and null is empty.
const formats = {
	json: (line) => Object.fromEntries(Object.entries(JSON.parse(line))
		.map(([name, value]) => [name, value === null ? '' : String(value)])),
	logfmt: (line) => Object.fromEntries(
		[...line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|[^ ]*)(?: |$)/g)]
			.map(([, name, value]) => [name,
				value.startsWith('"') ? JSON.parse(value) : value])),
};

// The line of the request that an answer belongs to, once it is there.
function lineOf(name, answer, read) {
	const id = answer.headers['request-id'];
	return until(() => linesOf(textOf(name)).map(read)
		.filter(({ request }) => request === id), (found) => found.length > 0)
		.then((found) => {
			assert.equal(found.length, 1, id);
			return found[0];
		});
}

function assertMembers(found, expected) {
	assert.deepEqual(Object.fromEntries(Object.keys(expected)
		.map((name) => [name, found[name]])), expected);
}

const members = ['time', 'request', 'contract', 'method', 'route', 'status',
	'code', 'account', 'key', 'idempotency', 'queue_us', 'store_us', 'total_us'];

for (const [format, read] of Object.entries(formats))
	describe(`a line of ${format}`, () => {
		const name = `${format}.log`;
		const secrets = new Set();
		let server;

		before(async () => {
			server = await startServer({ workers: 1, settings: {
				log: file(name), log_format: format, slow_log: file(`${name}.slow`),
				slow_log_ms: 200, sandbox_latency_ms: 300,
				idempotency_wait_ms: 0,
			} });
		});
		after(() => server.stop());

		async function ask(method, path, options) {
			const answer = await server.request(method, path, options);
			return [answer, await lineOf(name, answer, read)];
		}

		const post = (json, headers = {}, path = intents) =>
			ask('POST', path, { json, headers });

		test('has every member, in order', async () => {
			const [answer, line] = await post(whole);
			assertOk(answer);
			assert.deepEqual(Object.keys(line), members);
			assertMembers(line, { contract: 'card', method: 'POST',
				route: intents, status: '200', code: '',
				account: server.accountId, key: server.testKey.slice(0, 12),
				idempotency: 'none', queue_us: '0' });
			assert.match(line.time, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
			const [store, total] = [Number(line.store_us), Number(line.total_us)];
			assert.ok(store > 0 && store <= total, `${store} of ${total}`);
		});

		test('has the pattern of a path, and the time of a read', async () => {
			const { id } = await createIntent(server);
			const [, line] = await ask('GET', `${intents}/${id}`);
			assertMembers(line, { method: 'GET', route: `${intents}/{id}`,
				status: '200', code: '', queue_us: '0' });
			assert.ok(Number(line.store_us) > 0);
		});

		test('has the code of a refusal, and what is known of it', async () => {
			const refused = [
				[['GET', '/v1/nowhere'], { route: '', status: '404',
					code: 'route_not_found', account: server.accountId }],
				[['PUT', intents], { route: '', status: '405', method: 'PUT',
					code: 'method_not_allowed' }],
				[['GET', intents, { key: null }], { route: intents,
					status: '401', code: 'authentication_failed', account: '',
					key: '' }],
				[['POST', intents, { json: { amount: 1 } }], { status: '400',
					code: 'parameter_missing', idempotency: 'none' }],
				[['GET', '/v1/payment-intents', { key: null }], {
					contract: 'stable', route: '/v1/payment-intents',
					code: 'missing_api_key' }],
			];
			for (const [request, expected] of refused)
				assertMembers((await ask(...request))[1], expected);
		});

		test('of the other contract has its name and its status', async () => {
			const merchant = server.merchantId;
			const [answer, line] = await post({ amount: 4.5, currency: 'usd',
				merchant_id: merchant, idempotency_key: randomUUID() }, {},
			'/v1/payment-intents');
			assertOk(answer, 201);
			assertMembers(line, { contract: 'stable', status: '201',
				route: '/v1/payment-intents', idempotency: 'new' });
		});

		test('tells what became of an idempotency key', async () => {
			const headers = { 'Idempotency-Key': randomUUID() };
			const other = { 'Idempotency-Key': randomUUID() };
			const steps = [
				[[whole, headers], { status: '200', idempotency: 'new' }],
				[[whole, headers], { status: '200', idempotency: 'replayed' }],
				[[{ ...whole, amount: 3 }, headers], { status: '422',
					code: 'idempotency_key_reuse', idempotency: 'conflict' }],
				[[{}, other], { status: '400', idempotency: 'unused' }],
				[[{}, other, `${intents}/pi_${'0'.repeat(26)}/cancel`],
					{ status: '404', idempotency: 'unused' }],
				[[whole, other], { status: '200', idempotency: 'new' }],
			];
			for (const [step, expected] of steps)
				assertMembers((await post(...step))[1], expected);
		});

		test('is marked where the request was slow, and has a log of its own',
			async () => {
				const { id } = await createIntent(server, { payment_method: visa });
				const headers = { 'Idempotency-Key': randomUUID() };
				const confirm = () => post({}, headers, `${intents}/${id}/confirm`);
				const first = confirm();
				await until(() => getIntent(server, id),
					({ status }) => status === 'processing');
				assertMembers((await confirm())[1], { status: '409',
					code: 'idempotency_key_in_use', idempotency: 'in_use',
					slow: undefined });
				const [answer, line] = await first;
				assertOk(answer);
				assertMembers(line, { idempotency: 'new', slow: 'true' });
				assert.ok(Number(line.total_us) >= 300000);
				assert.ok(Number(line.store_us) < Number(line.total_us));
				assert.deepEqual(linesOf(textOf(`${name}.slow`)).map(read), [line]);
			});

		test('never holds a secret or a body', async () => {
			const { id, client_secret: secret } = await createIntent(server,
				{ description: 'a body of a request' });
			const made = await createKey(server, {});
			const card = '4242424242424242';
			const asked = [
				['GET', `${intents}/${id}?client_secret=${secret}`,
					{ key: server.publishableKey }],
				['GET', `${intents}/${secret}`],
				['GET', `/v1/${secret}`, { key: null }],
				['GET', `/v1/${server.testKey}?key=${server.testKey}`],
				['GET', intents, { key: made.secret, auth: 'basic' }],
				['GET', intents, { key: `${made.secret}x` }],
				['POST', intents, { form: { ...whole, [secret]: card } }],
				['POST', intents, { json: { ...whole, payment_method: card } }],
				['POST', intents, { json: whole,
					headers: { 'Idempotency-Key': made.secret } }],
			];
			for (const request of asked)
				await ask(...request);
			for (const known of [server.testKey, server.liveKey, made.secret,
				server.publishableKey])
				secrets.add(known.slice(13));
			for (const text of [secret.slice(`${id}_secret_`.length), id, card,
				'a body of', 'client_secret', 'Basic', 'Bearer', '?'])
				secrets.add(text);
			await server.halt();
			for (const text of [textOf(name), textOf(`${name}.slow`), server.log()])
				for (const known of secrets)
					assert.ok(!text.includes(known), known);
		});

		test('is a request or a message, and each of them can be read', () => {
			const lines = linesOf(textOf(name)).map(read);
			const messages = lines.filter(({ message }) => message !== undefined);
			assert.ok(messages.length > 0 && lines.length > 20);
			assert.deepEqual(Object.keys(messages[0]),
				['time', 'level', 'message']);
			assertMembers(messages[0], { level: 'notice' });
			assert.match(messages[0].message, /^ready, socket \//);
			for (const line of lines)
				assert.deepEqual(Object.keys(line).slice(0, 3),
					line.message === undefined ? members.slice(0, 3)
						: ['time', 'level', 'message']);
			assert.equal(statSync(file(name)).mode & 0o777, 0o640);
		});
	});

describe('a log', () => {
	test('is opened anew at SIGUSR1, and no line is lost', async (t) => {
		const server = await startServer(t, { settings: { log: file('new.log') } });
		const ids = [];
		const ask = async () => ids.push(
			(await server.request('GET', intents)).headers['request-id']);
		let going = true;

		await ask();
		const load = Array.from({ length: 4 }, async () => {
			while (going)
				await ask();
		});
		for (const old of ['new.log.1', 'new.log.2']) {
			renameSync(file('new.log'), file(old));
			process.kill(server.pids().supervisor, 'SIGUSR1');
			await until(async () => {
				await ask();
				try {
					return textOf('new.log');
				} catch {
					return ''; // Nobody has opened it yet.
				}
			}, (text) => text !== '', 2000);
		}
		going = false;
		await Promise.all(load);
		await server.halt();
		const text = ['new.log.1', 'new.log.2', 'new.log'].map(textOf).join('');
		const found = [...text.matchAll(/ request=(req_\w+) /g)].map(([, id]) => id);
		// scripts/run has asked for something, too.
		assert.deepEqual(found.filter((id) => ids.includes(id)).sort(),
			ids.sort());
		for (const line of linesOf(text))
			assert.match(line, /^time=\S+ (request=.* total_us=\d+|level=.*")$/);
	});

	test('on a full disk loses its lines, and no payment', async (t) => {
		const server = await startServer(t, { workers: 1, settings: {
			log: '/dev/full', slow_log: '/dev/full', slow_log_ms: 1 } });
		for (let i = 0; i < 20; i++) {
			const { id } = await createIntent(server);
			assert.equal((await getIntent(server, id)).id, id);
		}
		await server.halt();
		assert.equal(server.log().split(
			'intentd: log /dev/full: No space left on device\n').length - 1,
		3, 'the supervisor of one, the worker of each of its two logs');
	});

	test('without lines of requests has those of slow ones', async (t) => {
		const server = await startServer(t, { settings: { log: file('slow.log'),
			access_log: 'off', slow_log_ms: 200, sandbox_latency_ms: 300 } });
		const { id } = await createIntent(server, { payment_method: visa });
		assertOk(await server.request('POST', `${intents}/${id}/confirm`));
		await server.halt();
		const requests = linesOf(textOf('slow.log')).map(formats.logfmt)
			.filter(({ request }) => request !== undefined);
		assert.deepEqual(requests.map(({ route, slow }) => [route, slow]),
			[[`${intents}/{id}/confirm`, 'true']]);
	});

	test('that cannot be opened is said, and nothing starts', async (t) => {
		await assert.rejects(
			startServer(t, { settings: { log: '/nowhere/intentd.log' } }),
			/intentd: log \/nowhere\/intentd\.log: No such file or directory\n/);
	});
});
