// A store that grows while it is used, up to store_bytes_max; and what is left
// to clients when it is full: reads, and all that was ever answered.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, statSync } from 'node:fs';
import { test } from 'node:test';

import { getIntent } from './fixtures.mjs';
import { assertOk, assertRefused, intentctl, startServer } from './harness.mjs';

const mebi = 1024 * 1024;
const sizes = (begin, end) => ({
	sweepers: 0, store_bytes: begin * mebi, store_bytes_max: end * mebi,
});
const full = { status: 503, type: 'api_error', code: 'service_unavailable' };
// As much as an intent may carry, so that the store is full soon.
const metadata = Object.fromEntries(Array.from({ length: 50 },
	(_, i) => [`key_${i}`, 'v'.repeat(500)]));
// Far more than there is room for: a loop that does not end is a failure.
const createsMax = 2000;

const create = (server, headers = {}) => server.request('POST',
	'/v1/payment_intents',
	{ json: { amount: 2000, currency: 'usd', metadata }, headers });

// What `intentctl init` made is a file of store_bytes; a copy is no longer than
// what is in it, as after a restore.
function shorten({ store }) {
	const copy = `${store}.copy`;
	execFileSync('mdb_copy', ['-n', store, copy]);
	renameSync(copy, store);
}

// Creates until one is refused, and gives those that were not; each with a key
// of its own that begins with `key`, if there is one.
async function fill(server, key = '') {
	const made = [];
	for (let i = 0; i < createsMax; i++) {
		const answer = await create(server,
			key ? { 'Idempotency-Key': `${key}-${i}` } : {});
		if (answer.status !== 200) {
			assertRefused(answer, full);
			return made;
		}
		made.push(answer.body);
	}
	throw new Error('the store was never full');
}

async function assertAllThere(server, made) {
	for (const intent of made)
		assert.deepEqual(await getIntent(server, intent.id), intent);
	const { data } = assertOk(await server.request('GET',
		'/v1/payment_intents?limit=10'));
	assert.deepEqual(data.map(({ id }) => id),
		made.slice(-10).map(({ id }) => id).reverse());
	assert.deepEqual((await server.ctl('verify')).findings, []);
}

test('a store grows to its bound, refuses there, and goes on with a larger one',
	async (t) => {
		const servers = [];
		const startAgain = async (options) => {
			const server = await startServer(options);
			servers.push(server);
			return server;
		};
		// The last one first: the folder is everyone's.
		t.after(async () => {
			for (const server of servers.reverse())
				await server.stop();
		});
		const first = await startAgain({ settings: { sweepers: 0 } });
		await first.halt();
		shorten(first);
		assert.ok(statSync(first.store).size < mebi);

		const small = await startAgain(
			{ home: first.home, settings: sizes(1, 8) });
		const { workers } = small.pids();
		assert.equal(workers.length, 2);
		assert.equal(statSync(small.store).size, mebi);
		const made = await fill(small);
		assert.equal(statSync(small.store).size, 8 * mebi);
		// Each is on disk with its event, both with the metadata.
		assert.ok(made.length > 4 * mebi / 60_000, `${made.length}`);
		await assertAllThere(small, made);
		assertRefused(await create(small), full);
		assert.deepEqual(small.pids().workers, workers);
		await small.halt();

		const large = await startAgain(
			{ home: first.home, settings: sizes(1, 16) });
		assert.equal(statSync(large.store).size, 8 * mebi);
		const more = await fill(large);
		assert.ok(more.length > made.length / 2, `${more.length}`);
		assert.equal(statSync(large.store).size, 16 * mebi);
		await assertAllThere(large, [...made, ...more]);
	});

test('scripts/run makes a store of the size that it is told', async (t) => {
	const server = await startServer(t, { settings: sizes(2, 4) });
	assert.equal(statSync(server.store).size, 2 * mebi);
	assertOk(await create(server));
});

// Of whole pages: a write is refused.  Else a part of one is done first.
for (const [committers, length] of [[0, 2 * mebi], [1, 2 * mebi],
	[1, 2 * mebi + 512]])
	test(`a bound of ${length} bytes on files (ulimit -f) is a full store, ` +
		`with ${committers} committers`, async (t) => {
		const server = await startServer(t,
			{ settings: { ...sizes(8, 8), committers } });
		const pids = server.pids();
		const writers = [pids.supervisor, pids.committer, ...pids.workers]
			.filter((pid) => pid);
		assert.equal(writers.length, 3 + committers);
		const bound = (bytes) => writers.forEach((pid) => execFileSync(
			'prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]));
		bound(length);
		const made = await fill(server);
		assert.ok(made.length > 0);
		assertRefused(await create(server), full);
		// Now all that is new lies beyond it.
		bound(mebi);
		assertRefused(await create(server), full);
		assert.deepEqual(server.pids(), pids);
		await assertAllThere(server, made);
		bound('unlimited');
		made.push(assertOk(await create(server)));
		await assertAllThere(server, made);
		assert.deepEqual(server.pids(), pids);
	});

test('the bound counts where it is below what a store begins with',
	async (t) => {
		const server = await startServer(t, { settings: sizes(9, 8) });
		const made = await fill(server);
		assert.ok(made.length > 10, `${made.length}`);
		await assertAllThere(server, made);
	});

// The operator can make room beside a server that is at its bound.
test('what is purged is room to write again, without a restart', async (t) => {
	const server = await startServer(t, { settings: sizes(4, 4) });
	const pids = server.pids();
	const keyed = await fill(server, 'order');
	// Without keys, which take less room.
	const before = [...keyed, ...await fill(server)];
	const later = new Date(Date.now() + 25 * 3600_000).toISOString();
	const purged = await intentctl(server.store, 'purge', '--at', later,
		'--yes');
	assert.equal(purged.outcomes, keyed.length);
	const after = await fill(server);
	assert.ok(after.length > 0);
	await assertAllThere(server, [...before, ...after]);
	assert.deepEqual(server.pids(), pids);
});

// Small ones, many to a commit: it is the commit itself that finds no room.
test('nobody is refused while a store grows', async (t) => {
	const server = await startServer(t, { settings: sizes(1, 64) });
	const answers = await Promise.all(Array.from({ length: 24 }, async () => {
		const statuses = new Set();
		for (let i = 0; i < 60; i++)
			statuses.add((await server.request('POST', '/v1/payment_intents',
				{ json: { amount: 2000, currency: 'usd' } })).status);
		return [...statuses];
	}));
	assert.deepEqual([...new Set(answers.flat())], [200]);
	assert.ok(statSync(server.store).size > mebi);
	assert.deepEqual((await server.ctl('verify')).findings, []);
});
