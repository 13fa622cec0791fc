// scripts/run and intentd as the person sees them who starts them: options,
// settings, files, a second start, and what is left when it ends.
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync,
	rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { until } from './fixtures.mjs';
import { build, web, webProcess } from './harness.mjs';
import { family, isRunning, makeFolder, readEnvironment, run, start, turn,
	whenEnded, whenReady } from './runner.mjs';

// One that is ready, with a directory of its own.
async function startReady(t, { data = join(makeFolder(t), 'data'),
	words = [] } = {}) {
	const started = run(t, ['--port', '0', '--workers', '2', '--data', data,
		...words]);

	started.hello = await whenReady(started);
	return { ...started, data, environment: readEnvironment(data) };
}

// Several at once: most of the time is spent waiting for starts and ends.
const together = { concurrency: 4 };

// The status of an answer, and its body as JSON.
function ask({ environment }, method, path, json) {
	const request = http.request(environment.BASE_URL + path, { method,
		agent: false, headers: {
			'Authorization': `Bearer ${environment.TEST_KEY}`,
			'Content-Type': 'application/json',
		} });

	return new Promise((resolve, reject) => {
		request.on('error', reject);
		request.on('response', async (response) => {
			let text = '';
			response.setEncoding('utf8');
			for await (const chunk of response)
				text += chunk;
			resolve({ status: response.statusCode, body: JSON.parse(text) });
		});
		request.end(json && JSON.stringify(json));
	});
}

const payment = { amount: 2000, currency: 'usd' };

async function pay(server) {
	const { status, body } = await ask(server, 'POST', '/v1/payment_intents',
		payment);
	assert.equal(status, 200);
	return body.id;
}

async function assertPaid(server, id) {
	const { status, body } = await ask(server, 'GET',
		`/v1/payment_intents/${id}`);
	assert.deepEqual([status, body.id, body.amount], [200, id, 2000]);
}

describe('the command line of scripts/run', together, () => {
	const misuses = {
		'an unknown option': [['--prot', '1'], /no such option: --prot/],
		'a word too many': [['data'], /no such option: data/],
		'an option without value': [['--port'], /--port: its value is missing/],
		'a port that is no number': [['--port', 'http'], /--port: 0 to 65535/],
		'a port too high': [['--port', '65536'], /--port: 0 to 65535/],
		'a port with a leading zero': [['--port=080'], /--port: 0 to 65535/],
		'a folder without a certificate': [['--tls', '/nonexistent'],
			/no certificate.pem and key.pem/],
		'a balancer that is no address': [['--balancer', 'a;b'],
			/--balancer: an address/],
		'an unknown web server': [['--web=iis'], /nginx or apache, not iis/],
		'a setting without value': [['--set', 'workers'], /NAME=VALUE/],
		'the store as a setting': [['--set', 'store=/tmp/a'], /use --data/],
		'the socket as a setting': [['--set', 'socket=/tmp/a'], /use --data/],
		'the pid file as a setting': [['--set', 'pid_file=/tmp/a'],
			/use --data/],
	};
	for (const [what, [words, reason]] of Object.entries(misuses))
		test(`${what} is refused with the usage`, async (t) => {
			const data = join(makeFolder(t), 'data');
			const { code, stdout, stderr } = await run(t,
				['--data', data, ...words]).ended;
			assert.equal(code, 2);
			assert.equal(stdout, '');
			assert.match(stderr, reason);
			assert.match(stderr, /^usage: scripts\/run /m);
			assert.ok(!existsSync(data), 'nothing was made');
		});

	test('--help prints the usage', async (t) => {
		const { code, stdout } = await run(t, ['--help']).ended;
		assert.equal(code, 0);
		for (const option of ['--port', '--data', '--workers', '--web',
			'--tls', '--balancer', '--set'])
			assert.ok(stdout.includes(option), option);
	});

	const impossible = {
		'workers=0': /--workers: `0` is not a whole number from 1 to 256/,
		'wrokers=1': /--wrokers: no such setting/,
		'public_url=ftp:': /--public_url: `ftp:` is not http:\/\/HOST/,
		'connection_timeout_ms=10000':
			/connection_timeout_ms: 10000 is not below request_timeout_ms/,
		'faults=sometimes': /faults: not a plan: sometimes/,
	};
	for (const [setting, reason] of Object.entries(impossible))
		test(`the setting ${setting} stops the start`, async (t) => {
			const data = join(makeFolder(t), 'data');
			const { code, stderr } = await run(t, ['--port', '0',
				'--data', data, '--set', setting]).ended;
			assert.notEqual(code, 0);
			assert.match(stderr, reason);
			assertNothingRuns(data);
		});

	test('a path that the web server cannot hold is refused', async (t) => {
		const data = join(makeFolder(t), 'a"b');
		const { code, stderr } = await run(t, ['--data', data]).ended;
		assert.equal(code, 1);
		assert.match(stderr, /'s settings cannot hold this path/);
	});

	test('a port that is taken is said', async (t) => {
		const server = await startReady(t);
		const { port } = new URL(server.environment.BASE_URL);
		const data = join(makeFolder(t), 'data');
		const { code, stderr } = await run(t,
			['--port', port, '--data', data]).ended;
		assert.equal(code, 1);
		assert.match(stderr, new RegExp(`cannot listen on .*:${port}`));
		assertNothingRuns(data);
	});
});

// What an end leaves: the data, and nothing that belongs to a running server.
function assertNothingRuns(data) {
	const allowed = ['demo.env', 'demo.keys', 'intentd.conf',
		'intents.mdb', 'intents.mdb-lock', `${web}.refusals.log`];
	const left = readdirSync(data).filter((name) => !allowed.includes(name));
	assert.deepEqual(left, []);
}

describe('a start', together, () => {
	test('writes demo.env, for its owner alone', async (t) => {
		const { data, environment, hello } = await startReady(t);
		const { BASE_URL: base, TEST_KEY: testKey, LIVE_KEY: liveKey,
			TEST_PUBLISHABLE_KEY: publishable, MERCHANT_ID: merchant,
			...others } = environment;
		assert.match(base, /^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
		assert.match(testKey, /^sk_test_[0-9A-Za-z]{32}$/);
		assert.match(liveKey, /^sk_live_[0-9A-Za-z]{32}$/);
		assert.match(publishable, /^pk_test_[0-9A-Za-z]{32}$/);
		assert.match(merchant, /^mer_[0-9a-z]{26}$/);
		assert.deepEqual(others, {});
		for (const name of ['demo.env', 'demo.keys', 'intents.mdb'])
			assert.equal(statSync(join(data, name)).mode & 0o777, 0o600, name);
		for (const value of Object.values(environment))
			assert.ok(hello.includes(value), 'it is printed, too');
	});

	test('writes settings for trying, which stay as they are changed',
		async (t) => {
			const first = await startReady(t);
			const file = join(first.data, 'intentd.conf');
			const written = readFileSync(file, 'utf8');
			assert.match(written, /^allow_private_webhooks = yes$/m);
			assert.match(written, /^webhook_ports = \*$/m);
			assert.match(written, /never in\n# production/);
			first.child.kill('SIGTERM');
			await first.ended;
			writeFileSync(file, 'webhook_ports = 8443\n');
			const second = await startReady(t, { data: first.data });
			assert.equal(readFileSync(file, 'utf8'),
				'webhook_ports = 8443\n');
			assert.equal(second.environment.TEST_KEY,
				first.environment.TEST_KEY);
		});

	test('makes a socket for its owner and group', async (t) => {
		const { data } = await startReady(t);
		const status = statSync(join(data, 'intentd.sock'));
		assert.ok(status.isSocket());
		assert.equal(status.mode & 0o777, 0o660);
	});

	test('takes options in both forms, and settings', async (t) => {
		const data = join(makeFolder(t), 'a folder+more');
		const started = run(t, ['--port=0', `--data=${data}`, '--workers=3',
			`--web=${web}`, '--set=public-url=https://pay.example.com',
			'--set', 'rate_address=1']);
		await whenReady(started);
		const server = { environment: readEnvironment(data) };
		const found = family(started.pid).filter(({ parent, name }) =>
			name === 'intentd' && parent !== started.pid);
		assert.equal(found.length, 3);
		const { body } = await ask(server, 'GET', '/nowhere');
		assert.equal(body.error.doc_url,
			'https://pay.example.com/docs/errors/card#route_not_found');
	});

	test('with a long path puts its socket elsewhere, and takes it away',
		async (t) => {
			const data = join(makeFolder(t), 'long'.repeat(30));
			const server = await startReady(t, { data });
			await pay(server);
			const { 0: word } = family(server.pid)
				.map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
				.join('\0').split('\0').filter((one) =>
					one.startsWith('--socket='));
			const socket = word.slice('--socket='.length);
			assert.equal(statSync(socket).mode & 0o777, 0o660);
			server.child.kill('SIGTERM');
			await server.ended;
			assert.ok(!existsSync(join(socket, '..')));
		});

	test('on a directory in use is refused, and disturbs nobody',
		async (t) => {
			const first = await startReady(t);
			const id = await pay(first);
			const { code, stdout, stderr } = await run(t,
				['--port', '0', '--data', first.data]).ended;
			assert.deepEqual([code, stdout], [1, '']);
			assert.match(stderr, /another run is using it/);
			assert.deepEqual(readEnvironment(first.data), first.environment);
			await assertPaid(first, id);
		});
});

describe('an end', together, () => {
	const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];

	for (const signal of signals)
		test(`by ${signal} leaves nothing behind`, async (t) => {
			const server = await startReady(t);
			const members = family(server.pid);
			const names = new Set(members.map(({ name }) => name));
			for (const name of [webProcess, 'intentd'])
				assert.ok(names.has(name), name);
			server.child.kill(signal);
			const { code } = await server.ended;
			assert.equal(code, 0);
			for (const { pid, name } of members)
				assert.ok(!isRunning(pid), `${name} ${pid} still runs`);
			assertNothingRuns(server.data);
			await assert.rejects(ask(server, 'GET', '/'),
				{ code: 'ECONNREFUSED' });
		});

	test('by kill -9 ends the others, and the next start goes on',
		async (t) => {
			const server = await startReady(t);
			const id = await pay(server);
			const members = family(server.pid);
			server.child.kill('SIGKILL');
			await whenEnded(members.map(({ pid }) => pid));
			const next = await startReady(t, { data: server.data });
			await assertPaid(next, id);
		});

	// At any point of the start: what follows is the same.
	for (const point of ['.new', 'demo.keys', web, 'intentd.sock'])
		test(`while it starts, at ${point}, is clean`, async (t) => {
			const data = join(makeFolder(t), 'data');
			const started = run(t, ['--port', '0', '--data', data]);
			const over = started.ended.then(() => true);
			await until(() => existsSync(join(data, point)) ||
				Promise.race([over, turn()]),
			(reached) => reached, Infinity);
			const members = family(started.pid);
			started.child.kill('SIGTERM');
			const { code } = await started.ended;
			assert.ok([0, 143].includes(code), `${code}`);
			for (const { pid, name } of members)
				assert.ok(!isRunning(pid), `${name} still runs`);
			assertNothingRuns(data);
			await pay(await startReady(t, { data }));
		});

	for (const [victim, comm] of [[web, webProcess],
		['intentd', 'intentd']])
		test(`of ${victim} ends all, and is said`, async (t) => {
			const server = await startReady(t);
			const members = family(server.pid);
			const { pid } = members.find(({ name, parent }) =>
				name === comm && parent === server.pid);
			process.kill(pid, 'SIGTERM');
			const { code, stderr } = await server.ended;
			assert.equal(code, 1);
			assert.match(stderr,
				new RegExp(`^run: ${victim} has ended with status `, 'm'));
			for (const member of members)
				assert.ok(!isRunning(member.pid), member.name);
			assertNothingRuns(server.data);
		});
});

describe('a second start', together, () => {
	test('goes on with the data and the keys', async (t) => {
		const first = await startReady(t);
		const id = await pay(first);
		first.child.kill('SIGTERM');
		await first.ended;
		const second = await startReady(t, { data: first.data });
		const { BASE_URL: one, ...keys } = first.environment;
		const { BASE_URL: two, ...sameKeys } = second.environment;
		assert.deepEqual(sameKeys, keys);
		assert.ok(one && two);
		await assertPaid(second, id);
	});

	test('takes the port that it is told', async (t) => {
		const first = await startReady(t);
		const { port } = new URL(first.environment.BASE_URL);
		first.child.kill('SIGTERM');
		await first.ended;
		const started = run(t, ['--port', port, '--data', first.data]);
		await whenReady(started);
		assert.deepEqual(readEnvironment(first.data), first.environment);
	});

	test('without its lock file is none the worse', async (t) => {
		const first = await startReady(t);
		const id = await pay(first);
		first.child.kill('SIGTERM');
		await first.ended;
		rmSync(join(first.data, 'intents.mdb-lock'));
		await assertPaid(await startReady(t, { data: first.data }), id);
	});
});

// intentd by itself; it ends where it has nothing to run.
function intentd(t, ...words) {
	return start(t, join(build, 'intentd'), words).ended;
}

describe('the settings', () => {
	test('that are printed are accepted again as a file', async (t) => {
		const file = join(makeFolder(t), 'intentd.conf');
		const first = await intentd(t, '--print-config', '--workers', '3',
			'--public-url=https://pay.example.com', '--rate_address', '0',
			'--default_contract=stable');
		assert.equal(first.code, 0);
		assert.match(first.stdout, /^workers = 3$/m);
		writeFileSync(file, first.stdout);
		const again = await intentd(t, '--config', file, '--print-config');
		assert.deepEqual(again, first);
		const changed = await intentd(t, `--config=${file}`, '--workers=4',
			'--print-config');
		assert.equal(changed.stdout,
			first.stdout.replace(/^workers = 3$/m, 'workers = 4'));
	});

	test('each come with a sentence, bounds and a default', async (t) => {
		const { stdout } = await intentd(t, '--print-config');
		const paragraphs = stdout.replace(/\n$/, '').split('\n\n');
		assert.ok(paragraphs.length >= 15);
		for (const paragraph of paragraphs)
			assert.match(paragraph,
				/^(# .*\n)+# .*, default .*\n[a-z_]+ = .*$/);
	});

	// A file, and what is said of it behind its name.
	const wrong = {
		'an unknown name': ['workers = 2\n\nwrokers = 2\n',
			'3: wrokers: no such setting (intentd --print-config has all)'],
		'a number too high': ['workers = 257\n',
			'1: workers: `257` is not a whole number from 1 to 256'],
		'a number too low': ['# few\nworkers = 0\n',
			'2: workers: `0` is not a whole number from 1 to 256'],
		'a number that is none': ['workers = 2x\n',
			'1: workers: `2x` is not a whole number from 1 to 256'],
		'a number beyond 64 bits': ['workers = 18446744073709551617\n',
			'1: workers: `18446744073709551617` is not a whole number ' +
			'from 1 to 256'],
		'no value': ['workers =\n',
			'1: workers: `` is not a whole number from 1 to 256'],
		'a name given twice': ['workers = 2\nworkers = 2\n',
			'2: workers: given twice'],
		'an unknown word': ['[intentd]\ndefault_contract = crad\n',
			'2: default_contract: `crad` is not one of card|stable'],
		'an unknown section': ['[nginx]\nworkers = 2\n',
			'2: [nginx]: no such section'],
		'a relative path': ['store = intents.mdb\n',
			'1: store: `intents.mdb` is not an absolute path'],
		'a socket too long': [`socket = /${'s'.repeat(107)}\n`,
			'1: socket: longer than 107 bytes'],
		'a line that is none': ['workers = 2\nmore\n',
			'2: not a line `name = value`'],
		'a line too long': [`workers = 2\n# ${'x'.repeat(5000)}\n`,
			'2: the line is too long or holds a NUL'],
		'a NUL': ['workers = 2\0\n',
			'1: the line is too long or holds a NUL'],
	};
	for (const [what, [text, reason]] of Object.entries(wrong))
		test(`with ${what} stop the start, with file and line`, async (t) => {
			const file = join(makeFolder(t), 'intentd.conf');
			writeFileSync(file, text);
			const { code, stdout, stderr } = await intentd(t,
				'--config', file);
			assert.deepEqual([code, stdout], [2, '']);
			assert.equal(stderr, `intentd: ${file}:${reason}\n`);
		});

	const wrongWords = {
		'an unknown option': [['--wrokers', '2'], /--wrokers: no such setting/],
		'a word': [['workers'], /workers: not an option/],
		'no value': [['--workers'], /--workers: its value is missing/],
		'one given twice': [['--workers=1', '--workers=2'],
			/--workers: given twice/],
		'no file': [['--config', '/nonexistent/file'],
			/\/nonexistent\/file: No such file or directory/],
		'two that exclude each other': [['--request_timeout_ms=100',
			'--connection_timeout_ms=100'],
		/connection_timeout_ms: 100 is not below request_timeout_ms, 100/],
	};
	for (const [what, [words, reason]] of Object.entries(wrongWords))
		test(`with ${what} on the command line stop the start`, async (t) => {
			const { code, stdout, stderr } = await intentd(t, ...words);
			assert.deepEqual([code, stdout], [2, '']);
			assert.match(stderr, reason);
		});
});

describe('intentd by itself', together, () => {
	async function assertRefusesStore(t, prepare, reason) {
		const folder = makeFolder(t);
		const store = join(folder, 'intents.mdb');
		prepare(store);
		const { code, stderr } = await intentd(t, `--store=${store}`,
			`--socket=${join(folder, 'socket')}`);
		assert.equal(code, 1);
		assert.ok(stderr.includes(`${store}: `), stderr);
		assert.match(stderr, reason);
		assert.ok(!existsSync(join(folder, 'socket')));
	}

	test('says how to make the store that is missing', (t) =>
		assertRefusesStore(t, () => {}, /make one with: intentctl .* init/));
	test('takes no empty file for a store', (t) =>
		assertRefusesStore(t, (store) => closeSync(openSync(store, 'w')),
			/is empty/));
	test('takes no other file for a store', (t) =>
		assertRefusesStore(t, (store) =>
			writeFileSync(store, 'text '.repeat(4000)), /not a store/));
	test('takes no directory for a store', (t) =>
		assertRefusesStore(t, (store) => mkdirSync(store),
			/not that of a regular file/));

	test('takes the place of no socket in use, and of no other file',
		async (t) => {
			const server = await startReady(t);
			const words = [`--store=${join(server.data, 'intents.mdb')}`,
				`--socket=${join(server.data, 'intentd.sock')}`];
			const { code, stderr } = await intentd(t, ...words);
			assert.equal(code, 1);
			assert.match(stderr, /somebody listens there already/);
			const file = join(server.data, 'demo.keys');
			const other = await intentd(t, words[0], `--socket=${file}`);
			assert.equal(other.code, 1);
			assert.match(other.stderr, /in the way, and no socket/);
			assert.ok(readFileSync(file, 'utf8').includes('TEST_KEY='));
		});
});
