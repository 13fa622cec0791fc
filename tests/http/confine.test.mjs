// What a process that serves can still do: one that makes a system call which
// is not its own dies and is reported, and the others go on; one that opens a
// file which is not its own is refused.  Each process of the table is tried.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync,
	readSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createIntent, until } from './fixtures.mjs';
import { assertOk, build, startServer } from './harness.mjs';
import { makeOperator } from './operator.mjs';
import { start } from './runner.mjs';
import { ask, askAnyway, freePort, ofKind, parseMetrics, readStatus } from
	'./status_client.mjs';

const { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const EACCES = 13;
const sourceOf = (name) => fileURLToPath(
	new URL(`preload/${name}.c`, import.meta.url));
const intents = '/v1/payment_intents';

// Its name in the system, by its kind in the process table; and what it may do
// of what others may not.
const kinds = {
	committer: { name: 'intentd-commit', may: [] },
	sweeper: { name: 'intentd-sweeper', may: [] },
	monitor: { name: 'intentd-monitor', may: ['bind', 'connect', 'unlink'] },
	courier: { name: 'intentd-courier', may: ['bind', 'connect', 'inet'],
		reads: ['/etc'] },
	worker: { name: 'intentd', may: [] },
};

// What is tried, and how the system calls it.
const deeds = {
	execve: 'execve',
	execveat: 'execveat',
	clone: 'clone',
	bind: 'bind',
	inet: 'socket',
	packet: 'socket',
	connect: 'connect',
	unlink: 'unlink',
	link: 'linkat',
	chmod: 'fchmodat',
	handle: 'open_by_handle_at',
	mount: 'mount',
	mprotect: 'mprotect',
	mmap: 'mmap',
	ptrace: 'ptrace',
	peek: 'process_vm_readv',
	poke: 'process_vm_writev',
	setuid: 'setuid',
	kill: 'kill',
	tgkill: 'tgkill',
	queue: 'rt_sigqueueinfo',
	pidfd: 'pidfd_open',
	prctl: 'prctl',
	limit: 'prlimit64',
	unshare: 'unshare',
	personality: 'personality',
	memfd: 'memfd_create',
	io_uring: 'io_uring_setup',
	bpf: 'bpf',
	perf: 'perf_event_open',
	keyctl: 'keyctl',
	userfault: 'userfaultfd',
	sigaction: 'rt_sigaction',
};

const folder = mkdtempSync(join(tmpdir(), 'intentd-confine-'));

before(() => {
	for (const name of ['forbidden', 'no_seccomp'])
		execFileSync('gcc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-Wall',
			'-Wextra', '-Werror', '-o', join(folder, `${name}.so`),
			sourceOf(name)]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

// struct order of preload/forbidden.c.
const sizes = { armed: 0, done: 4, error: 8, flags: 12, process: 16, deed: 32,
	path: 48, all: 48 + 256 };

function giveOrder(file, { process, deed, path = '', flags = 0 }) {
	const order = Buffer.alloc(sizes.all);
	order.writeInt32LE(flags, sizes.flags);
	order.write(process, sizes.process);
	order.write(deed, sizes.deed);
	order.write(path, sizes.path);
	const opened = openSync(file, 'r+');
	writeSync(opened, order, 0, sizes.all, 0);
	order.writeInt32LE(1, sizes.armed);
	writeSync(opened, order, 0, 4, 0);
	closeSync(opened);
}

function readOrder(file) {
	const order = Buffer.alloc(sizes.all);
	const opened = openSync(file, 'r');
	readSync(opened, order, 0, sizes.all, 0);
	closeSync(opened);
	return { armed: order.readInt32LE(sizes.armed),
		done: order.readInt32LE(sizes.done),
		error: order.readInt32LE(sizes.error) };
}

async function startTempted(t, settings = {}, port = undefined) {
	const file = join(folder, `order ${Math.random()}`);
	writeFileSync(file, Buffer.alloc(sizes.all));
	const server = await startServer(t, { workers: 2, settings: {
		restarts_max: 0, restart_backoff_ms: 1, sweep_interval_ms: 10,
		webhook_interval_ms: 10, ...settings }, environment: {
		LD_PRELOAD: join(folder, 'forbidden.so'), FORBIDDEN_FILE: file } });
	// Every process has a reason to look at the clock.
	const ask = (path) => askAnyway(server, path, { port });
	const stir = () => Promise.all([ask('/readyz'),
		server.request('POST', intents,
			{ json: { amount: 1, currency: 'usd' } })
			.catch(() => null)]);
	server.tempt = (kind, order) => {
		giveOrder(file, { process: kinds[kind].name, ...order });
		return until(async () => {
			await stir();
			return readOrder(file);
		}, ({ armed }) => armed === 0);
	};
	// What came of a deed that one survives.
	server.survive = async (kind, order) => {
		await server.tempt(kind, order);
		return (await until(() => readOrder(file),
			({ done }) => done === 1)).error;
	};
	server.cameBack = () => readOrder(file).done === 1;
	Object.assign(server, { stir, ask });
	return server;
}

const whole = (server) => until(async () => {
	await server.stir();
	return server.ask('/status');
}, (answer) => answer !== null && answer.body.processes.length === 6 &&
	answer.body.processes.every(({ state }) => state !== 'starting'));

const told = (server, kind, word) => [...server.log().matchAll(
	new RegExp(`${kind} \\d+ \\(pid (\\d+)\\) made a forbidden system ` +
		`call: ${word} \\(\\d+\\)`, 'g'))].length;

const forbiddenIn = (text) =>
	text.split('made a forbidden system call').length - 1;

// -- Every process ------------------------------------------------------------

const statusOf = (pid) => Object.fromEntries(
	readFileSync(`/proc/${pid}/status`, 'latin1').trim().split('\n')
		.map((line) => line.split(/:\s+/)));

describe('every process that serves', () => {
	let server;
	before(async () => { server = await startServer({ workers: 2 }); });
	after(() => server.stop());

	test('is confined, and can gain nothing', async () => {
		const { processes } = await readStatus(server);
		assert.deepEqual([...new Set(processes.map(({ kind }) => kind))]
			.sort(), Object.keys(kinds).sort());
		for (const { kind, pid } of processes) {
			const status = statusOf(pid);
			assert.equal(status.Seccomp, '2', kind);
			assert.equal(status.NoNewPrivs, '1', kind);
			assert.match(readFileSync(`/proc/${pid}/limits`, 'latin1'),
				/^Max core file size +[01] /m, kind);
		}
	});

	test('has a supervisor that can gain nothing either', () => {
		const { supervisor } = server.pids();
		assert.equal(statusOf(supervisor).NoNewPrivs, '1');
	});

	test('is as it was started where confine is no', async (t) => {
		const loose = await startTempted(t, { confine: 'no' });
		for (const { pid } of (await readStatus(loose)).processes)
			assert.equal(statusOf(pid).Seccomp, '0');
		assert.match(loose.log(), /confine = no/);
		for (const order of [{ deed: 'inet' },
			{ deed: 'open', path: '/etc/passwd', flags: O_RDONLY }])
			assert.equal(await loose.survive('worker', order), 0);
	});
});

describe('a server', () => {
	test('is not started where there is no seccomp, and says what does',
		async (t) => {
			const operator = makeOperator(t);
			operator.text('init');
			writeFileSync(operator.config, `store = ${operator.store}\n` +
				`socket = ${join(operator.folder, 'socket')}\n` +
				'status =\npid_file =\n');
			const { code, stderr } = await start(t, join(build, 'intentd'),
				['--config', operator.config], { env: { ...process.env,
					LD_PRELOAD: join(folder, 'no_seccomp.so') } }).ended;
			assert.equal(code, 1);
			assert.match(stderr, /seccomp .* is not there.*`confine = no`/);
		});

	test('opens its log anew where a link leads to', async (t) => {
		const [real, link] = ['real', 'link'].map((name) =>
			join(mkdtempSync(join(folder, `${name}-`)), 'log'));
		writeFileSync(real, '');
		symlinkSync(real, link);
		const server = await startServer(t,
			{ workers: 1, settings: { log: link } });
		rmSync(real);
		process.kill(server.pids().supervisor, 'SIGUSR1');
		await until(async () => {
			assertOk(await server.request('GET', intents));
			return existsSync(real) ? readFileSync(real, 'utf8') : '';
		}, (text) => text.includes('route=/v1/payment_intents'));
	});
});

describe('a log beside the store', () => {
	for (const name of ['log', 'slow_log', 'audit_log'])
		test(`is told of at the start: ${name}`, async (t) => {
			const home = mkdtempSync(join(folder, 'home-'));
			const beside = join(home, 'data', name);
			const server = await startServer(t, { workers: 1, home,
				conf: '', settings: { [name]: beside } });
			const told = new RegExp(`${name} is beside the store: `);
			await until(() => name === 'log'
				? readFileSync(beside, 'utf8') : server.log(),
			(text) => told.test(text));
		});

	test('is told of nowhere else', async (t) => {
		const apart = (name) => join(mkdtempSync(join(folder, `${name}-`)),
			'log');
		const server = await startServer(t, { workers: 1, settings: {
			slow_log: apart('slow'), audit_log: apart('audit') } });
		await until(() => server.log(), (text) => text.includes('ready'));
		assert.doesNotMatch(server.log(), /beside the store/);
	});
});

// -- System calls ---------------------------------------------------------------

describe('a forbidden system call', () => {
	let server;
	let ended = 0;
	before(async () => { server = await startTempted(); });
	after(() => server.stop());

	for (const kind of Object.keys(kinds))
		test(`ends a ${kind}, is reported, and the others go on`,
			async () => {
				for (const deed of Object.keys(deeds)
					.filter((one) => !kinds[kind].may.includes(one))) {
					// One that starts is not confined yet.
					await whole(server);
					const before = told(server, kind, deeds[deed]);
					await server.tempt(kind,
						{ deed, path: server.store });
					await until(() => told(server, kind, deeds[deed]),
						(count) => count === before + 1);
					assert.ok(!server.cameBack(), `${kind} ${deed}`);
					ended++;
				}
			});

	test('is counted, and named where SIGSYS is blocked as well',
		async () => {
			await whole(server);
			await server.tempt('worker', { deed: 'blocked' });
			await until(() => server.log(), (text) =>
				forbiddenIn(text) === ended + 1);
			assert.ok(!server.cameBack());
			const { body } = await whole(server);
			assert.equal(body.supervisor.forbidden_calls, ended + 1);
			assert.equal(body.supervisor.deaths, ended + 1);
			const { text } = await ask(server, '/metrics');
			const [{ value }] = parseMetrics(text).filter(({ name }) =>
				name === 'intentd_process_forbidden_calls_total');
			assert.equal(value, ended + 1);
		});

	test('is made by no assertion: that aborts, and says why', async () => {
		for (const kind of Object.keys(kinds)) {
			await whole(server);
			await server.tempt(kind, { deed: 'assert' });
			await until(() => server.log(), (text) => new RegExp(
				`${kind} \\d+ \\(pid \\d+\\) ended after \\d+ ms: ` +
				'signal 6, Aborted').test(text));
		}
		assert.equal(server.log().split('Assertion `order == NULL\' failed')
			.length, Object.keys(kinds).length + 1);
		assert.equal((await whole(server)).body.supervisor.forbidden_calls,
			ended + 1);
	});

	test('costs no payment and no byte of the store', async () => {
		assert.ok(existsSync(server.store));
		await createIntent(server);
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});
});

// Its status is a loopback port; with it, it is to do what that takes.
describe('a monitor that listens on TCP', () => {
	test('connects to nobody, and has no socket of a file', async (t) => {
		const port = await freePort();
		const server = await startTempted(t,
			{ status: `tcp:127.0.0.1:${port}` }, port);
		for (const deed of ['connect', 'unlink']) {
			await whole(server);
			await server.tempt('monitor', { deed, path: server.store });
			await until(() => told(server, 'monitor', deed),
				(count) => count === 1);
			assert.ok(!server.cameBack(), deed);
		}
		await whole(server);
		assert.equal(await server.survive('monitor', { deed: 'inet' }), 0);
		assert.equal(forbiddenIn(server.log()), 2);
	});
});

// -- Memory that all share --------------------------------------------------------

describe('who overwrites all that the processes share', () => {
	let server;
	before(async () => {
		server = await startTempted(undefined, { commands_in_flight: 4 });
	});
	after(() => server.stop());

	const found = () => server.log()
		.split(' has its place on the board overwritten: killed').length;
	const pidsOf = ({ body }) => body.processes.map(({ pid }) => pid);
	for (const kind of Object.keys(kinds))
		test(`as a ${kind} gains nothing, and the server serves again`,
			async () => {
				const { supervisor } = server.pids();
				const old = pidsOf(await whole(server));
				const before = found();
				await server.tempt(kind, { deed: 'scribble' });
				// A worker that finds its slots so dies, and the supervisor looks.
				await until(async () => {
					await server.stir();
					return found();
				}, (count) => count > before);
				const answer = await whole(server);
				assert.ok(pidsOf(answer).some((pid) => !old.includes(pid)));
				assert.equal(server.pids().supervisor, supervisor);
				assert.equal(answer.body.supervisor.pid, supervisor);
				assert.deepEqual(new Set(answer.body.processes
					.map((one) => one.kind)), new Set(Object.keys(kinds)));
				// A worker may still find its slots overwritten, and end of it.
				await until(() => server.request('POST', intents,
					{ json: { amount: 1, currency: 'usd' } })
					.catch(() => ({})), ({ status }) => status === 200);
				assert.deepEqual((await server.ctl('verify')).findings, []);
			});

	test('does not change what the supervisor has counted', async () => {
		const { body } = await whole(server);
		assert.ok(body.supervisor.deaths >= Object.keys(kinds).length);
		assert.ok(body.supervisor.deaths < 1000, body.supervisor.deaths);
		assert.equal(body.supervisor.forbidden_calls, 0);
		assertOk(await server.request('GET', intents));
	});
});

// -- Files ----------------------------------------------------------------------

describe('a file that is not its own', () => {
	let server;
	before(async () => {
		// The sweeper may write to what lies beside the audit log.
		server = await startTempted(undefined, { audit_log:
			join(mkdtempSync(join(folder, 'audit-')), 'log') });
		assert.doesNotMatch(server.log(), /without Landlock/,
			'the kernel of this host has no Landlock (Linux 5.13, and ' +
			'CONFIG_LSM must name it): no file can be refused here');
		writeFileSync(join(server.dir, 'secret'), 'of another program');
	});
	after(() => server.stop());

	const files = [
		{ path: '/etc/passwd', flags: O_RDONLY },
		{ path: '/proc/self/mem', flags: O_RDWR },
		{ path: '/tmp', flags: O_RDONLY },
		{ path: '/dev/tty', flags: O_RDWR },
		{ path: 'secret', flags: O_RDONLY },
		{ path: 'secret', flags: O_WRONLY },
		{ path: 'new', flags: O_CREAT | O_WRONLY },
	];
	for (const kind of Object.keys(kinds))
		test(`is opened by no ${kind}`, async () => {
			for (const { path, flags } of files) {
				const name = path.startsWith('/') ? path
					: join(server.dir, path);
				const allowed = (kinds[kind].reads ?? [])
					.some((place) => name.startsWith(`${place}/`));
				assert.equal(await server.survive(kind,
					{ deed: 'open', path: name, flags }),
				allowed ? 0 : EACCES, `${kind} ${name} ${flags}`);
			}
			assert.ok(!existsSync(join(server.dir, 'new')));
		});

	// Neither by its name nor through what a process has open.
	test("is the store's to the committer alone", async () => {
		for (const kind of Object.keys(kinds))
			for (const order of [{ deed: 'open', flags: O_RDWR },
				{ deed: 'map' }])
				assert.equal(await server.survive(kind,
					{ ...order, path: server.store }),
				kind === 'committer' ? 0 : EACCES,
				`${kind} ${order.deed}`);
	});

	test('is nothing that a C library needs', async () => {
		for (const kind of Object.keys(kinds))
			assert.equal(await server.survive(kind,
				{ deed: 'harmless' }), 0, kind);
		assert.equal(await server.survive('courier',
			{ deed: 'thread' }), 0);
	});

	test('leaves nothing that died of it', async () => {
		const { body } = await whole(server);
		assert.equal(body.supervisor.deaths, 0, server.log());
		assert.equal(ofKind(body, 'worker').length, 2);
		assertOk(await server.request('GET', intents));
	});
});
