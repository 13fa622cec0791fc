// What becomes of attempts to deliver (app/webhook.c), with receivers that do
// all that receivers do.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = 'build/gcc/tests/unit/webhook_test';
const run = promisify(execFile);

let directory;

const file = (name) => join(directory, name);
const openssl = (...options) =>
	execFileSync('openssl', options, { cwd: directory, stdio: 'pipe' });

// A certificate for names and addresses, of our authority or of itself.
function certify(name, names, own) {
	writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`);
	openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`,
		'-keyout', `${name}.key`, '-out', `${name}.csr`);
	openssl('x509', '-req', '-in', `${name}.csr`, '-days', '2',
		'-extfile', `${name}.ext`, '-out', `${name}.pem`, ...own
			? ['-signkey', `${name}.key`]
			: ['-CA', 'authority.pem', '-CAkey', 'authority.key',
				'-CAcreateserial']);
	return { key: readFileSync(file(`${name}.key`)),
		cert: readFileSync(file(`${name}.pem`)) };
}

function listen(t, server) {
	const sockets = new Set();
	server.on('connection', (socket) => {
		sockets.add(socket);
		socket.on('error', () => {});
		socket.on('close', () => sockets.delete(socket));
	});
	server.on('tlsClientError', () => {});
	t.after(() => new Promise((resolve) => {
		server.close(resolve);
		for (const socket of sockets)
			socket.destroy();
	}));
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => resolve(server.address().port));
	});
}

// A server that has read each request whole before `answer` is asked.
const answering = (answer) => (request, response) => {
	const parts = [];
	request.on('data', (part) => parts.push(part));
	request.on('end', () => answer(response, request, Buffer.concat(parts)));
};

const receive = async (t, answer) =>
	`http://127.0.0.1:${await listen(t, http.createServer(answering(answer)))}/`;

// A server that says these bytes as soon as it has heard anything.
async function say(t, bytes, { ends = true } = {}) {
	const server = net.createServer((socket) => socket.once('data', () => {
		if (ends)
			socket.end(bytes);
		else
			socket.write(bytes);
	}));
	return `http://127.0.0.1:${await listen(t, server)}/`;
}

async function send(urls, { network = 'private', timeout = 20000, bytes = 100,
	trusted = file('authority.pem'), environment = {} } = {}) {
	const { stdout } = await run(join(root, program),
		[network, trusted, `${timeout}`, `${bytes}`, ...[urls].flat()],
		{ env: { ...process.env, ...environment }, timeout: 60000,
			maxBuffer: 1 << 20 });
	const lines = stdout.replace(/\n$/, '').split('\n').map((line) => {
		const [number, result, status, reason, response] = line.split('\t');
		return { number: Number(number), result, status: Number(status),
			reason, response };
	});
	return Array.isArray(urls) ? lines : lines[0];
}

const headOf = (status, ...lines) =>
	[`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n');

before(() => {
	execFileSync('make', ['-s', '-C', root, program]);
	directory = mkdtempSync(join(tmpdir(), 'intentd-webhook-'));
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=authority',
		'-days', '2', '-keyout', 'authority.key', '-out', 'authority.pem');
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('an attempt over HTTPS', { concurrency: 4 }, () => {
	const serve = async (t, options, answer = (response) =>
		response.end('ok')) =>
		listen(t, https.createServer(options, answering(answer)));

	test('succeeds with a certificate of the given authority', async (t) => {
		const port = await serve(t, certify('good', 'IP:127.0.0.1'));
		assert.deepEqual(await send(`https://127.0.0.1:${port}/`), {
			number: 0, result: 'succeeded', status: 200, reason: '',
			response: 'ok' });
	});

	for (const [what, names, own] of [
		['of itself', 'IP:127.0.0.1', true],
		['for another host', 'DNS:example.com', false],
	])
		test(`fails with a certificate ${what}`, async (t) => {
			let asked = 0;
			const port = await serve(t, certify(own ? 'self' : 'other',
				names, own), (response) => {
				asked++;
				response.end();
			});
			const got = await send(`https://127.0.0.1:${port}/`);
			assert.deepEqual([got.result, got.status], ['tls_failed', 0]);
			assert.match(got.reason, /certificate/);
			assert.equal(asked, 0);
		});

	test('fails with the host\'s own authorities, which do not know it',
		async (t) => {
			const port = await serve(t, certify('own', 'IP:127.0.0.1'));
			assert.equal((await send(`https://127.0.0.1:${port}/`,
				{ trusted: '' })).result, 'tls_failed');
		});

	test('fails with TLS before 1.2, and with none', async (t) => {
		const old = await serve(t, { ...certify('old', 'IP:127.0.0.1'),
			minVersion: 'TLSv1', maxVersion: 'TLSv1.1',
			ciphers: 'DEFAULT@SECLEVEL=0' });
		const plain = new URL(await receive(t, (response) =>
			response.end())).port;
		for (const port of [old, plain])
			assert.equal((await send(`https://127.0.0.1:${port}/`)).result,
				'tls_failed');
	});
});

describe('an attempt', { concurrency: 4 }, () => {
	test('is one POST with what was given, and nothing else', async (t) => {
		const seen = [];
		const url = await receive(t, (response, request, body) => {
			seen.push([request.method, request.url, request.httpVersion,
				body.toString(), request.headers]);
			response.end();
		});
		await send(`${url}a/b?c=d`);
		const [[method, path, version, body, headers], ...others] = seen;
		assert.deepEqual(others, []);
		assert.deepEqual([method, path, version, body],
			['POST', '/a/b?c=d', '1.1', 'x'.repeat(100)]);
		assert.deepEqual(headers, { host: new URL(url).host, accept: '*/*',
			'content-type': 'application/json', 'x-signature': 't=1,v1=ab',
			'content-length': '100' });
	});

	test('waits for no leave to send a long body', async (t) => {
		let length;
		const url = await receive(t, (response, request, body) => {
			length = body.length;
			assert.equal(request.headers.expect, undefined);
			response.end();
		});
		const { result } = await send(url, { bytes: 2 << 20 });
		assert.deepEqual([result, length], ['succeeded', 2 << 20]);
	});

	test('succeeds with any 2xx, and with no other status', async (t) => {
		const url = await receive(t, (response, { url: path }) => {
			response.statusCode = Number(path.slice(1));
			response.end('why');
		});
		for (const status of [200, 201, 202, 204, 299])
			assert.deepEqual(await send(`${url}${status}`), { number: 0,
				result: 'succeeded', status, reason: '',
				response: status === 204 ? '' : 'why' });
		for (const status of [300, 304, 400, 401, 407, 410, 429, 500, 503])
			assert.deepEqual(await send(`${url}${status}`), { number: 0,
				result: 'refused', status, reason: `it answered ${status}`,
				response: status === 304 ? '' : 'why' });
	});

	test('follows no redirect', async (t) => {
		const paths = [];
		const url = await receive(t, (response, { url: path }) => {
			paths.push(path);
			response.writeHead(path === '/' ? 301 : 200,
				{ location: '/elsewhere' });
			response.end();
		});
		const got = await send(url);
		assert.deepEqual([got.result, got.status], ['refused', 301]);
		assert.deepEqual(paths, ['/']);
	});

	test('asks no proxy of the environment', async (t) => {
		let asked = 0;
		const proxy = await receive(t, (response) => {
			asked++;
			response.end();
		});
		const url = await receive(t, (response) => response.end('direct'));
		const names = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTPS_PROXY',
			'ALL_PROXY'];
		const got = await send(url, { environment:
			Object.fromEntries(names.map((name) => [name, proxy])) });
		assert.deepEqual([got.response, asked], ['direct', 0]);
	});

	test('leaves a receiver in this host alone, unless that is allowed',
		async (t) => {
			let asked = 0;
			const url = await receive(t, (response) => {
				asked++;
				response.end();
			});
			const { port } = new URL(url);
			for (const host of ['127.0.0.1', 'localhost', '[::1]',
				'2130706433'])
				assert.equal((await send(`http://${host}:${port}/`,
					{ network: 'public' })).result, 'forbidden', host);
			assert.equal(asked, 0);
			assert.equal((await send(url)).result, 'succeeded');
		});

	test('keeps the first KiB of an answer, as printable text', async (t) => {
		const url = await receive(t, (response) =>
			response.end(`\u001b[31m\r\n${'é'.repeat(3000)}`));
		const { response } = await send(url);
		assert.equal(response, ` [31m  ${'é'.repeat(508)}`);
	});

	test('cuts a huge answer off, whose status counts', async (t) => {
		for (const [status, result] of [[200, 'succeeded'],
			[500, 'refused']]) {
			let written = 0;
			const url = await receive(t, (response) => {
				const go = () => {
					if (response.destroyed)
						return;
					written += 65536;
					response.write(Buffer.alloc(65536, 'y'));
				};
				response.writeHead(status);
				response.on('drain', go);
				go();
			});
			const got = await send(url);
			assert.deepEqual([got.result, got.status, got.response],
				[result, status, 'y'.repeat(1024)]);
			assert.ok(written >= 64 << 10 && written < 64 << 20);
		}
	});

	test('has an end where header lines have none', async (t) => {
		const line = `X-Long: ${'z'.repeat(8000)}\r\n`;
		const got = await send(await say(t,
			`HTTP/1.1 200 OK\r\n${line.repeat(20)}\r\n`));
		assert.deepEqual([got.result, got.reason],
			['unreadable', 'its header lines are too long']);
	});

	test('has an end where one header line has none', async (t) => {
		const got = await send(await say(t,
			`HTTP/1.1 200 OK\r\nX-Long: ${'z'.repeat(1 << 20)}\r\n\r\n`));
		assert.equal(got.result, 'unreadable');
		assert.match(got.reason, /^its header lines are too long/);
	});

	test('unpacks nothing that it did not ask for', async (t) => {
		const packed = gzipSync(gzipSync('unpacked'));
		const chunk = Buffer.concat([
			Buffer.from(`${packed.length.toString(16)}\r\n`), packed,
			Buffer.from('\r\n0\r\n\r\n')]);
		for (const lines of [['Transfer-Encoding: gzip, gzip, chunked'],
			['transfer-encoding:gzip,gzip', 'Transfer-Encoding: chunked'],
			['Transfer-Encoding: chunked', 'TRANSFER-ENCODING: \tx-gzip']]) {
			const got = await send(await say(t, Buffer.concat([
				Buffer.from(headOf('200 OK', ...lines)), chunk])));
			assert.deepEqual([got.result, got.status, got.reason,
				got.response], ['unreadable', 200,
				'its answer is packed (Transfer-Encoding)', ''], lines[0]);
		}
		const body = gzipSync('unpacked');
		const got = await send(await say(t, Buffer.concat([Buffer.from(
			headOf('200 OK', 'Content-Encoding: gzip',
				`Content-Length: ${body.length}`)), body])));
		assert.equal(got.result, 'succeeded');
		assert.doesNotMatch(got.response, /unpacked/);
		assert.deepEqual(await send(await say(t, headOf('200 OK',
			'Transfer-Encoding:  Chunked ') + '2\r\nok\r\n0\r\n\r\n')),
		{ number: 0, result: 'succeeded', status: 200, reason: '',
			response: 'ok' });
	});

	test('cannot read what is no whole answer', async (t) => {
		for (const [bytes, status] of [
			['', 0],
			['hello, world\r\n', 0],
			['SSH-2.0-OpenSSH_9.2\r\n', 0],
			['HTTP/1.1 2', 0],
			['HTTP/9.9 200 OK\r\n\r\n', 0],
			[headOf('200 OK', 'Content-Length: 10') + 'half', 200],
			[headOf('200 OK', 'Transfer-Encoding: chunked') + '5\r\nab', 200],
			[headOf('200 OK', 'Transfer-Encoding: chunked') + 'nonsense',
				200],
		]) {
			const got = await send(await say(t, bytes));
			assert.deepEqual([got.result, got.status],
				['unreadable', status], JSON.stringify(bytes));
		}
	});

	test('is over when its time is, whatever has come by then', async (t) => {
		const said = ['', 'HTTP/1.1 200 OK\r\n',
			headOf('500 Oh', 'Content-Length: 10') + 'drip'];
		// Long enough that what is said has come on a busy machine.
		const got = await send(await Promise.all(said.map((bytes) =>
			say(t, bytes, { ends: false }))), { timeout: 2000 });
		assert.deepEqual(got.sort((one, other) => one.number - other.number)
			.map(({ result, status, reason }) => [result, status, reason]),
		[0, 200, 500].map((status) =>
			['timed_out', status, 'it did not answer in time']));
	});

	test('is not prolonged by one byte after the other', async (t) => {
		const server = net.createServer((socket) => socket.once('data', () => {
			socket.write(headOf('200 OK'));
			const drip = setInterval(() => socket.write('.'), 10);
			socket.on('close', () => clearInterval(drip));
		}));
		const port = await listen(t, server);
		assert.equal((await send(`http://127.0.0.1:${port}/`,
			{ timeout: 200 })).result, 'timed_out');
	});

	test('is unreachable where nobody listens, or by no name', async () => {
		const server = net.createServer();
		await new Promise((resolve) => {
			server.listen(0, '127.0.0.1', resolve);
		});
		const { port } = server.address();
		await new Promise((resolve) => {
			server.close(resolve);
		});
		const refused = await send(`http://127.0.0.1:${port}/`);
		assert.deepEqual([refused.result, refused.reason], ['unreachable',
			'no connection could be made: Connection refused']);
		// A label has at most 63 characters: no name server is asked.
		const unknown = await send(`http://${'a'.repeat(70)}.example/`);
		assert.deepEqual([unknown.result, unknown.reason], ['unreachable',
			'the name of its host was not found']);
	});

	test('does not wait for a slow one beside it', async (t) => {
		const held = [];
		let waits = true;
		const slow = await receive(t, (response) => {
			if (waits)
				held.push(response);
			else
				response.end();
		});
		// The slow ones are over only after the last of the others.
		const quick = await receive(t, (response, { url: path }) => {
			response.end();
			if (path !== '/last')
				return;
			waits = false;
			held.forEach((one) => one.end());
		});
		const got = await send([slow, quick, `${quick}2`, slow,
			`${quick}last`]);
		assert.equal(got.length, 5);
		assert.ok(got.every(({ result }) => result === 'succeeded'));
	});
});
