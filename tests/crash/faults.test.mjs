// Calls of the system and of the heap that fail, each of them in turn, while
// requests are served: what was answered 2xx is there, what was not is done
// once by the same key, nobody hangs, and no operator is needed.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { crashesIn, outOfMemory, randomOf, startFaulty } from './faulty.mjs';

const committer = 'intentd-commit';
const worker = 'intentd';
const sweeper = 'intentd-sweeper';

// Which calls of which processes fail how: all of them in the long form.
const plan = [
	{ process: committer, call: 'pwrite',
		errors: ['ENOSPC', 'EIO', 'EDQUOT', 'EFBIG', 'ENOMEM', 'EINTR'],
		short: true },
	{ process: committer, call: 'writev', errors: ['ENOSPC', 'EIO'],
		short: true },
	{ process: committer, call: 'fdatasync', errors: ['EIO', 'ENOSPC'] },
	{ process: committer, call: 'malloc', errors: ['ENOMEM'] },
	{ process: committer, call: 'mmap', errors: ['ENOMEM'] },
	{ process: committer, call: 'open', errors: ['EMFILE', 'EIO', 'ENOMEM'] },
	{ process: committer, call: 'ftruncate', errors: ['ENOSPC', 'EIO'] },
	{ process: committer, call: 'lock', errors: ['EIO', 'ENOLCK'] },
	{ process: committer, call: 'write', errors: ['ENOSPC', 'EIO'],
		short: true },
	{ process: worker, call: 'accept',
		errors: ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'ECONNABORTED',
			'EINTR', 'EPROTO', 'EIO'] },
	{ process: worker, call: 'recv',
		errors: ['EIO', 'ENOMEM', 'ECONNRESET', 'EINTR', 'ETIMEDOUT'],
		short: true },
	{ process: worker, call: 'send',
		errors: ['EIO', 'ENOMEM', 'ENOBUFS', 'EPIPE', 'ECONNRESET', 'EINTR'],
		short: true },
	{ process: worker, call: 'epoll', errors: ['ENOMEM', 'ENOSPC'] },
	{ process: worker, call: 'epoll_wait', errors: ['EINTR'] },
	{ process: worker, call: 'malloc', errors: ['ENOMEM'] },
	{ process: worker, call: 'mmap', errors: ['ENOMEM'] },
	{ process: worker, call: 'open', errors: ['EMFILE', 'EIO'] },
	{ process: worker, call: 'write', errors: ['ENOSPC', 'EIO', 'EAGAIN'],
		short: true },
	{ process: sweeper, call: 'write', errors: ['ENOSPC', 'EIO'],
		short: true },
	{ process: sweeper, call: 'fdatasync', errors: ['EIO'] },
	{ process: sweeper, call: 'open', errors: ['EMFILE', 'EIO'] },
	{ process: sweeper, call: 'malloc', errors: ['ENOMEM'] },
];
const rowsOf = (table) => table.flatMap(({ errors, short, ...row }) =>
	[...errors, ...short ? [undefined] : []]
		.map((error) => ({ ...row, error })));
// Where workers commit by themselves, they meet what a committer would.
const rows = {
	'a committer': rowsOf(plan),
	'no committer': rowsOf(plan.filter(({ process }) => process === committer)
		.map((row) => ({ ...row, process: worker }))),
};
const settingsOf = { 'a committer': {}, 'no committer': { committers: 0 } };
// The named ones are always among the sample.
const isNamed = ({ call, error }) => ['pwrite', 'fdatasync'].includes(call) &&
	['ENOSPC', 'EIO'].includes(error);

const figures = { rows: 0, struck: 0, unstruck: 0, ok: 0, refused: 0,
	unknown: 0, closed: 0 };
const nthMax = amount('FAULT_NTH', { short: 40, long: 400 });
const seed = seedOf('FAULT_SEED');
const random = randomOf(seed);

function count({ status }) {
	figures[{ 200: 'ok', 503: 'refused', 500: 'unknown', 0: 'closed' }[status]
		?? assert.fail(`answered ${status}`)]++;
}

let made = 0;

// A payment and a refund of a part of it, with keys, under a fault; then both
// again without it.
async function pay(server, fault) {
	const number = ++made;
	const create = { key: `pay-${number}`, json: { amount: 2000,
		currency: 'usd', payment_method: 'pm_card_visa', confirm: true,
		description: `${number}` } };
	server.faults.arm(fault);
	const first = await server.request('POST', '/v1/payment_intents', create);
	count(first);
	const read = await server.request('GET', '/v1/payment_intents?limit=1');
	count(read);
	if (fault.process !== worker && !fault.stuck)
		assert.equal(read.status, 200, 'reads go on');
	let refund = {};
	const back = () => ({ key: `back-${number}`, json: {
		payment_intent: first.body.id, amount: 500 } });
	if (first.status === 200) {
		refund = await server.request('POST', '/v1/refunds', back());
		count(refund);
	}
	const struck = server.faults.struck();
	server.faults.disarm();
	const done = (answer) => answer.status === 200;
	const again = await server.until('POST', '/v1/payment_intents', create,
		done);
	if (first.status === 200)
		assert.deepEqual(again.body, first.body);
	first.body = again.body;
	const refunded = await server.until('POST', '/v1/refunds', back(), done);
	if (refund.status === 200)
		assert.deepEqual(refunded.body, refund.body);
	return { struck, id: again.body.id };
}

// Each is there once, with one refund.
async function assertOnce(server) {
	const { ids } = server;
	const { data } = (await server.until('GET',
		'/v1/payment_intents?limit=100')).body;
	assert.deepEqual(data.map(({ id }) => id), ids.slice(-100).reverse());
	for (const { amount_received: received, charges } of data) {
		assert.equal(received, 2000);
		assert.equal(charges.data.length, 1);
		assert.equal(charges.data[0].amount_refunded, 500);
	}
}

// The first, the second call and so on, until none is hit any more.
async function sweep(server, row, only) {
	for (let nth = only ?? 1; nth <= nthMax; nth++) {
		const { struck, id } = await pay(server,
			{ ...row, nth, never: server.child.pid });
		server.ids.push(id);
		figures[struck > 0 ? 'struck' : 'unstruck']++;
		if (struck === 0 || only !== undefined)
			break;
	}
	await assertOnce(server);
	assert.deepEqual(crashesIn(server.newLog()).filter((line) =>
		row.call !== 'malloc' || !outOfMemory.test(line)), []);
	figures.rows++;
}

const nameOf = ({ process, call, error = 'a part', stuck }) =>
	`${process}: ${call}: ${error}${stuck ? ', for long' : ''}`;

describe('one call that fails', () => {
	after(() => console.log(`# seed ${seed}: ${JSON.stringify(figures)}`));
	for (const [name, settings] of Object.entries(settingsOf))
		test(`with ${name}`, async (t) => {
			const server = Object.assign(await startFaulty(t, { settings }),
				{ ids: [] });
			const chosen = isLong ? rows[name] : rows[name]
				.filter((row) => isNamed(row) || random(4) === 0);
			for (const row of chosen)
				await t.test(nameOf(row), () => sweep(server, row,
					isLong ? undefined : 1 + random(3)));
			assert.deepEqual(server.verify().findings, []);
		});
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
