// A committer that dies, or is stopped, inside the write of LMDB's meta page:
// the commit is there for the next writer, and readers do not see it yet.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createIntent, getIntent, intentIn, until, visa } from
	'../http/fixtures.mjs';
import { assertOk, assertRefused, startServer } from '../http/harness.mjs';

const signals = { SIGKILL: 9, SIGSTOP: 19 };
const source = fileURLToPath(new URL('../http/preload/meta_write.c',
	import.meta.url));
// What is preloaded removes a file, which no committer may (confine).
const hasty = { confine: 'no', request_timeout_ms: 1000,
	connection_timeout_ms: 500,
	idempotency_wait_ms: 0, restart_backoff_ms: 50 };
let folder;

before(() => {
	folder = mkdtempSync(join(tmpdir(), 'intentd-meta-'));
	execFileSync('gcc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-Wall',
		'-Werror', '-o', join(folder, 'meta_write.so'), source]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

// arm() lets the next commit be hit; struck() says whether it was.
async function startArmed(t, signal, settings) {
	const flag = join(folder, `${signal} ${Math.random()}`);
	const server = await startServer(t, { workers: 2,
		settings: { ...hasty, ...settings }, environment: {
			LD_PRELOAD: join(folder, 'meta_write.so'),
			META_WRITE_FLAG: flag,
			META_WRITE_SIGNAL: String(signals[signal]),
		} });
	// The key is remembered as used: the next commit is the next POST's.
	await createIntent(server);
	await until(() => server.request('GET', '/v1/api_keys'), ({ body }) =>
		body.data.some(({ last_used: used }) => used !== null));
	server.arm = () => writeFileSync(flag, '');
	server.struck = () => !existsSync(flag);
	return server;
}

const post = (server, path, json, key) => server.request('POST', path, {
	json, headers: key ? { 'Idempotency-Key': key } : {} });

// Nobody kills what is stopped while `act` runs.
async function withoutSupervisor(server, act) {
	const { supervisor } = server.pids();
	process.kill(supervisor, 'SIGSTOP');
	try {
		return await act();
	} finally {
		process.kill(supervisor, 'SIGCONT');
	}
}

async function assertSound(server) {
	assert.deepEqual((await server.ctl('verify')).findings, []);
}

describe('a committer that is killed inside its commit', () => {
	test('has given a refund once, also without a key', async (t) => {
		const server = await startArmed(t, 'SIGKILL');
		const { id } = await intentIn(server, 'succeeded');
		server.arm();
		const refund = assertOk(await post(server, '/v1/refunds',
			{ payment_intent: id, amount: 500 }));
		assert.equal(refund.amount, 500);
		assert.ok(server.struck());
		const { charges } = await getIntent(server, id);
		assert.equal(charges.data[0].amount_refunded, 500);
		const { data } = assertOk(await server.request('GET',
			`/v1/refunds?payment_intent=${id}`));
		assert.equal(data.length, 1);
		await assertSound(server);
	});

	test('has its answer given as the first one', async (t) => {
		const server = await startArmed(t, 'SIGKILL');
		server.arm();
		const answer = await post(server, '/v1/api_keys', { name: 'one' },
			'key');
		assert.match(assertOk(answer).secret, /^sk_test_/);
		assert.equal(answer.headers['idempotent-replayed'], undefined);
		assert.ok(server.struck());
	});
});

describe('a committer that is stopped inside its commit', () => {
	test('is killed, and what waited is answered by the next', async (t) => {
		const server = await startArmed(t, 'SIGSTOP');
		const { id } = await intentIn(server, 'succeeded');
		server.arm();
		const refund = assertOk(await post(server, '/v1/refunds',
			{ payment_intent: id, amount: 500 }));
		assert.ok(server.struck());
		assert.match(server.log(), /committer 1 \(pid \d+\) hangs/);
		const { charges } = await getIntent(server, id);
		assert.equal(charges.data[0].amount_refunded, refund.amount);
		await assertSound(server);
	});

	test('leaves it unknown for as long as nobody can know', async (t) => {
		const server = await startArmed(t, 'SIGSTOP');
		const { id } = await intentIn(server, 'succeeded');
		server.arm();
		await withoutSupervisor(server, async () => {
			const refused = await post(server, '/v1/refunds',
				{ payment_intent: id, amount: 500 }, 'refund');
			assertRefused(refused, { status: 500, code: 'internal_error' });
			assert.ok(server.struck());
		});
		const replayed = await until(() => post(server, '/v1/refunds',
			{ payment_intent: id, amount: 500 }, 'refund'),
		({ status }) => status === 200);
		assert.equal(replayed.headers['idempotent-replayed'], 'true');
		assert.equal(replayed.body.amount, 500);
		const { charges } = await getIntent(server, id);
		assert.equal(charges.data[0].amount_refunded, 500);
		await assertSound(server);
	});

	test('keeps no reader waiting, with all slots taken', async (t) => {
		const server = await startArmed(t, 'SIGSTOP',
			{ commands_in_flight: 1 });
		const { id } = await createIntent(server);
		server.arm();
		let answered = 0;
		const pending = await withoutSupervisor(server, async () => {
			const posts = Array.from({ length: 30 }, async () => {
				const { status } = await post(server,
					'/v1/payment_intents', { amount: 1, currency: 'usd' });
				answered++;
				return status;
			});
			await until(() => getIntent(server, id),
				() => server.struck());
			for (let i = 0; i < 8; i++)
				assert.equal((await getIntent(server, id)).id, id);
			assert.ok(answered <= 1, `reads go before ${answered}`);
			return posts;
		});
		for (const status of await Promise.all(pending))
			assert.ok([200, 500, 503].includes(status), `${status}`);
		await assertSound(server);
	});

	test("loses no engine's answer", async (t) => {
		const server = await startArmed(t, 'SIGSTOP',
			{ sandbox_latency_ms: 400 });
		const { id } = await createIntent(server, { payment_method: visa });
		const pending = post(server, `/v1/payment_intents/${id}/confirm`,
			undefined, 'confirm');
		await until(() => getIntent(server, id),
			({ status }) => status === 'processing');
		await withoutSupervisor(server, async () => {
			server.arm();
			assertRefused(await pending,
				{ status: 500, code: 'internal_error' });
		});
		await until(() => getIntent(server, id),
			({ status }) => status === 'succeeded');
		const replayed = await until(() => post(server,
			`/v1/payment_intents/${id}/confirm`, undefined, 'confirm'),
		({ status }) => status === 200);
		assert.equal(replayed.body.status, 'succeeded');
		await assertSound(server);
	});
});
