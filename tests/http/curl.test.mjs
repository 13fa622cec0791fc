// curl: JSON with Basic and forms with Bearer, and the three lines that
// scripts/run prints, pasted into a shell.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { getIntent } from './fixtures.mjs';
import { startServer } from './harness.mjs';
import { assertShape } from './shapes.mjs';
import { makeFolder, run, start, whenReady } from './runner.mjs';

const execute = promisify(execFile);

describe('curl', () => {
	let server;

	before(async () => {
		server = await startServer();
	});

	after(() => server.stop());

	// What curl says: status, headers as text, and the body as JSON.
	async function curl(path, ...words) {
		const { stdout } = await execute('curl', ['--noproxy', '*', '-sS',
			'-i', ...words, `${server.baseUrl}${path}`]);
		const [head, body] = stdout.replace(/^HTTP\/1.1 100 .*\r\n\r\n/, '')
			.split('\r\n\r\n');
		return { head, status: Number(head.split(' ')[1]),
			body: JSON.parse(body) };
	}

	const json = (value) => ['-H', 'Content-Type: application/json',
		'-d', JSON.stringify(value)];

	// A purchase, with its parameters in either syntax.
	const callers = {
		'JSON and Basic': {
			login: () => ['-u', `${server.testKey}:`],
			encode: json,
		},
		'a form and Bearer': {
			login: () => ['-H', `Authorization: Bearer ${server.testKey}`],
			encode: (value) => Object.entries(value).flatMap(([name, text]) =>
				['--data-urlencode', `${name}=${text}`]),
		},
		'parts of a URL and Bearer': {
			login: () => ['--oauth2-bearer', server.testKey],
			encode: (value) => ['-G', '-X', 'POST', ...Object.entries(value)
				.flatMap(([name, text]) =>
					['--data-urlencode', `${name}=${text}`])],
		},
	};
	for (const [how, { login, encode }] of Object.entries(callers))
		test(`pays and gives a part back with ${how}`, async () => {
			const ask = async (path, value) => {
				const { status, body } = await curl(path, ...login(),
					...encode(value));
				assert.equal(status, 200, JSON.stringify(body));
				return body;
			};
			const made = await ask('/v1/payment_intents',
				{ amount: 2000, currency: 'usd', description: 'a+b & c=ü' });
			assert.equal(made.description, 'a+b & c=ü');
			const paid = await ask(`/v1/payment_intents/${made.id}/confirm`,
				{ payment_method: 'pm_card_visa' });
			assert.equal(assertShape(paid, 'payment_intent').status,
				'succeeded');
			const refund = await ask('/v1/refunds',
				{ payment_intent: made.id, amount: 500 });
			assertShape(refund, 'refund');
			const { charges } = await getIntent(server, made.id);
			assert.equal(charges.data[0].amount_refunded, 500);
		});

	test('posts without a body or a type', async () => {
		const { status, body } = await curl('/v1/customers', '-X', 'POST',
			'-u', `${server.testKey}:`);
		assert.equal(status, 200);
		assertShape(body, 'customer');
	});

	test('is told what is wrong', async () => {
		const { status, head, body } = await curl('/v1/payment_intents',
			'-u', `${server.testKey}:`, ...json({ amount: 1 }));
		assert.equal(status, 400);
		assert.match(head, /^Request-Id: req_/m);
		assert.deepEqual([body.error.code, body.error.param],
			['parameter_missing', 'currency']);
	});

	test('is asked for a key', async () => {
		const { status, head, body } = await curl('/v1/payment_intents');
		assert.equal(status, 401);
		assert.match(head, /^WWW-Authenticate: /m);
		assert.equal(body.error.type, 'authentication_error');
	});

	test('replays with one idempotency key', async () => {
		const words = ['-u', `${server.testKey}:`,
			'-H', 'Idempotency-Key: from curl'];
		const first = await curl('/v1/payment_intents', ...words,
			...json({ amount: 7, currency: 'usd' }));
		const second = await curl('/v1/payment_intents', ...words,
			'-d', 'currency=usd', '-d', 'amount=7');
		assert.deepEqual(second.body, first.body);
		assert.match(second.head, /^Idempotent-Replayed: true/m);
	});

	test('waits for 100 Continue where it sends much', async () => {
		const { status, body } = await curl('/v1/customers',
			'-u', `${server.testKey}:`, '-H', 'Expect: 100-continue',
			...json({ description: 'x'.repeat(1000) }));
		assert.equal(status, 200, JSON.stringify(body));
	});
});

describe('the lines that scripts/run prints', () => {
	const ends = [];
	const suite = { after: (end) => ends.push(end) };
	let lines;

	before(async () => {
		const server = run(suite, ['--port', '0', '--workers', '2',
			'--data', makeFolder(suite)]);
		lines = (await whenReady(server)).split('\n')
			.filter((line) => line.includes('curl '));
	});

	after(() => Promise.all(ends.map((end) => end())));

	test('are three', () => {
		assert.equal(lines.length, 3);
		assert.match(lines[0], /^PI=\$\(curl /);
		assert.match(lines[1], /^curl .*\/confirm$/);
		assert.match(lines[2], /^curl .*\/v1\/refunds /);
	});

	// A file for what is said aside: the first line writes to /dev/stderr.
	async function paste(t, shell, text) {
		const folder = makeFolder(t);
		const file = join(folder, 'stderr');
		const descriptor = openSync(file, 'w');
		const shown = start(t, shell, ['-c', text],
			{ stdio: ['ignore', 'pipe', descriptor] });
		closeSync(descriptor);
		const { code, stdout } = await shown.ended;
		return { code, stdout, stderr: readFileSync(file, 'utf8') };
	}

	const objects = (text) => text.trim().split('\n')
		.map((line) => JSON.parse(line));

	for (const shell of ['sh', 'bash'])
		test(`create, confirm and refund in ${shell}`, async (t) => {
			const { code, stdout, stderr } = await paste(t, shell,
				lines.join('\n'));
			assert.equal(code, 0);
			const [created] = objects(stderr);
			const [confirmed, refund] = objects(stdout);
			assert.equal(assertShape(created, 'payment_intent').status,
				'requires_confirmation');
			assert.equal(confirmed.id, created.id);
			assert.equal(confirmed.status, 'succeeded');
			assert.equal(assertShape(refund, 'refund').payment_intent,
				created.id);
			assert.equal(refund.amount, 500);
		});
});
