// The committer: commands of many clients in one commit, and what they are
// told when it stops, when it dies, and when the disk fails it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { createIntent, getIntent, intentIn, until, visa } from
	'./fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { assertAllThere, Load } from './load.mjs';

const intents = '/v1/payment_intents';
const order = { amount: 2000, currency: 'usd' };
// A request that waits is refused soon, and a process that hangs is killed.
const hasty = { request_timeout_ms: 1000, connection_timeout_ms: 500,
	idempotency_wait_ms: 0, restart_backoff_ms: 50 };
const unavailable = { status: 503, type: 'api_error',
	code: 'service_unavailable', param: null };

// The number of the last write transaction, which LMDB counts.
function lastTransaction(server) {
	const text = execFileSync('mdb_stat', ['-en', server.store],
		{ encoding: 'utf8' });
	return Number(text.match(/Last transaction ID: (\d+)/)[1]);
}

async function listIntents(server) {
	const { data, has_more: more } = assertOk(await server.request('GET',
		`${intents}?limit=100`));
	assert.equal(more, false);
	return data;
}

function post(server, path, json, key) {
	return server.request('POST', path,
		{ json, headers: key ? { 'Idempotency-Key': key } : {} });
}

async function assertSound(server) {
	assert.deepEqual((await server.ctl('verify')).findings, []);
}

// A load of some answers; then all is there.
async function runLoad(server, answers, shoppers = 16) {
	const load = new Load(server);
	load.onAnswer = () => { load.open = --answers > 0; };
	await load.run(shoppers);
	await assertAllThere(load);
	return load;
}

describe('commands that come together', () => {
	const creates = 400;

	async function transactionsOf(t, committers) {
		const server = await startServer(t,
			{ workers: 4, settings: { committers } });
		await createIntent(server); // and the key is remembered as used
		const before = lastTransaction(server);
		const answers = await Promise.all(Array.from({ length: creates },
			() => post(server, intents, order)));
		const made = new Set(answers.map((one) => assertOk(one).id));
		assert.equal(made.size, creates);
		return lastTransaction(server) - before;
	}

	test('share a commit', async (t) => {
		const count = await transactionsOf(t, 1);
		assert.ok(count >= 1 && count < creates / 2, `${count} commits`);
	});

	test('have one each without a committer', async (t) => {
		// And the minute may have changed, at which each worker may touch
		// the key again.
		const count = await transactionsOf(t, 0);
		assert.ok(count >= creates && count <= creates + 4, `${count}`);
	});

	test('and all of it works without one', async (t) => {
		const server = await startServer(t,
			{ workers: 4, settings: { committers: 0 } });
		assert.equal(server.pids().committer, undefined);
		await runLoad(server, 300);
	});

	test('see the effects of those before them', async (t) => {
		const server = await startServer(t, { workers: 4 });
		const { id } = await intentIn(server, 'succeeded');
		const answers = await Promise.all(Array.from({ length: 40 }, () =>
			post(server, '/v1/refunds', { payment_intent: id, amount: 70 })));
		const given = answers.filter(({ status }) => status === 200);
		assert.equal(given.length, Math.floor(2000 / 70));
		await assertSound(server);
	});
});

describe('a committer that is stopped', () => {
	let server;

	before(async () => {
		server = await startServer({ workers: 2, settings: hasty });
	});
	after(() => server.stop());

	function stopCommitter() {
		const { committer } = server.pids();
		process.kill(committer, 'SIGSTOP');
		return committer;
	}

	test('is killed, and what waited has its effect once, or none',
		async () => {
			const before = (await listIntents(server)).length;
			const stopped = stopCommitter();
			const answers = await Promise.all(Array.from({ length: 30 },
				(_, i) => post(server, intents, order, `stopped ${i}`)));
			const made = answers.filter(({ status }) => status === 200);
			for (const answer of answers)
				if (answer.status !== 200)
					assertRefused(answer, unavailable);
			await until(() => server.pids(), ({ committer }) =>
				committer !== undefined && committer !== stopped);
			assert.match(server.log(), /committer 1 \(pid \d+\) hangs/);
			assert.equal((await listIntents(server)).length,
				before + made.length);
			// The keys are free, or stand for what was made.
			const again = await Promise.all(answers.map((_, i) =>
				post(server, intents, order, `stopped ${i}`)));
			const ids = new Set(again.map((one) => assertOk(one).id));
			assert.equal(ids.size, 30);
			for (const [i, { status, text }] of answers.entries())
				assert.ok(status !== 200 || text === again[i].text);
			assert.equal((await listIntents(server)).length, before + 30);
			await assertSound(server);
		});

	test('keeps no reader waiting', async () => {
		const { id } = await createIntent(server);
		const stopped = stopCommitter();
		const waiting = post(server, intents, order);
		for (let i = 0; i < 20; i++)
			assert.equal((await getIntent(server, id)).id, id);
		await until(() => server.pids(), ({ committer }) =>
			committer !== undefined && committer !== stopped);
		const { status } = await waiting;
		assert.ok(status === 200 || status === 503, `${status}`);
		await createIntent(server);
	});

	test('and one that is killed costs nobody an answer', async () => {
		for (let i = 0; i < 5; i++) {
			const pending = Promise.all(Array.from({ length: 20 }, () =>
				post(server, intents, order)));
			const { committer } = server.pids();
			process.kill(committer, 'SIGKILL');
			(await pending).forEach((one) => assertOk(one));
			await until(() => server.pids(), (pids) =>
				pids.committer !== undefined && pids.committer !== committer);
		}
		await assertSound(server);
	});
});

describe('a worker that is stopped', () => {
	test('is killed, also with commands in flight', async (t) => {
		const server = await startServer(t, { workers: 2,
			settings: hasty });
		const { committer, workers } = server.pids();
		process.kill(committer, 'SIGSTOP');
		const pending = Promise.all(Array.from({ length: 12 }, (_, i) =>
			post(server, intents, order, `worker ${i}`)));
		workers.forEach((pid) => process.kill(pid, 'SIGSTOP'));
		for (const answer of await pending)
			assert.ok([200, 502, 503].includes(answer.status), answer.text);
		await until(() => server.pids(), (pids) => pids.committer &&
			pids.workers.length === 2 &&
			!pids.workers.some((pid) => workers.includes(pid)));
		const again = await Promise.all(Array.from({ length: 12 }, (_, i) =>
			post(server, intents, order, `worker ${i}`)));
		assert.equal(new Set(again.map((one) => assertOk(one).id)).size, 12);
		assert.equal((await listIntents(server)).length, 12);
		await assertSound(server);
	});
});

describe('a disk that fails the committer', () => {
	async function serverWith(t, faults) {
		return startServer(t, { workers: 2, settings: { faults,
			restart_backoff_ms: 50 } });
	}

	// Creates one by one; the third commit fails, in each life of the store.
	async function createSix(server) {
		const answers = [];
		for (let i = 0; i < 6; i++)
			answers.push(await post(server, intents, order, `disk ${i}`));
		return answers;
	}

	test('with "unavailable" is refused, has no effect, and is tried again',
		async (t) => {
			const server = await serverWith(t, 'commit=unavailable@3');
			const answers = await createSix(server);
			const refused = answers.filter(({ status }) => status !== 200);
			assert.ok(refused.length >= 1);
			for (const answer of refused)
				assertRefused(answer, unavailable);
			const made = answers.length - refused.length;
			assert.equal((await listIntents(server)).length, made);
			await assertSound(server);
		});

	test('that is full for a commit gets room, and nobody notices',
		async (t) => {
			const server = await serverWith(t, 'commit=full@3');
			for (const answer of await createSix(server))
				assertOk(answer);
			assert.equal((await listIntents(server)).length, 6);
			await assertSound(server);
		});

	test('that stays full refuses, and has no effect', async (t) => {
		const server = await serverWith(t, 'commit=full,grow=full');
		for (const answer of await createSix(server))
			assertRefused(answer, unavailable);
		assert.equal((await listIntents(server)).length, 0);
	});

	// On even calls faulty.c commits first.
	for (const call of [3, 4])
		test(`with an unknown fate (call ${call}) is looked up`, async (t) => {
			const server = await serverWith(t, `commit=unknown@${call}`);
			const answers = await createSix(server);
			const refused = answers.filter(({ status }) => status !== 200);
			if (call % 2 === 0)
				assert.deepEqual(refused, []);
			else
				assert.ok(refused.length >= 1);
			for (const answer of refused)
				assertRefused(answer,
					{ status: 500, code: 'internal_error' });
			assert.match(server.log(), /opening it anew/);
			assert.equal((await listIntents(server)).length,
				answers.length - refused.length);
			await assertSound(server);
		});

	test('in one command fails that one alone', async (t) => {
		// A confirmation makes a charge, and shows it; a create does not.
		const server = await serverWith(t, 'get:charges=damaged');
		const open = await Promise.all(Array.from({ length: 4 }, () =>
			createIntent(server, { payment_method: visa })));
		const answers = await Promise.all([
			...open.map(({ id }) => post(server, `${intents}/${id}/confirm`)),
			...Array.from({ length: 20 }, () => post(server, intents, order)),
		]);
		for (const answer of answers.slice(0, open.length))
			assertRefused(answer, { status: 500, code: 'internal_error' });
		answers.slice(open.length).forEach((one) => assertOk(one));
		for (const { id } of open)
			assert.equal((await getIntent(server, id)).status,
				'requires_confirmation');
	});

	test('at the start of each batch refuses, and goes on', async (t) => {
		const server = await serverWith(t, 'begin=unavailable@9');
		const answers = await createSix(server);
		for (const answer of answers)
			if (answer.status !== 200)
				assertRefused(answer, { status: answer.status });
		await until(() => post(server, intents, order),
			({ status }) => status === 200);
	});
});

describe('the answer of an engine outside', () => {
	test('keeps no other request waiting', async (t) => {
		const server = await startServer(t, { workers: 1,
			settings: { sandbox_latency_ms: 1000 } });
		const { id } = await createIntent(server, { payment_method: visa });
		let confirmed = false;
		const pending = post(server, `${intents}/${id}/confirm`)
			.then((answer) => { confirmed = true; return answer; });
		await until(() => getIntent(server, id),
			({ status }) => status === 'processing');
		for (let i = 0; i < 5; i++)
			await createIntent(server);
		assert.equal(confirmed, false, 'one worker served them meanwhile');
		assert.equal(assertOk(await pending).status, 'succeeded');
	});
});
