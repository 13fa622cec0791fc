// The receiver of webhooks by itself: that it does what tests are told it
// does, seen by node's client and by curl; and that the verifiers, which later
// tests believe, refuse.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';

import { behave, startReceiver } from './receiver.mjs';
import { verifyCard, verifyStable, verifyStandard } from './verifiers.mjs';

let receiver;

before(async () => {
	receiver = await startReceiver(
		['https', 'http', 'wrongName', 'selfSigned', 'silent']);
});

after(() => receiver?.close());

// One exchange: {status, headers, text, error}; an error may come after the
// status, and leaves what had come before it.
function post(url, { body = '{}', headers = {}, seen = () => {} } = {}) {
	return new Promise((resolve) => {
		const { request } = url.startsWith('https:') ? https : http;
		const answer = { text: '' };
		const end = (error) => resolve({ ...answer, error: error?.code });
		const sent = request(url, { method: 'POST', agent: false, headers,
			ca: readFileSync(receiver.caFile) }, (response) => {
			answer.status = response.statusCode;
			answer.headers = response.headers;
			response.on('data', (chunk) => {
				answer.text += chunk;
				seen(answer, sent);
			});
			response.on('error', end);
			response.on('end', () => end());
		});
		sent.on('error', end);
		sent.end(body);
	});
}

// curl's exit code, the status that it saw, and how much of a body.
function curl(url, ...words) {
	return new Promise((resolve) => execFile('curl', ['--noproxy', '*', '-sS',
		'--cacert', receiver.caFile, '-o', '/dev/null', '-d', '{}',
		'-w', '%{http_code} %{size_download}', ...words, url],
	(error, stdout) => {
		const [status, bytes] = stdout.split(' ').map(Number);
		resolve({ exit: error?.code ?? 0, status, bytes });
	}));
}

// A path of one's own with a behaviour.
let paths = 0;
function place(behaviour, door) {
	const path = `/place-${++paths}`;
	receiver.answer(path, behaviour);
	return receiver.url(path, door);
}

describe('what it keeps', () => {
	test('is each request whole, in the order of arrival', async () => {
		const body = '{"name":"Bücher & Söhne"}';
		const started = Date.now();
		for (const path of ['/kept/1', '/kept/2?a=b'])
			await post(receiver.url(path),
				{ body, headers: { 'X-Signature': path } });
		await post(receiver.url('/kept/3', 'http'), { body: '' });
		const kept = receiver.requests.filter(
			({ path }) => path.startsWith('/kept/'));
		assert.deepEqual(
			kept.map(({ door, method, path, body: text, headers }) =>
				[door, method, path, text, headers['x-signature']]),
			[['https', 'POST', '/kept/1', body, '/kept/1'],
				['https', 'POST', '/kept/2?a=b', body, '/kept/2?a=b'],
				['http', 'POST', '/kept/3', '', undefined]]);
		assert.ok(kept.every(({ at }) => at >= started && at <= Date.now()));
		assert.equal(receiver.of('/kept/1').length, 1);
		assert.equal(receiver.count('/kept/1'), 1);
		assert.equal(receiver.count('/kept/4'), 0);
	});

	test('can be waited for, before and after', async () => {
		const has = (count) => (all) => all.filter(({ path }) =>
			path === '/awaited').length >= count;
		const both = receiver.until(has(2));
		await post(receiver.url('/awaited'));
		assert.ok(has(1)(await receiver.until(has(1))));
		await post(receiver.url('/awaited'));
		assert.equal(await both, receiver.requests);
	});

	test('is waited for with a bound', async () => {
		await assert.rejects(receiver.until((all) => all.length < 0, 1),
			/not in 1 ms, of \d+ requests: .*all\.length < 0/);
		await assert.rejects(receiver.until(() => {
			throw new Error('of the predicate');
		}), /of the predicate/);
	});
});

describe('answers that are HTTP', () => {
	for (const status of [200, 204, 500])
		test(`${status}`, async () => {
			const url = place(behave.status(status,
				{ headers: { 'X-A': 'b' }, body: status === 204 ? '' : 'c' }));
			const answer = await post(url);
			assert.equal(answer.status, status);
			assert.equal(answer.headers['x-a'], 'b');
			assert.equal((await curl(url)).status, status);
		});

	test('200 where nothing else was said', async () => {
		assert.equal((await post(receiver.url('/said-nothing'))).status, 200);
	});

	test('a redirect, which curl follows if told to', async () => {
		const target = place(behave.status(200));
		const url = place(behave.redirect(target));
		const { status, headers } = await post(url);
		assert.deepEqual([status, headers.location], [301, target]);
		assert.equal((await curl(url)).status, 301);
		assert.equal((await curl(url, '-L')).status, 200);
		assert.equal(receiver.of(new URL(target).pathname).length, 1);
	});

	test('failures, and then success', async () => {
		const url = place(behave.failing(2));
		const statuses = [];
		for (let i = 0; i < 4; i++)
			statuses.push((await post(url)).status);
		assert.deepEqual(statuses, [500, 500, 200, 200]);
	});

	test('a huge body', async () => {
		assert.deepEqual(await curl(place(behave.huge(3 << 20))),
			{ exit: 0, status: 200, bytes: 3 << 20 });
	});

	test('when a gate opens', async () => {
		const gate = behave.gated();
		const url = place(gate);
		const { pathname } = new URL(url);
		const answers = [post(url), post(url)];
		await receiver.until(() => receiver.of(pathname).length === 2);
		gate.open();
		assert.deepEqual((await Promise.all(answers)).map(
			({ status }) => status), [200, 200]);
		assert.equal((await post(url)).status, 200);
	});
});

describe('answers that are not as they should be', () => {
	const enough = (answer, sent) =>
		answer.text.length > 100000 && sent.destroy();

	test('garbage', async () => {
		const url = place(behave.garbage());
		assert.equal((await post(url)).error, 'HPE_INVALID_CONSTANT');
		assert.deepEqual(await curl(url), { exit: 1, status: 0, bytes: 0 });
	});

	test('none at all', async () => {
		const { exit } = await curl(place(behave.never()), '-m', '0.1');
		assert.equal(exit, 28);
	});

	test('none at all, not even TLS', async () => {
		const { exit } = await curl(receiver.url('/', 'silent'),
			'-m', '0.1');
		assert.equal(exit, 28);
		assert.equal(receiver.connections.silent, 1);
	});

	test('a byte at a time', async () => {
		const url = place(behave.slowly(1));
		let bytes = 0;
		const { status } = await post(url, { seen: (answer, sent) =>
			(bytes = answer.text.length) >= 5 && sent.destroy() });
		assert.equal(status, 200);
		assert.ok(bytes >= 5 && bytes < 1000, `${bytes}`);
		const slow = await curl(place(behave.slowly(50)), '-m', '0.1');
		assert.deepEqual(slow, { exit: 28, status: 0, bytes: 0 });
	});

	test('headers without end', async () => {
		const url = place(behave.endlessHeaders());
		assert.equal((await post(url)).error, 'HPE_HEADER_OVERFLOW');
	});

	test('a body without end', async () => {
		const { status, text } = await post(place(behave.endless()),
			{ seen: enough });
		assert.equal(status, 200);
		assert.ok(text.length > 100000);
	});

	test('nothing, and the end', async () => {
		const url = place(behave.closeAtOnce());
		assert.equal((await post(url)).error, 'ECONNRESET');
		assert.equal((await curl(url)).status, 0);
	});

	test('half of the headers', async () => {
		const url = place(behave.closeInHeaders());
		const { status, error } = await post(url);
		assert.deepEqual([status, error], [undefined, 'ECONNRESET']);
		// To curl the end of a connection is the end of headers, too.
		assert.deepEqual(await curl(url), { exit: 0, status: 200, bytes: 0 });
	});

	test('half of the body', async () => {
		const url = place(behave.closeInBody());
		const { status, text, error } = await post(url);
		assert.deepEqual([status, text, error],
			[200, 'half of it', 'ECONNRESET']);
		const { exit, bytes } = await curl(url);
		assert.notEqual(exit, 0);
		assert.equal(bytes, 'half of it'.length);
	});

	for (const door of ['https', 'http'])
		test(`a reset of ${door}`, async () => {
			const url = place(behave.reset(), door);
			assert.equal((await post(url)).error, 'ECONNRESET');
			assert.ok([35, 56].includes((await curl(url)).exit));
		});
});

describe('certificates', () => {
	test('the right one, by each of its names', async () => {
		for (const host of ['127.0.0.1', 'localhost'])
			assert.equal((await curl(receiver.url('/', 'https', host),
				'--resolve', `localhost:${receiver.port()}:127.0.0.1`))
				.status, 200);
	});

	for (const [door, error] of [
		['wrongName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
		['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
	])
		test(`one that is ${door}`, async () => {
			const url = receiver.url(`/${door}`, door);
			assert.equal((await post(url)).error, error);
			assert.equal((await curl(url)).exit, 60);
			assert.equal(receiver.of(`/${door}`).length, 0);
			assert.equal((await curl(url, '--insecure')).status, 200);
			assert.equal(receiver.connections[door], 3);
		});
});

describe('its end', () => {
	test('ends connections, waiting and ports', async () => {
		const own = await startReceiver(['https', 'silent']);
		own.answer('/never', behave.never());
		own.answer('/endless', behave.endless());
		const answers = ['/never', '/endless'].map((path) =>
			post(own.url(path), { seen: (answer) => { answer.text = ''; } }));
		const stalled = net.connect(own.port('silent'), '127.0.0.1');
		const gone = new Promise((resolve) => stalled.once('close', resolve));
		stalled.on('error', () => {});
		await new Promise((resolve) => stalled.once('connect', resolve));
		await own.until((all) => all.length === 2);
		const waiting = assert.rejects(own.until(() => false),
			/not before it was closed/);
		const url = own.url('/never');
		await own.close();
		await waiting;
		for (const { error } of await Promise.all(answers))
			assert.match(error, /ECONNRESET|EPIPE/);
		await gone;
		assert.equal((await post(url)).error, 'ECONNREFUSED');
	});

	test('leaves no file behind', async () => {
		const script = `import { startReceiver } from '${
			new URL('receiver.mjs', import.meta.url)}';
			const receiver = await startReceiver();
			console.log(receiver.caFile);
			await receiver.close();`;
		const file = await new Promise((resolve, reject) => execFile(
			process.execPath, ['--input-type=module', '-e', script],
			(error, stdout) => error ? reject(error) :
				resolve(stdout.trim())));
		assert.match(file, /ca\.pem$/);
		assert.equal(existsSync(file), false);
	});
});

// -- Verifiers ---------------------------------------------------------------

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const other = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const event = { id: 'evt_1', name: 'Bücher' };
const body = JSON.stringify(event);

function digest(key, signed, encoding) {
	return createHmac('sha256', key).update(signed).digest(encoding);
}

// Each: the headers of a webhook signed with some secrets at a time (s).
const signers = {
	card: (secrets, time) => ({
		'x-signature': [`t=${time}`, ...secrets.map((one) =>
			`v1=${digest(one, `v1=${time}.${body}`, 'hex')}`)].join(','),
	}),
	stable: (secrets, time) => ({
		'x-stablegenius-timestamp': `${time}`,
		'x-stablegenius-signature': secrets.map((one) =>
			`sha256=${digest(one, `${time}.${body}`, 'hex')}`).join(','),
	}),
	standard: (secrets, time) => ({
		'webhook-id': 'evt_1',
		'webhook-timestamp': `${time}`,
		'webhook-signature': secrets.map((one) => `v1,${digest(
			Buffer.from(one.slice('whsec_'.length), 'base64'),
			`evt_1.${time}.${body}`, 'base64')}`).join(' '),
	}),
};
const verifiers = { card: verifyCard, stable: verifyStable,
	standard: verifyStandard };
const now = () => Math.floor(Date.now() / 1000);
const unsigned = /no signature is right|No matching signature/;

for (const [name, verify] of Object.entries(verifiers))
	describe(`the verifier of ${name}`, () => {
		const sign = (secrets = [secret], time = now()) =>
			({ body, headers: signers[name](secrets, time) });

		test('believes what is right, over the wire too', async () => {
			assert.deepEqual(verify(sign(), secret), event);
			await post(receiver.url(`/${name}`), sign());
			const [request] = receiver.of(`/${name}`);
			assert.deepEqual(verify(request, secret), event);
		});

		test('believes either of two secrets', () => {
			assert.deepEqual(verify(sign([other, secret]), secret), event);
			assert.deepEqual(verify(sign([secret, other]), secret), event);
		});

		test('refuses another body', () => {
			assert.throws(() => verify({ ...sign(), body: `${body} ` },
				secret), unsigned);
		});

		test('refuses another secret', () => {
			assert.throws(() => verify(sign([other]), secret), unsigned);
			assert.throws(() => verify(sign([other, other]), secret),
				unsigned);
		});

		test('refuses times too far from now', () => {
			const far = /too far from now|too old|too new/;
			assert.deepEqual(verify(sign([secret], now() - 290), secret),
				event);
			for (const time of [now() - 310, now() + 310, 1])
				assert.throws(() => verify(sign([secret], time), secret),
					far);
		});

		test('refuses another time than the signed one', () => {
			const [then, later] = [now() - 10, now()];
			const request = sign([secret], then);
			for (const header of Object.keys(request.headers))
				request.headers[header] = request.headers[header]
					.replace(`${then}`, `${later}`);
			assert.throws(() => verify(request, secret), unsigned);
		});

		test('refuses what has no signature, or an odd one', () => {
			assert.throws(() => verify({ body, headers: {} }, secret),
				/there is no|Missing required headers/);
			assert.throws(() => verify(sign([]), secret),
				/no signature is right|No matching|Missing required/);
			for (const cut of [1, 2, 10]) {
				const request = sign();
				for (const header of Object.keys(request.headers))
					if (header.endsWith('signature'))
						request.headers[header] =
							request.headers[header].slice(0, -cut);
				assert.throws(() => verify(request, secret), unsigned);
			}
		});
	});

test('the verifier of stable takes the header that a setting names', () => {
	const { 'x-stablegenius-signature': signature, ...rest } =
		signers.stable([secret], now());
	const request = { body, headers: { ...rest, 'x-shop-signature': signature } };
	assert.deepEqual(verifyStable(request, secret, 'X-Shop-Signature'), event);
	assert.throws(() => verifyStable(request, secret), /there is no/);
});
