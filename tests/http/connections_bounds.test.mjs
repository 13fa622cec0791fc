// What bounds kept connections: their time, their number, the memory of what
// came in part, and the files that a worker may open.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { look } from '../soak/watch.mjs';
import { assertOk, startServer } from './harness.mjs';
import { ask, assertOthersServed, connect, dropsIn, getFatList, getList,
	intents, kept, postOne, stop, theWorker, until, whole } from './kept.mjs';
import { ofKind, readStatus } from './status_client.mjs';

// For what must not be ended by its time.
const patient = { connection_timeout_ms: 60000, request_timeout_ms: 120000 };

describe('a connection may take its time', () => {
	let hasty;

	before(async () => {
		hasty = await startServer({ workers: 1,
			settings: { connection_timeout_ms: 300 } });
	});

	after(() => hasty.stop());

	for (const count of [1, 8, 60, 200])
		test(`but not over a request of which ${count} bytes came`,
			async (t) => {
				const drops = dropsIn(hasty);
				const idle = connect(t, hasty);
				assertOk(await ask(idle, getList(hasty)));
				const connection = connect(t, hasty);
				assert.equal(await ask(connection,
					postOne(hasty).subarray(0, count)), null);
				assert.equal(dropsIn(hasty), drops + 1);
				// The one that was idle all the while is still there.
				assertOk(await ask(idle, getList(hasty)));
			});

	test('but not over its answer', async (t) => {
		const connection = connect(t, hasty);
		connection.send(await getFatList(hasty, 'req_untaken'));
		await until(() => hasty.log(), (log) => log.includes(
			'req_untaken: the web server did not take the answer'));
		// What had left is there, and then the end.
		assert.equal(await connection.answer(), null);
	});
});

describe('more connections than a worker keeps', () => {
	const connections = 3;
	let narrow;

	before(async () => {
		narrow = await startServer({ workers: 1,
			settings: { connections, connection_timeout_ms: 500 } });
	});

	after(() => narrow.stop());

	const descriptors = {
		'are silent': () => Buffer.alloc(0),
		'have sent half of a request': () => postOne(narrow).subarray(0, 50),
		'are idle after a request': () => getList(narrow),
	};

	for (const [name, makeBytes] of Object.entries(descriptors))
		test(`that ${name}: others get in`, async (t) => {
			const all = Array.from({ length: connections },
				() => connect(t, narrow));
			for (const one of all) {
				one.send(makeBytes());
				one.read();
				await one.connected;
			}
			assertOk(await ask(connect(t, narrow), getList(narrow)));
			assertOk(await narrow.request('GET', intents));
		});

	test('that do not end their requests: one goes for one that waits',
		async (t) => {
			const on = await startServer(t, { workers: 1,
				settings: { connections, ...patient } });
			const ended = () => on.log().split(
				'others waited for the rest of its request').length - 1;
			const halves = Array.from({ length: connections },
				() => connect(t, on));
			const bytes = postOne(on);
			for (const one of halves) {
				one.send(bytes.subarray(0, 50));
				await one.connected;
			}
			assertOk(await ask(connect(t, on), getList(on)));
			assert.equal(ended(), 1);
			assert.equal(dropsIn(on), 0);
			const answers = await Promise.all(halves.map((one) =>
				ask(one, bytes.subarray(50))));
			assert.equal(answers[0], null);
			answers.slice(1).forEach((answer) => assertOk(answer));
		});

	test('of the web server: all are served', async () => {
		const answers = await Promise.all(Array.from({ length: 40 },
			() => narrow.request('GET', intents)));
		answers.forEach((answer) => assertOk(answer));
	});
});

test('requests in part have a sum, beyond which they are dropped',
	async (t) => {
		const on = await startServer(t, { workers: 1,
			settings: { ...patient } });
		const mebibyte = 1 << 20;
		const worker = theWorker(on);
		const body = 'x'.repeat(mebibyte);
		const bytes = kept(on, 'POST', intents, { body });
		const dropsNow = () => on.log().split(
			'too much of requests in part is kept').length - 1;
		const all = Array.from({ length: 70 }, () => connect(t, on));
		let closed = 0;
		for (const one of all) {
			one.closed.then(() => { closed++; });
			one.read();
			one.send(bytes.subarray(0, mebibyte));
		}
		await until(dropsNow, (drops) => drops >= 6);
		await assertOthersServed(t, on);
		await until(() => closed, (count) => count === dropsNow());
		assert.ok(closed <= 8, `${closed} of 70`);
		assert.equal(dropsIn(on), 0);
		assert.equal(theWorker(on), worker);
	});

// What settings.def says of each connection, whatever it came with.
test('memory that large requests have used is given back', async (t) => {
	const count = 128;
	const large = 60 << 10;
	const on = await startServer(t, { workers: 1, settings: { ...patient } });
	const worker = theWorker(on);
	const own = () => look(Number(worker)).ownBytes;
	const body = whole + ' '.repeat(large);
	const all = Array.from({ length: count }, () => connect(t, on));
	assertOk(await ask(all[0], postOne(on)));
	const first = own();
	const [{ pid }] = ofKind(await readStatus(on), 'committer');
	await stop(pid);
	const answers = all.map((one) =>
		ask(one, kept(on, 'POST', intents, { body })));
	await until(own, (bytes) => bytes > first + count * large);
	process.kill(pid, 'SIGCONT');
	(await Promise.all(answers)).forEach((answer) => assertOk(answer));
	await until(own, (bytes) => bytes < first + count * (40 << 10));
	assert.equal(theWorker(on), worker);
});

// -- Files --------------------------------------------------------------------

// Of a process: the soft limit and the hard one.
function setFiles(pid, soft, hard = soft) {
	execFileSync('prlimit', ['--pid', pid, `--nofile=${soft}:${hard}`]);
}

function filesOf(pid) {
	const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
	return limits.match(/^Max open files +(\d+) +(\d+)/m).slice(1).map(Number);
}

// A worker that begins with these limits of its supervisor's.
async function restartWith(on, soft, hard) {
	const { supervisor, workers: [worker] } = on.pids();
	setFiles(supervisor, soft, hard);
	process.kill(worker, 'SIGKILL');
	await until(() => on.pids().workers,
		([found]) => found !== undefined && found !== worker);
	assertOk(await on.request('GET', intents));
	return theWorker(on);
}

describe('the limit of open files', () => {
	const more = { workers: 1, settings: { connections: 100,
		restart_backoff_ms: 0, ...patient } };

	test('is raised as far as the connections need', async (t) => {
		const on = await startServer(t, more);
		const [soft, hard] = filesOf(await restartWith(on, 64, 4096));
		assert.ok(soft > 100 && soft < 200, `${soft}`);
		assert.equal(hard, 4096);
		const all = Array.from({ length: 90 }, () => connect(t, on));
		for (const one of all)
			assertOk(await ask(one, getList(on)));
		assert.doesNotMatch(on.log(), /instead of|connections wait/);
	});

	test('bounds the connections where the host has no more', async (t) => {
		const on = await startServer(t, more);
		const worker = await restartWith(on, 64, 64);
		const said = on.log().match(/(\d+) connections instead of 100: /);
		assert.ok(Number(said?.[1]) > 0 && said[1] < 64, on.log());
		const answers = await Promise.all(Array.from({ length: 100 }, () =>
			ask(connect(t, on), getList(on))));
		answers.forEach((answer) => assertOk(answer));
		assert.equal(theWorker(on), worker);
		assert.doesNotMatch(on.log(), /connections wait/);
	});

	test('may be reached: connections wait, said once', async (t) => {
		const on = await startServer(t, more);
		const worker = theWorker(on);
		const [soft, hard] = filesOf(worker);
		// A limit is one of numbers, of which the lowest are free first.
		const files = readdirSync(`/proc/${worker}/fd`);
		const free = Array.from({ length: soft }, (_, i) => i)
			.filter((number) => !files.includes(String(number)));
		setFiles(worker, free[3], hard);
		const said = () => on.log().split('new connections wait: ').length - 1;
		const all = Array.from({ length: 30 }, () => connect(t, on));
		const asked = all.map((one) => ask(one, getList(on)));
		await until(said, (lines) => lines > 0);
		// The place of one that is closed is the next one's.
		(await Promise.race(all.map(async (one, i) =>
			(await asked[i]) && one))).destroy();
		setFiles(worker, soft, hard);
		(await Promise.all(asked)).forEach((answer) => assertOk(answer));
		assert.equal(said(), 1);
		assert.equal(theWorker(on), worker);
	});
});
