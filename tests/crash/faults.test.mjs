// Calls of the system and of the heap that fail, each of them in turn, while
// requests are served: what was answered 2xx is there, what was not is done
// once by the same key, nobody hangs, and no operator is needed.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { crashesIn, Hits, outOfMemory, randomOf, Server, startFaulty } from
	'./faulty.mjs';

const committer = 'intentd-commit';
const worker = 'intentd';
const sweeper = 'intentd-sweeper';

// Which calls of which processes fail how: all of them in the long form.  Of
// `anew` the process is killed first, since it does them at its beginning; of
// `grows` payments are made until the store has to.
const plan = [
	{ process: committer, call: 'ftruncate', errors: ['ENOSPC', 'EIO'],
		grows: true },
	{ process: committer, call: 'pwrite',
		errors: ['ENOSPC', 'EIO', 'EDQUOT', 'EFBIG', 'ENOMEM', 'EINTR'],
		short: true },
	{ process: committer, call: 'writev', errors: ['ENOSPC', 'EIO'],
		short: true },
	{ process: committer, call: 'fdatasync', errors: ['EIO', 'ENOSPC'] },
	{ process: committer, call: 'malloc', errors: ['ENOMEM'] },
	{ process: committer, call: 'malloc', errors: ['ENOMEM'], anew: true },
	{ process: committer, call: 'mmap', errors: ['ENOMEM'], anew: true },
	{ process: committer, call: 'open', errors: ['EMFILE', 'EIO', 'ENOMEM'],
		anew: true },
	{ process: committer, call: 'read', errors: ['EIO'], anew: true },
	{ process: committer, call: 'lock', errors: ['EIO', 'ENOLCK'],
		anew: true },
	{ process: committer, call: 'signalfd', errors: ['EMFILE'], anew: true },
	...['fsync', 'msync', 'write'].map((call) =>
		({ process: committer, call, errors: ['ENOSPC', 'EIO'] })),
	...['epoll', 'eventfd'].map((call) => ({ process: committer, call,
		errors: ['EMFILE', 'ENOMEM'], anew: true })),
	{ process: worker, call: 'accept',
		errors: ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'ECONNABORTED',
			'EINTR', 'EPROTO', 'EIO'] },
	{ process: worker, call: 'recv',
		errors: ['EIO', 'ENOMEM', 'ECONNRESET', 'EINTR', 'ETIMEDOUT'],
		short: true },
	{ process: worker, call: 'send',
		errors: ['EIO', 'ENOMEM', 'ENOBUFS', 'EPIPE', 'ECONNRESET', 'EINTR'],
		short: true },
	{ process: worker, call: 'epoll', errors: ['ENOMEM', 'ENOSPC'],
		anew: true },
	{ process: worker, call: 'epoll_wait', errors: ['EINTR'] },
	{ process: worker, call: 'malloc', errors: ['ENOMEM'] },
	{ process: worker, call: 'malloc', errors: ['ENOMEM'], anew: true },
	{ process: worker, call: 'mmap', errors: ['ENOMEM'], anew: true },
	{ process: worker, call: 'open', errors: ['EMFILE', 'EIO'], anew: true },
	{ process: worker, call: 'read', errors: ['EIO'], anew: true },
	{ process: worker, call: 'lock', errors: ['EIO', 'ENOLCK'], anew: true },
	{ process: worker, call: 'signalfd', errors: ['EMFILE'], anew: true },
	{ process: worker, call: 'eventfd', errors: ['EMFILE'], anew: true },
	{ process: worker, call: 'writev', errors: ['ENOSPC', 'EIO', 'EAGAIN'],
		short: true },
];
const sweeperPlan = [
	{ process: sweeper, call: 'write', errors: ['ENOSPC', 'EIO'],
		short: true },
	{ process: sweeper, call: 'fdatasync', errors: ['EIO'] },
	{ process: sweeper, call: 'fsync', errors: ['EIO'] },
	{ process: sweeper, call: 'open', errors: ['EMFILE', 'EIO'] },
	{ process: sweeper, call: 'read', errors: ['EIO'] },
	{ process: sweeper, call: 'malloc', errors: ['ENOMEM'] },
	...[['open', 'EMFILE'], ['read', 'EIO'], ['mmap', 'ENOMEM'],
		['lock', 'ENOLCK'], ['malloc', 'ENOMEM']].map(([call, error]) =>
		({ process: sweeper, call, errors: [error], anew: true })),
];
const rowsOf = (table) => table.flatMap(({ errors, short, ...row }) =>
	[...errors, ...short ? [undefined] : []]
		.map((error) => ({ ...row, error })));
// Where workers and the sweeper commit by themselves, they meet what a
// committer would.
const ofCommitter = plan.filter(({ process }) => process === committer);
const commits = ['pwrite', 'writev', 'fdatasync', 'malloc', 'lock'];
const rows = {
	'a committer': rowsOf([...plan, ...sweeperPlan]),
	'no committer': rowsOf([
		...ofCommitter.map((row) => ({ ...row, process: worker })),
		...ofCommitter.filter(({ call }) => commits.includes(call))
			.map((row) => ({ ...row, process: sweeper })),
		...sweeperPlan]),
};
const settingsOf = { 'a committer': {}, 'no committer': { committers: 0 } };
// The named ones are always among the sample.
const isNamed = ({ call, error }) => ['pwrite', 'fdatasync'].includes(call) &&
	['ENOSPC', 'EIO'].includes(error);

// Rows that are not struck, or seldom, and why.
const unstruck = [
	[/-commit: signalfd/, 'made before it has a name of its own'],
	[/-commit: epoll/, 'it waits at a futex'],
	[/: eventfd/, 'the supervisor makes the bells'],
	[/: fsync/, 'the store and an audit log that is there: fdatasync'],
	[/: msync/, 'nothing is written through the map'],
	[/(-commit|intentd): write:/, 'pages go by pwrite and writev, as lines'],
	[/a committer: intentd: writev: a part/, 'a line is one piece'],
	[/intentd-sweeper: writev/, 'its pages are seldom side by side'],
];

const figures = { rows: 0, struck: 0, unstruck: 0, ok: 0, refused: 0,
	unknown: 0, closed: 0 };
const growsMax = 4000; // payments, until a store is full
const nthMax = amount('FAULT_NTH', { short: 40, long: 400 });
const hits = new Hits(unstruck);
const seed = seedOf('FAULT_SEED');
const random = randomOf(seed);

// A fate may be unknown of what is at the disk, or under its lock.
const unknowable = ['pwrite', 'writev', 'fdatasync', 'lock'];

function count({ process, call }, { status, text }, writes) {
	figures[{ 200: 'ok', 201: 'ok', 503: 'refused', 500: 'unknown',
		0: 'closed' }[status] ?? assert.fail(`answered ${status}`)]++;
	assert.ok(status !== 500 || (writes && unknowable.includes(call)), text);
	assert.ok(status !== 0 || process === worker, 'the worker ends it');
}

// What each payment is made of, in both contracts: a request by the answers to
// those before it, undefined where one of them is missing.
const steps = {
	card: (number) => ['/v1/payment_intents', { key: `pay-${number}`,
		json: { amount: 2000, currency: 'usd', confirm: true,
			payment_method: 'pm_card_visa', description: `${number}` } }],
	refund: (number, { card }) => card && ['/v1/refunds', {
		key: `back-${number}`,
		json: { payment_intent: card.id, amount: 500 } }],
	coin: (number, _, merchant) => ['/v1/payment-intents', { json: {
		amount: 4.5, currency: 'usd', merchant_id: merchant,
		idempotency_key: `coin-${number}` } }],
	transfer: (number, { coin }) => coin && [
		`/v1/test-helpers/payment-intents/${coin.id}/pay`, { json: {
			tx_hash: `0x${number.toString(16).padStart(64, '0')}` } }],
};
const isDone = ({ status }) => [200, 201].includes(status);

let made = 0;

// Under a fault, and what came of it; who could not be answered is null.
async function payUnder(server, number, fault) {
	const answers = {};
	for (const [name, step] of Object.entries(steps)) {
		const asked = step(number, answers, server.shop);
		if (asked === undefined)
			continue;
		const answer = await server.request('POST', ...asked);
		count(fault, answer, true);
		if (isDone(answer))
			answers[name] = answer.body;
		if (name !== 'card')
			continue;
		const read = await server.request('GET',
			'/v1/payment_intents?limit=1');
		count(fault, read, false);
		if (fault.process !== worker)
			assert.equal(read.status, 200, 'reads go on');
	}
	return answers;
}

// A payment of each kind under a fault, and again without it.
async function pay(server, fault) {
	const number = ++made;
	if (fault.anew)
		await server.whenProcess(fault.process);
	server.faults.arm(fault);
	if (fault.anew)
		await server.kill(fault.process);
	const answers = await payUnder(server, number, fault);
	if (fault.process === sweeper)
		await server.whenSwept(() => server.faults.struck() > 0);
	const struck = server.faults.struck();
	server.faults.disarm();
	const ids = {};
	for (const [name, step] of Object.entries(steps)) {
		const { body } = await server.until('POST',
			...step(number, answers, server.shop), isDone);
		// One in coins is shown as it is now.
		if (name === 'coin')
			assert.equal(body.id, (answers[name] ?? body).id);
		else
			assert.deepEqual(body, answers[name] ?? body);
		answers[name] = body;
		ids[name] = body.id;
	}
	return { struck, ids };
}

// Each is there once, with one refund or transfer.
async function assertOnce(server) {
	const listed = async (path, name) => {
		const { data } = (await server.until('GET', path)).body;
		assert.deepEqual(data.map(({ id }) => id),
			server.paid.map((ids) => ids[name]).slice(-100).reverse());
		return data;
	};
	for (const { amount_received: received, charges } of
		await listed('/v1/payment_intents?limit=100', 'card')) {
		assert.equal(received, 2000);
		assert.equal(charges.data.length, 1);
		assert.equal(charges.data[0].amount_refunded, 500);
	}
	for (const { status, amount_received: received } of await listed(
		`/v1/payment-intents?limit=100&merchant_id=${server.shop}`,
		'coin'))
		assert.deepEqual([status, received], ['confirmed', 4.5]);
}

const nameOf = ({ process, call, error = 'a part', anew, stuck }) =>
	`${process}: ${call}: ${error}${anew ? ', anew' : ''}` +
	`${stuck ? ', for long' : ''}`;

// There are thousands of calls for memory at a start: some of them, over all.
const stride = 150;

const nthOf = ({ call, anew, grows }, i) => grows ? 1
	: anew && call === 'malloc' ? (i - 1) * stride + 1 + random(stride) : i;

// The first, the second call and so on, until none is hit any more.
async function sweep(server, row, { name, only }) {
	for (let i = only ?? 1; i <= (row.grows ? growsMax : nthMax); i++) {
		const { struck, ids } = await pay(server, { ...row,
			nth: nthOf(row, i), never: server.child.pid });
		server.paid.push(ids);
		hits.add(name, struck);
		figures[struck > 0 ? 'struck' : 'unstruck']++;
		if (row.grows ? struck > 0 : struck === 0 || only !== undefined)
			break;
	}
	await assertOnce(server);
	assert.deepEqual(crashesIn(server.newLog()).filter((line) =>
		row.call !== 'malloc' || !outOfMemory.test(line)), []);
	figures.rows++;
}

async function startToPay(t, settings) {
	const server = new Server(t, { settings: { ...settings,
		store_bytes_max: 256 * 1024 * 1024 } });
	server.settings.audit_log = join(server.home, 'audit.log');
	server.shop = server.merchant();
	server.paid = [];
	return server.start();
}

describe('one call that fails', () => {
	after(() => console.log(`# seed ${seed}: ${JSON.stringify(figures)}`));
	for (const [name, settings] of Object.entries(settingsOf))
		test(`with ${name}`, async (t) => {
			const server = await startToPay(t, settings);
			const rowName = (row) => `with ${name}: ${nameOf(row)}`;
			const chosen = isLong ? rows[name] : rows[name].filter((row) =>
				isNamed(row) || (!row.grows && random(6) === 0 &&
				!hits.isExcused(rowName(row))));
			for (const row of chosen)
				await t.test(nameOf(row), () => sweep(server, row, {
					name: rowName(row),
					only: isLong ? undefined : 1 + random(3) }));
			assert.deepEqual(server.verify().findings, []);
			await server.whenSwept();
			server.assertAudit();
		});
	test('no row is in vain', (t) => hits.settle(t));
});

// A disk that stays full, or out of order, for a while.
describe('a call that fails for long', () => {
	const stuck = { nth: 1, stuck: true };
	for (const row of [
		...['ENOSPC', 'EIO', ...isLong ? ['EDQUOT'] : []].map((error) =>
			({ process: committer, call: 'pwrite', error })),
		...['ENOSPC', ...isLong ? ['EIO'] : []].map((error) =>
			({ process: committer, call: 'fdatasync', error })),
	])
		test(nameOf({ ...row, ...stuck }), async (t) => {
			const server = await startFaulty(t);
			const intent = { json: { amount: 100, currency: 'usd' } };
			const before = (await server.until('POST',
				'/v1/payment_intents', intent)).body;
			server.faults.arm({ ...row, ...stuck });
			for (let i = 0; i < 4; i++) {
				const refused = await server.request('POST',
					'/v1/payment_intents', { ...intent, key: `${i}` });
				assert.ok([500, 503].includes(refused.status),
					`${refused.status}`);
				if (row.call === 'pwrite')
					assert.equal(refused.status, 503, refused.text);
				assert.deepEqual((await server.request('GET',
					`/v1/payment_intents/${before.id}`)).body, before);
			}
			assert.ok(server.faults.struck() >= 4);
			server.faults.disarm();
			const ids = [];
			for (let i = 0; i < 4; i++)
				ids.push((await server.until('POST',
					'/v1/payment_intents', { ...intent, key: `${i}` }))
					.body.id);
			const { data } = (await server.request('GET',
				'/v1/payment_intents?limit=10')).body;
			assert.deepEqual(data.map(({ id }) => id).sort(),
				[...ids, before.id].sort());
			assert.deepEqual(crashesIn(server.log()), []);
			assert.deepEqual(server.verify().findings, []);
		});
});
