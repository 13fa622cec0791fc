// The status socket: what it tells is true, what it answers to everything
// else has the shape of all errors, and nothing that comes there hangs it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createIntent, until, visa } from './fixtures.mjs';
import { assertOk, assertRefused, build, startServer } from './harness.mjs';
import { atEnd, isRunning, start, turn, whenEnded } from './runner.mjs';
import { ask, askAnyway, freePort, ofKind, parseMetrics, readStatus, socketOf,
	sum } from './status_client.mjs';

const unavailable = { status: 503, type: 'api_error',
	code: 'service_unavailable', param: null };

// Nobody is killed for being stopped, within the time of a test.
const patient = { request_timeout_ms: 60000 };
// ... and here they soon are.
const hasty = { request_timeout_ms: 500, connection_timeout_ms: 400,
	idempotency_wait_ms: 100 };

const intents = '/v1/payment_intents';

function assertUnavailable(answer) {
	assertRefused(answer, unavailable);
	assert.equal(answer.headers['retry-after'], '1');
	assert.deepEqual(Object.keys(answer.body), ['error']);
}

// SIGSTOP until the test ends, or until it is let go on.
function stop(t, ...pids) {
	const goOn = () => pids.filter(isRunning)
		.forEach((pid) => process.kill(pid, 'SIGCONT'));
	pids.forEach((pid) => process.kill(pid, 'SIGSTOP'));
	atEnd(t, goOn);
	return goOn;
}

function monitorOf(server) {
	return readStatus(server).then((status) =>
		ofKind(status, 'monitor')[0].pid);
}

function connectTo(t, path) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ path });
		socket.on('error', reject);
		socket.once('connect', () => resolve(socket));
		atEnd(t, () => socket.destroy());
	});
}

describe('the status', () => {
	let server;

	before(async () => {
		server = await startServer({ workers: 2, settings: patient });
	});
	after(() => server.stop());

	test('has the processes that there are', async () => {
		const { supervisor, committer, workers } = server.pids();
		const status = await readStatus(server);
		assert.equal(status.object, 'status');
		assert.equal(status.version, execFileSync(join(build, 'intentd'),
			['--version'], { encoding: 'utf8' }).trim().split(' ')[1]);
		assert.equal(status.supervisor.pid, supervisor);
		assert.deepEqual(ofKind(status, 'worker').map(({ pid }) => pid)
			.sort((a, b) => a - b), workers);
		assert.deepEqual(ofKind(status, 'committer').map(({ pid }) => pid),
			[committer]);
		assert.deepEqual(
			status.processes.map(({ kind, number }) => `${kind} ${number}`),
			['committer 1', 'sweeper 1', 'monitor 1', 'courier 1',
				'worker 1', 'worker 2']);
		assert.equal(status.generation, 1);
		assert.equal(status.stopping, false);
		assert.deepEqual(status.courier,
			{ waiting: 0, oldest_due_ms: 0, in_flight: 0 });
		assert.equal(status.supervisor.starts, 6);
		assert.equal(status.supervisor.deaths, 0);
	});

	test('has their ages and their memory', async () => {
		const status = await readStatus(server);
		for (const one of status.processes) {
			const [, resident, shared] = readFileSync(
				`/proc/${one.pid}/statm`, 'latin1').split(' ').map(Number);
			assert.ok(one.age_ms <= status.uptime_ms);
			assert.ok(Math.abs(one.resident_bytes - resident * 4096) <
				1 << 20, `${one.kind} ${one.resident_bytes}`);
			assert.ok(Math.abs(one.private_bytes -
				(resident - shared) * 4096) < 1 << 20);
		}
		const later = await until(() => readStatus(server),
			({ uptime_ms: ms }) => ms > status.uptime_ms);
		assert.ok(Math.abs(later.time - Date.now() / 1000) < 60);
	});

	test('counts requests exactly, and names their route', async () => {
		const before = await readStatus(server);
		const earlier = sum(ofKind(before, 'worker'), 'requests');
		for (let i = 0; i < 7; i++)
			await createIntent(server);
		// A worker says so once the answer has left.
		const after = await until(() => readStatus(server), (status) =>
			sum(ofKind(status, 'worker'), 'in_flight') === 0);
		const workers = ofKind(after, 'worker');
		// One after the other, each has a commit of its own.
		for (const name of ['committed', 'commands'])
			assert.ok(after.batches[name] >= before.batches[name] + 7, name);
		assert.equal(after.batches.failed, 0);
		assert.ok(after.batches.commit_us > before.batches.commit_us);
		assert.equal(sum(workers, 'requests') - earlier, 7);
		assert.ok(workers.some(({ route }) => route === intents));
		assert.ok(workers.every(({ request_ms: ms }) => ms === null));
	});

	test('has the sizes of the store, which grow', async () => {
		const { store } = await readStatus(server);
		assert.equal(store.file_bytes, statSync(server.store).size);
		assert.equal(store.map_bytes, store.file_bytes);
		assert.equal(store.map_bytes_max, 2 ** 34);
		assert.equal(store.used_bytes, store.pages * store.page_bytes);
		assert.ok(store.readers >= 1 && store.readers <= store.readers_max);
		for (let i = 0; i < 20; i++)
			await createIntent(server, { description: 'x'.repeat(1000) });
		const grown = (await readStatus(server)).store;
		assert.ok(grown.used_bytes > store.used_bytes + 20000);
		assert.ok(grown.last_transaction >= store.last_transaction + 20);
	});

	// mdb_dump waits inside its transaction for somebody to read its output.
	test('has the oldest reader, and how far behind it is', async (t) => {
		const metadata = Object.fromEntries(Array.from({ length: 50 },
			(_, i) => [`k${i}`, 'x'.repeat(500)]));
		for (let i = 0; i < 20; i++)
			await createIntent(server, { metadata });
		const reader = spawn('mdb_dump', ['-n', '-s', 'intents',
			server.store], { stdio: ['ignore', 'pipe', 'ignore'] });
		atEnd(t, () => reader.kill('SIGKILL'));
		const { store } = await until(() => readStatus(server),
			({ store: { oldest_reader_pid: pid } }) => pid === reader.pid);
		for (let i = 0; i < 5; i++)
			await createIntent(server);
		const later = (await readStatus(server)).store;
		assert.equal(later.oldest_reader_pid, reader.pid);
		assert.equal(later.oldest_reader_lag - store.oldest_reader_lag,
			later.last_transaction - store.last_transaction);
		assert.ok(later.oldest_reader_lag >= 5);
	});

	test('has the request that waits, and for how long', async (t) => {
		const goOn = stop(t, server.pids().committer);
		const waiting = server.request('POST', intents,
			{ json: { amount: 1, currency: 'usd' } });
		// The committer counts from when it was handed over, a bit later.
		const status = await until(() => readStatus(server), (now) =>
			ofKind(now, 'worker').some(({ request_ms: ms }) => ms >= 100) &&
			ofKind(now, 'committer')[0].busy_ms >= 100);
		const [worker] = ofKind(status, 'worker')
			.filter(({ in_flight: count }) => count > 0);
		assert.equal(worker.state, 'busy');
		assert.equal(worker.in_flight, 1);
		assert.equal(worker.route, intents);
		assert.equal(status.slots.in_use, 1);
		const [committer] = ofKind(status, 'committer');
		assert.equal(committer.state, 'stopped');
		assert.ok(committer.busy_ms >= 100);
		goOn();
		assertOk(await waiting);
		assert.equal((await readStatus(server)).slots.in_use, 0);
	});

	test('has the queue of connections that nobody accepts', async (t) => {
		const { workers } = server.pids();
		const queue = async () => (await readStatus(server)).accept_queue;
		assert.deepEqual(await queue(), { length: 0, max: 1024 });
		const goOn = stop(t, ...workers);
		await until(() => readStatus(server), (status) =>
			ofKind(status, 'worker').every(({ state }) =>
				state === 'stopped'));
		for (let i = 0; i < 3; i++)
			await connectTo(t, server.socket);
		assert.equal((await queue()).length, 3);
		goOn();
		await until(queue, ({ length }) => length === 0);
	});

	test('asks the disk once a second, whoever asks', async () => {
		const last = async () =>
			(await readStatus(server)).store.last_transaction;
		assert.equal((await ask(server, '/readyz')).status, 200);
		const begun = Date.now();
		const earlier = await last();
		for (let i = 0; i < 50; i++)
			assert.equal((await ask(server, '/readyz')).status, 200);
		assert.ok(await last() - earlier <=
			1 + (Date.now() - begun) / 1000);
	});

	test('is for the server\'s user and group alone', () => {
		assert.equal(statSync(socketOf(server)).mode & 0o777, 0o660);
	});

	test('as metrics is what Prometheus reads', async () => {
		const answer = await ask(server, '/metrics');
		assert.equal(answer.status, 200);
		assert.match(answer.headers['content-type'],
			/^text\/plain; version=0\.0\.4/);
		const samples = parseMetrics(answer.text);
		const named = (name) =>
			samples.filter((one) => one.name === `intentd_${name}`);
		for (const { name, type } of samples)
			assert.ok(type || /_(bucket|sum|count)$/.test(name), name);
		const status = await readStatus(server);
		assert.equal(sum(named('processes'), 'value'), 6);
		assert.equal(sum(named('processes').filter(({ labels }) =>
			labels.kind === 'worker'), 'value'), 2);
		for (const [name, value] of Object.entries({
			process_starts_total: status.supervisor.starts,
			store_map_bytes: status.store.map_bytes,
			store_used_bytes: status.store.used_bytes,
			store_transactions_total: status.store.last_transaction,
			accept_queue_connections_max: 1024,
			command_slots: status.slots.total,
			webhook_deliveries_waiting: 0,
			webhook_oldest_due_seconds: 0,
			webhook_attempts_in_flight: 0,
		}))
			assert.deepEqual(named(name).map((one) => one.value), [value]);
	});

	test('answers other paths and methods like all errors', async () => {
		for (const path of ['/', '/statu', '/status/', '/v1/x', '/a?b=c'])
			assertRefused(await ask(server, path), { status: 404,
				type: 'invalid_request_error', code: 'route_not_found',
				param: null });
		for (const path of ['/status', '/metrics', '/healthz', '/readyz'])
			for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
				const answer = await ask(server, path,
					{ method, body: 'x'.repeat(1000) });
				const error = assertRefused(answer, { status: 405,
					type: 'invalid_request_error',
					code: 'method_not_allowed', param: null });
				assert.equal(answer.headers.allow, 'GET, HEAD');
				assert.match(error.message, new RegExp(`'${method}'`));
				assert.equal(error.doc_url, `${server.publicUrl}` +
					'/docs/errors/card#method_not_allowed');
			}
		const head = await ask(server, '/status', { method: 'HEAD' });
		assert.deepEqual([head.status, head.text], [200, '']);
	});
});

describe('clients that are none', () => {
	// More than it keeps at a time.
	test('are let go, and keep nobody waiting for long', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { connection_timeout_ms: 50 } });
		const first = await monitorOf(server);
		const beginnings = ['', 'GET', 'GET /status HTTP/1.1\r\nHost',
			'\0\0\0\0', '\x16\x03\x01\x02\0\x01', '\r\n\r\n\r\n',
			`GET /${'x'.repeat(100000)} HTTP/1.1\r\n\r\n`,
			'POST /readyz HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nx'];
		const closed = [];
		for (let i = 0; i < 80; i++) {
			const socket = await connectTo(t, socketOf(server));
			socket.on('error', () => {});
			socket.resume();
			closed.push(new Promise((resolve) => {
				socket.once('close', resolve);
			}));
			socket.write(beginnings[i % beginnings.length], 'latin1');
		}
		assert.equal((await ask(server, '/status')).status, 200);
		await Promise.all(closed);
		assert.equal(await monitorOf(server), first);
		assert.equal((await readStatus(server)).supervisor.deaths, 0);
	});
});

// It may have ended since it was seen.
function killIfThere(pid) {
	try {
		process.kill(pid, 'SIGKILL');
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
	}
}

describe('/healthz and /readyz', { concurrency: 4 }, () => {
	test('say so while all is well, and when the committer is not',
		async (t) => {
			const server = await startServer(t, { workers: 1,
				settings: patient });
			const health = await ask(server, '/healthz');
			assert.deepEqual([health.status, health.body],
				[200, { status: 'ok' }]);
			const ready = () => ask(server, '/readyz');
			const answer = await ready();
			assert.deepEqual([answer.status, answer.body],
				[200, { status: 'ready' }]);
			const goOn = stop(t, server.pids().committer);
			// An earlier result stands for a second.
			const refused = await until(ready, ({ status }) =>
				status !== 200);
			assertUnavailable(refused);
			// All that ask at a time wait for the same probe.
			for (const one of await Promise.all(
				Array.from({ length: 20 }, ready)))
				assertUnavailable(one);
			assert.equal((await ask(server, '/healthz')).status, 200);
			goOn();
			await until(ready, ({ status }) => status === 200);
			await server.ctl('verify');
		});

	for (const [what, settings] of Object.entries({
		'is full': { faults: 'commit=full' },
		'fails': { faults: 'put:meta=unavailable' },
		'is full, without a committer': { faults: 'commit=full',
			committers: 0 },
	}))
		test(`a store that ${what} is not ready`, async (t) => {
			const server = await startServer(t, { workers: 1, settings });
			assertUnavailable(await ask(server, '/readyz'));
			assert.equal((await ask(server, '/healthz')).status, 200);
		});

	test('without a committer ask the store themselves', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { committers: 0 } });
		const earlier = (await readStatus(server)).store.last_transaction;
		assert.equal((await ask(server, '/readyz')).status, 200);
		assert.equal((await readStatus(server)).store.last_transaction,
			earlier + 1);
	});

	test('a server without workers is not ready', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { ...patient, restarts_max: 1 } });
		assert.equal((await ask(server, '/readyz')).status, 200);
		await until(async () => {
			for (const { pid } of ofKind(await readStatus(server), 'worker'))
				killIfThere(pid);
			return server.log();
		}, (log) => log.includes('EMERGENCY'));
		assertUnavailable(await ask(server, '/readyz'));
		assert.deepEqual(ofKind(await readStatus(server), 'worker'), []);
	});

	test('a supervisor that is stopped is not healthy', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: hasty });
		const goOn = stop(t, server.pids().supervisor);
		const refused = await until(() => ask(server, '/healthz'),
			({ status }) => status !== 200);
		assertUnavailable(refused);
		goOn();
		await until(() => askAnyway(server, '/healthz'),
			(answer) => answer?.status === 200);
	});

	// The store can be written all the time that the last answer takes.
	test('a server that is about to end is not ready', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { ...patient, sandbox_latency_ms: 1500 } });
		const { supervisor } = server.pids();
		const { id } = await createIntent(server, { payment_method: visa });
		const waiting = server.request('POST', `${intents}/${id}/confirm`);
		await until(() => readStatus(server), (status) =>
			sum(ofKind(status, 'worker'), 'in_flight') > 0);
		assert.equal((await ask(server, '/readyz')).status, 200);
		process.kill(supervisor, 'SIGTERM');
		const status = await until(() => readStatus(server),
			({ stopping }) => stopping);
		assert.equal(ofKind(status, 'worker')[0].state, 'leaving');
		assertUnavailable(await ask(server, '/readyz'));
		assert.equal((await ask(server, '/healthz')).status, 200);
		assertOk(await waiting);
		await whenEnded([supervisor]);
		assert.ok(!existsSync(socketOf(server)));
	});
});

describe('a monitor', { concurrency: 4 }, () => {
	const replaced = (server, former) => until(async () => {
		await turn();
		return askAnyway(server, '/status');
	}, (answer) => answer !== null &&
		ofKind(answer.body, 'monitor')[0].pid !== former);

	test('that is killed or stopped is replaced', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { ...hasty, restart_backoff_ms: 50 } });
		const former = await monitorOf(server);
		process.kill(former, 'SIGKILL');
		const { body } = await replaced(server, former);
		assert.equal(body.supervisor.deaths, 1);
		assert.equal(body.supervisor.kills, 0);
		const [{ pid }] = ofKind(body, 'monitor');
		process.kill(pid, 'SIGSTOP');
		await createIntent(server, { payment_method: visa });
		const after = (await replaced(server, pid)).body;
		assert.equal(after.supervisor.kills, 1);
		assert.equal(statSync(socketOf(server)).mode & 0o777, 0o660);
	});

	test('listens on a loopback port where that is wanted', async (t) => {
		const port = await freePort();
		const server = await startServer(t, { workers: 1,
			settings: { status: `tcp:127.0.0.1:${port}` } });
		const answer = await ask(server, '/readyz', { port });
		assert.deepEqual(answer.body, { status: 'ready' });
		assert.ok(!existsSync(socketOf(server)));
	});

	test('is not there where nobody wants it', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { status: '' } });
		assert.equal(await askAnyway(server, '/status'), null);
		await createIntent(server);
		assert.ok(!/monitor/.test(server.log()));
	});

	test('that cannot listen says so once, and harms nobody', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { status: '/nonexistent/status.sock' } });
		await createIntent(server);
		const said = server.log().match(
			/status: \/nonexistent\/status\.sock: No such file/g);
		assert.equal(said.length, 1);
	});
});

describe('intentctl', () => {
	let server;

	before(async () => {
		server = await startServer({ workers: 2 });
	});
	after(() => server.stop());

	const call = (t, program, ...words) =>
		start(t, program, words).ended;
	const control = join(build, 'intentctl');

	test('status draws it, without colors in a file', async (t) => {
		const { supervisor, workers } = server.pids();
		const { code, stdout } = await call(t, control, 'status',
			'--socket', socketOf(server));
		assert.equal(code, 0);
		assert.match(stdout, new RegExp(`^intentd \\S+, pid ${supervisor}, `));
		assert.match(stdout, /^workers {4}0 of 2 busy, 0 requests/m);
		assert.match(stdout, /^store .* used of 1\.0 GiB/m);
		for (const pid of workers)
			assert.match(stdout,
				new RegExp(`^worker +[12] +${pid} idle `, 'm'));
		assert.ok(!stdout.includes('\x1b'));
	});

	test('status --json gives what the server says', async (t) => {
		const { code, stdout } = await call(t, control, 'status', '--json',
			'--socket', socketOf(server));
		const [told, asked] = [JSON.parse(stdout), await readStatus(server)];
		assert.equal(code, 0);
		assert.deepEqual(Object.keys(told), Object.keys(asked));
		assert.equal(told.supervisor.pid, asked.supervisor.pid);
	});

	test('status says why it cannot', async (t) => {
		for (const [words, status, reason] of [
			[['--socket', '/nonexistent/x'], 1, /x: No such file/],
			[['--socket', server.socket], 1, /\.sock: /],
			[['--socket', 'status.sock'], 2, /--socket: must be an abs/],
			[['--socket', 'tcp:8.8.8.8:80'], 2, /--socket: must be an abs/],
			[['now'], 2, /too many words/],
		]) {
			const { code, stdout, stderr } = await call(t, control,
				'status', ...words);
			assert.deepEqual([code, stdout], [status, ''], stderr);
			assert.match(stderr, reason);
		}
	});

	// script(1) gives it a terminal, and types what comes in.
	function top(t) {
		return start(t, 'script', ['-qec',
			`exec ${control} top --socket ${socketOf(server)}`, '/dev/null'],
		{ stdio: ['pipe', 'pipe', 'pipe'] });
	}

	for (const [key, what] of [['q', 'q'], ['\x03', 'Ctrl-C']])
		test(`top is drawn again until ${what}`, async (t) => {
			const running = top(t);
			await until(async () => {
				await turn();
				return running.stdout.text;
			}, (text) => text.split('\x1b[H').length > 2, 1e6);
			running.child.stdin.write(key);
			const { code, stdout } = await running.ended;
			assert.equal(code, 0, stdout);
			assert.ok(stdout.startsWith('\x1b[?1049h'));
			assert.ok(stdout.endsWith('\x1b[?25h\x1b[?1049l'));
			assert.match(stdout, /\d+\/s/);
		});

	test('top prints once where there is no terminal', async (t) => {
		const { code, stdout } = await call(t, control, 'top', '--socket',
			socketOf(server));
		assert.equal(code, 0);
		assert.match(stdout, /^intentd /);
		assert.ok(!stdout.includes('\x1b'));
	});
});
