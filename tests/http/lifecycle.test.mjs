// What signals make of a running server: new settings, more and fewer workers,
// a new program, an end; and that no request is lost by any of it.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync,
	writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { look } from '../soak/watch.mjs';
import { Churn } from './churn.mjs';
import { createIntent, getIntent } from './fixtures.mjs';
import { assertOk, build, startServer, web } from './harness.mjs';
import { atEnd, isRunning, makeFolder, start, whenEnded } from './runner.mjs';

const together = { concurrency: 3 };
const supervisorMost = 16 * 1024; // that 30 changes may leave behind

// What `look` finds once it is as wanted; 20 seconds are for ever.
async function until(look, isIt) {
	for (let i = 0; i < 2000; i++) {
		const found = await look();
		if (isIt(found))
			return found;
		await pause(10);
	}
	throw new Error('what was awaited did not come');
}

function signal(server, name) {
	process.kill(server.pids().supervisor, name);
}

const said = (server, what) => server.log().split(what).length - 1;

// Until it has been said once more than before.
async function saysAfter(server, what, act) {
	const before = said(server, what);
	await act();
	await until(() => said(server, what), (count) => count > before);
}

const inForce = 'the settings are in force';

// -- No request is lost ------------------------------------------------------

const workers = 3;

const allGone = (pids) => pids.every((pid) => !isRunning(pid));

// The kernel's own list: to look through /proc would stop the load.
function childrenOf(pid) {
	return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
		.trim().split(' ').map(Number);
}

// nginx lets go of idle connections at once, so that steps are short.  Those
// of its processes that leave would close their clients' connections.
// Apache keeps none.
async function hasten(server) {
	if (web === 'apache')
		return;
	const file = join(server.dir, 'nginx/nginx.conf');
	const text = readFileSync(file, 'utf8');
	const { web: nginx } = server.pids();
	const hasty = text.replace(/keepalive_timeout 1s/,
		'keepalive_timeout 100ms');
	assert.notEqual(hasty, text);
	writeFileSync(file, hasty);
	const before = childrenOf(nginx);
	process.kill(nginx, 'SIGHUP');
	await until(() => allGone(before), Boolean);
}

async function reload(server) {
	const before = server.pids();
	signal(server, 'SIGHUP');
	await until(() => allGone([...before.workers, before.committer]), Boolean);
	assert.equal(server.pids().supervisor, before.supervisor);
}

async function scaleUpAndDown(supervisor) {
	const count = () => childrenOf(supervisor).length;
	const before = count();
	process.kill(supervisor, 'SIGTTIN');
	await until(count, (found) => found === before + 1);
	process.kill(supervisor, 'SIGTTOU');
	await until(count, (found) => found === before);
}

async function replace(server) {
	const before = server.pids();
	signal(server, 'SIGUSR2');
	await until(() => allGone([before.supervisor, before.committer,
		...before.workers]), Boolean);
	const after = server.pids();
	assert.notEqual(after.supervisor, before.supervisor);
	assert.ok(isRunning(after.supervisor));
}

async function times(count, act, churn) {
	for (let i = 0; i < count; i++) {
		const before = churn.answers;
		await act(churn.server);
		await until(() => churn.answers, (now) => now > before + 20 ||
			churn.failures.length > 0);
	}
}

// What it held for the processes and settings before is given back.
function assertSame(before, after) {
	assert.equal(after.files, before.files);
	assert.ok(after.ownBytes <= before.ownBytes + supervisorMost,
		`${before.ownBytes} bytes, then ${after.ownBytes}`);
}

test('no request fails while everything changes', async (t) => {
	const server = await startServer(t, { workers, conf: '' });
	const churn = new Churn(server);
	await hasten(server);
	const load = churn.run(6);
	const steps = (async () => {
		const { supervisor } = server.pids();
		await times(2, () => scaleUpAndDown(supervisor), churn);
		await times(2, reload, churn);
		const first = look(supervisor);
		await times(20, () => scaleUpAndDown(supervisor), churn);
		await times(10, reload, churn);
		assertSame(first, look(supervisor));
		await times(3, replace, churn);
		writeFileSync(join(server.dir, 'intentd.conf'),
			'max_requests = 50\n');
		await times(10, reload, churn);
		await times(2, replace, churn);
		const before = server.pids().workers;
		await until(() => allGone(before), Boolean); // of max_requests
	})();
	await steps.finally(() => { churn.open = false; });
	await load;
	t.diagnostic(`${churn.answers} answers`);
	assert.deepEqual(churn.failures, []);
	assert.ok(churn.answers > 900, `${churn.answers}`);
	await churn.assertAllThere();
	assert.doesNotMatch(server.log(),
		/signal \d|hangs|in time|[Aa]ssert|Sanitizer/);
	// scripts/run has followed, and ends whoever is the server now.
	const last = server.pids();
	assert.equal((await server.halt()).code, 0);
	assert.ok(allGone([last.supervisor, last.committer, ...last.workers]));
	assert.ok(!existsSync(join(server.dir, 'intentd.pid')));
});

// -- Settings ----------------------------------------------------------------

describe('SIGHUP', together, () => {
	const typeOfNothing = async (server, contract) => (await server.request(
		'GET', '/nothing', { contract })).body.error.type;

	test('puts changed settings into force', async (t) => {
		const server = await startServer(t, { conf: '# none yet\n' });
		assert.equal(await typeOfNothing(server, 'card'),
			'invalid_request_error');
		writeFileSync(join(server.dir, 'intentd.conf'),
			'default_contract = stable\n');
		await saysAfter(server, inForce, () => signal(server, 'SIGHUP'));
		await until(() => server.pids().workers, (found) =>
			found.length === 2);
		assert.equal(await typeOfNothing(server, 'stable'),
			'not_found_error');
	});

	test('with a file that cannot be read changes nothing', async (t) => {
		const server = await startServer(t, { conf: '' });
		const before = server.pids();
		writeFileSync(join(server.dir, 'intentd.conf'),
			'batch_commands = many\n');
		await saysAfter(server, 'the settings stay: ',
			() => signal(server, 'SIGHUP'));
		assert.match(server.log(),
			/the settings stay: \S+intentd.conf:1: batch_commands: `many`/);
		assert.deepEqual(server.pids(), before);
		await createIntent(server);
	});

	test('names what it cannot change, and changes the rest', async (t) => {
		const server = await startServer(t, { conf: '' });
		const before = server.pids();
		writeFileSync(join(server.dir, 'intentd.conf'),
			'commands_in_flight = 3\nsweepers = 0\n');
		await saysAfter(server, inForce, () => signal(server, 'SIGHUP'));
		assert.match(server.log(),
			/commands_in_flight: a reload does not change it/);
		await until(() => allGone(before.workers), Boolean);
		await createIntent(server);
	});

	test('leaves the old workers where new ones cannot start', async (t) => {
		const server = await startServer(t, { conf: '' });
		const before = server.pids();
		writeFileSync(join(server.dir, 'intentd.conf'),
			'faults = sometimes\ncommitters = 1\n');
		await saysAfter(server, 'faults: not a plan',
			() => signal(server, 'SIGHUP'));
		await createIntent(server);
		assert.deepEqual(server.pids().workers.filter(isRunning)
			.filter((pid) => before.workers.includes(pid)),
		before.workers);
		assert.equal(server.pids().committer, before.committer);
		writeFileSync(join(server.dir, 'intentd.conf'), '');
		await saysAfter(server, inForce, () => signal(server, 'SIGHUP'));
		await createIntent(server);
	});
});

// -- Scaling, and ends -------------------------------------------------------

describe('workers', together, () => {
	test('are never fewer than one', async (t) => {
		const server = await startServer(t, { workers: 1 });
		const before = server.pids();
		await saysAfter(server, 'workers: still 1, of 1 to 256',
			() => signal(server, 'SIGTTOU'));
		assert.deepEqual(server.pids(), before);
		await createIntent(server);
	});

	test('that a signal has stopped are replaced', async (t) => {
		const server = await startServer(t, { workers: 2, settings: {
			request_timeout_ms: 600, connection_timeout_ms: 300,
			idempotency_wait_ms: 0 } });
		const [stopped, other] = server.pids().workers;
		process.kill(stopped, 'SIGSTOP');
		await until(() => allGone([stopped]), Boolean);
		assert.match(server.log(),
			new RegExp(`worker \\d+ \\(pid ${stopped}\\) hangs: killed`));
		assert.ok(isRunning(other));
		await until(() => server.pids().workers, (found) =>
			found.length === 2);
		await createIntent(server);
	});

	test('that keep dying are given a rest, which is logged', async (t) => {
		const server = await startServer(t, { workers: 1, settings: {
			restarts_max: 3, restarts_interval_ms: 2000,
			restart_backoff_ms: 0 } });
		const line = 'EMERGENCY: more than 3 deaths of a worker within 2000';
		let deaths = 0;
		while (said(server, line) === 0) {
			const [worker] = await until(() => server.pids().workers,
				(found) => found.length > 0 || said(server, line) > 0);
			if (worker && isRunning(worker)) {
				process.kill(worker, 'SIGKILL');
				deaths++;
				await until(() => allGone([worker]), Boolean);
			}
		}
		assert.equal(deaths, 4);
		assert.deepEqual(server.pids().workers, []);
		// It comes back by itself.
		await until(() => server.pids().workers, (found) => found.length);
		await createIntent(server);
		assert.equal(said(server, line), 1);
	});
});

describe('an end', together, () => {
	test('by SIGQUIT is at once, and keeps what was answered', async (t) => {
		let next;
		const server = await startServer({ settings: {
			public_url: 'https://pay.example.com' } });
		t.after(async () => {
			await next?.stop();
			await server.stop();
		});
		const intent = await createIntent(server);
		const { supervisor, workers: all, committer } = server.pids();
		// A stopped one cannot let its requests end.
		process.kill(all[0], 'SIGSTOP');
		process.kill(supervisor, 'SIGQUIT');
		await whenEnded([supervisor, committer, ...all]);
		await server.child.ended;
		assert.doesNotMatch(server.log(), /in time|hangs/);
		next = await startServer({ home: server.home, settings: {
			public_url: 'https://pay.example.com' } });
		assert.deepEqual(await getIntent(next, intent.id), intent);
		const { findings } = await next.ctl('verify');
		assert.deepEqual(findings, []);
	});
});

// -- A new program -----------------------------------------------------------

describe('SIGUSR2', together, () => {
	// A second server on the store, of a program that can be broken.
	async function startCopy(t, server, ...words) {
		const folder = makeFolder(t);
		const program = join(folder, 'intentd');
		copyFileSync(join(build, 'intentd'), program);
		const pidFile = join(folder, 'pid');
		const started = start(t, program, [`--store=${server.store}`,
			`--socket=${join(folder, 'socket')}`, '--workers=1',
			`--status=${join(folder, 'status')}`,
			`--pid_file=${pidFile}`, ...words]);
		const readPid = () => existsSync(pidFile) &&
			Number(readFileSync(pidFile, 'utf8'));
		// What it has handed over to holds its output open, too.
		atEnd(t, () => {
			const pid = readPid();
			if (pid && pid !== started.pid && isRunning(pid))
				process.kill(pid, 'SIGTERM');
		});
		await until(readPid, Boolean);
		return { ...started, program, folder, pidFile, readPid };
	}

	function put(program, bytes) {
		writeFileSync(`${program}.new`, bytes, { mode: 0o755 });
		renameSync(`${program}.new`, program);
	}

	test('with a program that does not start changes nothing', async (t) => {
		const server = await startServer(t);
		const copy = await startCopy(t, server);
		const broken = ['#!/bin/sh\nexit 3\n', 'no program', ''];
		for (const [i, bytes] of broken.entries()) {
			put(copy.program, bytes);
			copy.child.kill('SIGUSR2');
			await until(() => copy.stderr.text.split('this one goes on')
				.length - 1, (count) => count === i + 1);
		}
		assert.equal(copy.readPid(), copy.pid);
		assert.ok(isRunning(copy.pid));
		assert.ok(existsSync(join(copy.folder, 'socket')));
		// One that is as it should be then takes over, and ends the same.
		put(copy.program, readFileSync(join(build, 'intentd')));
		copy.child.kill('SIGUSR2');
		await until(() => copy.child.exitCode, (code) => code !== null);
		assert.equal(copy.child.exitCode, 0);
		const next = copy.readPid();
		assert.notEqual(next, copy.pid);
		process.kill(next, 'SIGTERM');
		await whenEnded([next]);
		assert.ok(!existsSync(copy.pidFile));
		assert.ok(!existsSync(join(copy.folder, 'socket')));
	});

	test('with a program that nobody could find changes nothing', async (t) => {
		const server = await startServer(t, { workers: 1 });
		const copy = await startCopy(t, server);
		rmSync(copy.pidFile);
		mkdirSync(copy.pidFile); // It cannot be written.
		process.kill(copy.pid, 'SIGUSR2');
		await until(() => copy.stderr.text,
			(text) => text.includes('this one goes on'));
		assert.ok(isRunning(copy.pid));
		rmSync(copy.pidFile, { recursive: true });
		copy.child.kill('SIGTERM');
		assert.equal((await copy.ended).code, 0);
	});

	test('does not keep SIGQUIT waiting for a program that hangs',
		async (t) => {
			const server = await startServer(t);
			const copy = await startCopy(t, server,
				'--shutdown_timeout_ms=600000');
			put(copy.program, '#!/bin/sh\nexec sleep 600\n');
			copy.child.kill('SIGUSR2');
			const [, pid] = await until(() =>
				copy.stderr.text.match(/starting \S+ \(pid (\d+)\)/),
			Boolean);
			process.kill(Number(pid), 'SIGSTOP');
			copy.child.kill('SIGQUIT');
			await until(() => copy.child.exitCode, (code) => code !== null);
			assert.ok(!isRunning(Number(pid)));
		});

	test('is refused while another one is being started', async (t) => {
		const server = await startServer(t);
		const copy = await startCopy(t, server);
		put(copy.program, '#!/bin/sh\nexec sleep 600\n');
		copy.child.kill('SIGUSR2');
		const [, pid] = await until(() =>
			copy.stderr.text.match(/starting \S+ \(pid (\d+)\)/), Boolean);
		copy.child.kill('SIGUSR2');
		await until(() => copy.stderr.text, (text) =>
			text.includes('is being started already'));
		// The end of the one is the end of the other.
		copy.child.kill('SIGTERM');
		assert.equal((await copy.ended).code, 0);
		assert.ok(!isRunning(Number(pid)));
	});
});
