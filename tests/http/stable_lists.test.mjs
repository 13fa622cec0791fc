// Lists of the stable contract: filters, total_count, cursors and limits.
// The rows come from three days, by a server whose clock was moved.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertOk, assertRefused, startServer } from './harness.mjs';
import { cancel, coinIn, createCoin, createCoinAccount, createMerchant, idsOf,
	intents, listOf, pay, refusal, transactions } from './stable_fixtures.mjs';
import { assertStableShape } from './stable_shapes.mjs';

const day = 86400;
const days = 3;
const invalidOf = (param) => ({ ...refusal.invalid, param });

let server;
const made = []; // by day: {status: [intents]}
let account;

const options = () =>
	({ key: account.testKey, merchantId: account.merchantId });
const key = () => ({ key: account.testKey });

// On each day: two awaited for long, one confirmed, one cancelled, one settled.
async function fill() {
	const kept = { awaiting_payment: [], confirmed: [], cancelled: [],
		settled: [] };
	for (const status of ['awaiting_payment', ...Object.keys(kept)])
		kept[status].push(await coinIn(server, status, options(),
			{ ttl: 3600 }));
	made.push(kept);
}

before(async () => {
	server = await startServer();
	account = await createCoinAccount(server);
	await fill();
	for (let i = 1; i < days; i++) {
		const { home } = server;
		await server.halt();
		server = await startServer({ home,
			settings: { clock_offset_s: i * day } });
		await fill();
	}
});

after(() => server.stop());

const list = (path, query) => listOf(server, path, query, options());
const ask = (path, query) => server.request('GET', `${path}?${
	new URLSearchParams({ merchant_id: account.merchantId, ...query })}`,
key());
const oldestFirst = (statuses) => made.flatMap((kept) =>
	Object.values(kept).flat())
	.filter(({ status }) => !statuses || statuses.includes(status))
	.map(({ id }) => id).sort();
const newestFirst = (statuses) => oldestFirst(statuses).reverse();

// All pages from one end to the other.
async function walk(path, query, limit) {
	const found = [];
	let page = await list(path, { ...query, limit });
	for (;;) {
		assert.ok(page.data.length <= limit);
		found.push(...page.data);
		if (!page.has_more)
			return found.map(({ id }) => id);
		page = await list(path, { ...query, limit,
			starting_after: page.data.at(-1).id });
	}
}

async function walkBack(path, query, limit, first) {
	const found = [];
	let cursor = first;
	for (;;) {
		const page = await list(path,
			{ ...query, limit, ending_before: cursor });
		found.unshift(...page.data);
		if (!page.has_more)
			return found.map(({ id }) => id);
		cursor = page.data[0].id;
	}
}

describe('a page', () => {
	test('has the members of the contract, newest first', async () => {
		const page = await list(intents);
		assert.deepEqual(Object.keys(page).sort(),
			['data', 'has_more', 'object', 'total_count']);
		assert.equal(page.object, 'list');
		assert.equal(page.has_more, false);
		assert.equal(page.total_count, 5 * days);
		assert.deepEqual(idsOf(page), newestFirst());
		for (const one of page.data)
			assertStableShape(one, 'payment_intent');
	});

	test('of transactions has one for each payment', async () => {
		const page = await list(transactions);
		assert.equal(page.total_count, 2 * days);
		assert.deepEqual(page.data.map((one) => one.payment_intent_id),
			newestFirst(['confirmed', 'settled']));
		for (const one of page.data)
			assertStableShape(one, 'transaction');
	});

	test('of a merchant without any is empty', async () => {
		const { id } = await createMerchant(server, account.id);
		for (const path of [intents, transactions])
			assert.deepEqual(await listOf(server, path, {},
				{ ...key(), merchantId: id }), { object: 'list', data: [],
				has_more: false, total_count: 0 });
	});

	test('of live mode has none of test mode', async () => {
		const live = { ...options(), key: account.liveKey };
		for (const path of [intents, transactions])
			assert.equal((await listOf(server, path, {}, live)).total_count, 0);
	});
});

describe('a limit', () => {
	test('is 25 where none is given', async () => {
		const other = await createCoinAccount(server, '--fee-rate', '0');
		const its = { key: other.testKey, merchantId: other.merchantId };
		await Promise.all(Array.from({ length: 27 }, () =>
			createCoin(server, {}, its).then(({ id }) =>
				pay(server, id, {}, { key: other.testKey }))));
		for (const path of [intents, transactions]) {
			const page = await listOf(server, path, {}, its);
			assert.equal(page.data.length, 25);
			assert.equal(page.has_more, true);
			assert.equal(page.total_count, 27);
			const whole = await listOf(server, path, { limit: 100 }, its);
			assert.equal(whole.data.length, 27);
		}
	});

	for (const [limit, has] of [[1, 1], [2, 2], [15, 15], [100, 15]])
		test(`of ${limit} is taken`, async () => {
			const page = await list(intents, { limit });
			assert.equal(page.data.length, has);
			assert.equal(page.has_more, limit < 15);
			assert.equal(page.total_count, 15);
		});

	for (const path of [intents, transactions])
		for (const limit of [0, 101, -1, 1.5, 'x', '', '1e1'])
			test(`of "${limit}" is refused on ${path}`, async () => {
				assertRefused(await ask(path, { limit }), invalidOf('limit'));
			});
});

describe('cursors', () => {
	const tables = [[intents, {}, () => newestFirst()],
		[intents, { status: 'awaiting_payment' }, null],
		[intents, { status: 'expired' }, null],
		[intents, { status: 'settled' }, () => newestFirst(['settled'])],
		[transactions, {}, null],
		[transactions, { status: 'confirmed' }, null]];
	for (const [path, query, wanted] of tables)
		for (const limit of [1, 2, 3, 7])
			test(`${path} ${query.status ?? ''} by ${limit}, both ways`,
				async () => {
					const all = idsOf(await list(path,
						{ ...query, limit: 100 }));
					if (wanted)
						assert.deepEqual(all, wanted());
					assert.ok(all.length >= 2);
					assert.deepEqual(await walk(path, query, limit), all);
					assert.deepEqual(await walkBack(path, query, limit,
						all.at(-1)), all.slice(0, -1));
				});

	test('total_count is of all pages', async () => {
		const first = await list(intents, { limit: 4 });
		const next = await list(intents,
			{ limit: 4, starting_after: first.data.at(-1).id });
		const back = await list(intents,
			{ limit: 4, ending_before: next.data[0].id });
		for (const page of [first, next, back])
			assert.equal(page.total_count, 15);
		assert.deepEqual(back.data, first.data);
	});

	test('stay where they are while rows are added', async () => {
		const other = await createCoinAccount(server);
		const its = { key: other.testKey, merchantId: other.merchantId };
		const old = [];
		for (let i = 0; i < 4; i++)
			old.unshift((await createCoin(server, {}, its)).id);
		const first = await listOf(server, intents, { limit: 2 }, its);
		await createCoin(server, {}, its);
		const second = await listOf(server, intents,
			{ limit: 2, starting_after: first.data[1].id }, its);
		assert.deepEqual([...idsOf(first), ...idsOf(second)], old);
		assert.equal(second.total_count, 5);
	});

	test('may name an object that the filter has not', async () => {
		const [cursor] = made[1].cancelled;
		const page = await list(intents,
			{ status: 'settled', starting_after: cursor.id });
		assert.deepEqual(idsOf(page), newestFirst(['settled'])
			.filter((id) => id < cursor.id));
	});

	test('not both at a time', async () => {
		const [{ id }] = made[0].confirmed;
		assertRefused(await ask(intents,
			{ starting_after: id, ending_before: id }),
		invalidOf('ending_before'));
	});

	for (const name of ['starting_after', 'ending_before'])
		for (const [path, own, foreign] of [[intents, 'pi', 'txn'],
			[transactions, 'txn', 'pi']])
			test(`${name} of ${path} names an object of the caller`,
				async () => {
					for (const cursor of [`${own}_${'0'.repeat(26)}`,
						`${own}_1`, 'x', '', `${foreign}_${'0'.repeat(26)}`])
						assertRefused(await ask(path, { [name]: cursor }),
							invalidOf(name));
				});
});

describe('a status', () => {
	const wanted = {
		confirmed: () => newestFirst(['confirmed']),
		cancelled: () => newestFirst(['cancelled']),
		settled: () => newestFirst(['settled']),
		// Those of the days before, which nobody paid.
		expired: () => newestFirst(['awaiting_payment'])
			.filter((id) => !made[days - 1].awaiting_payment
				.some((one) => one.id === id)),
		awaiting_payment: () => made[days - 1].awaiting_payment
			.map(({ id }) => id).reverse(),
	};
	for (const [status, ids] of Object.entries(wanted))
		test(`of intents: ${status}`, async () => {
			const page = await list(intents, { status });
			assert.deepEqual(idsOf(page), ids());
			assert.equal(page.total_count, ids().length);
			for (const one of page.data)
				assert.equal(one.status, status);
		});

	for (const [status, count] of [['confirmed', days], ['settled', days],
		['failed', 0]])
		test(`of transactions: ${status}`, async () => {
			const page = await list(transactions, { status });
			assert.equal(page.total_count, count);
			assert.equal(page.data.length, count);
			for (const one of page.data)
				assert.equal(one.status, status);
		});

	test('that there is not is refused', async () => {
		for (const status of ['Confirmed', 'canceled', 'succeeded', ''])
			assertRefused(await ask(intents, { status }),
				invalidOf('status'));
		for (const status of ['awaiting_payment', 'expired', 'late', ''])
			assertRefused(await ask(transactions, { status }),
				invalidOf('status'));
	});

	test('follows what happens', async () => {
		const count = async (status) =>
			(await list(intents, { status })).total_count;
		const counts = async () => [await count('awaiting_payment'),
			await count('confirmed'), await count('cancelled')];
		const before = await counts();
		const one = await createCoin(server, {}, options());
		const other = await createCoin(server, {}, options());
		const opened = await counts();
		await pay(server, one.id, {}, key());
		await cancel(server, other.id, {}, key());
		made[days - 1].confirmed.push({ ...one, status: 'confirmed' });
		made[days - 1].cancelled.push({ ...other, status: 'cancelled' });
		assert.deepEqual(opened, [before[0] + 2, before[1], before[2]]);
		assert.deepEqual(await counts(),
			[before[0], before[1] + 1, before[2] + 1]);
	});
});

describe('times', () => {
	const shift = (time, seconds) => new Date(Date.parse(time) +
		seconds * 1000).toISOString().replace('.000', '');
	const edges = () => made.map((kept) => {
		const times = Object.values(kept).flat()
			.map((one) => one.created_at).sort();
		return { first: times[0], last: times.at(-1) };
	});
	const ofDays = (...wanted) => made.flatMap((kept, i) =>
		wanted.includes(i) ? Object.values(kept).flat() : [])
		.map(({ id }) => id).sort().reverse();

	async function finds(query, ...wanted) {
		const page = await list(intents, { limit: 100, ...query });
		assert.deepEqual(idsOf(page), ofDays(...wanted));
		assert.equal(page.total_count, ofDays(...wanted).length);
	}

	test('created_after and created_before leave out that very second',
		async () => {
			const [one, two, three] = edges();
			await finds({ created_after: shift(one.first, -1) }, 0, 1, 2);
			await finds({ created_after: one.last }, 1, 2);
			await finds({ created_before: two.first }, 0);
			await finds({ created_before: shift(three.last, 1) }, 0, 1, 2);
			await finds({ created_after: one.last,
				created_before: three.first }, 1);
			await finds({ created_after: three.last });
			await finds({ created_after: three.last,
				created_before: one.first });
		});

	test('with a status, total_count is of both filters', async () => {
		const [, two] = edges();
		const page = await list(intents, { limit: 1, status: 'expired',
			created_after: shift(two.first, -1) });
		assert.equal(page.total_count, 2);
		assert.equal(page.has_more, true);
		assert.equal(page.data[0].status, 'expired');
	});

	test('date_from and date_to take that very second in', async () => {
		const { data } = await list(transactions, { limit: 100 });
		const times = data.map((one) => one.confirmed_at);
		const between = async (from, to) => (await list(transactions,
			{ date_from: from, date_to: to })).total_count;
		assert.equal(await between(times.at(-1), times[0]), data.length);
		assert.equal(await between(times[0], times[0]),
			times.filter((time) => time === times[0]).length);
		assert.equal(await between(shift(times[0], 1), shift(times[0], 9)), 0);
		assert.equal(await between(shift(times.at(-1), -9),
			shift(times.at(-1), -1)), 0);
		const page = await list(transactions,
			{ date_to: shift(times.at(-1), day / 2), status: 'settled' });
		assert.equal(page.total_count, 1);
	});

	for (const time of ['2026-01-02', '1700000000', 'yesterday', '',
		'2026-02-30T00:00:00Z', '2026-01-02T03:04:05+01:00',
		'2026-01-02 03:04:05Z'])
		test(`"${time}" is no time`, async () => {
			for (const name of ['created_after', 'created_before'])
				assertRefused(await ask(intents, { [name]: time }),
					invalidOf(name));
			for (const name of ['date_from', 'date_to'])
				assertRefused(await ask(transactions, { [name]: time }),
					invalidOf(name));
		});
});

describe('the merchant of a list', () => {
	test('must be named', async () => {
		for (const path of [intents, transactions])
			assertRefused(await server.request('GET', path, key()),
				{ ...refusal.missing, param: 'merchant_id' });
	});

	test('need not be where the key is bound to it', async () => {
		const { secret } = await server.ctl('key', 'create',
			'--account', account.id, '--mode', 'test', '--type', 'secret',
			'--merchant', account.merchantId);
		for (const path of [intents, transactions]) {
			const page = assertOk(await server.request('GET', path,
				{ key: secret }));
			assert.deepEqual(page, await list(path));
		}
	});

	test('has its own rows alone', async () => {
		const { id } = await createMerchant(server, account.id);
		const its = { ...key(), merchantId: id };
		const one = await coinIn(server, 'confirmed', its);
		assert.deepEqual(idsOf(await listOf(server, intents, {}, its)),
			[one.id]);
		assert.equal((await listOf(server, transactions, {}, its))
			.total_count, 1);
		assert.ok(!(await list(intents, { limit: 100 })).data
			.some((row) => row.id === one.id));
	});

	test('what the list does not have is refused', async () => {
		for (const [path, name] of [[intents, 'date_from'],
			[transactions, 'created_after'], [intents, 'currency'],
			[transactions, 'payment_intent_id']])
			assertRefused(await ask(path, { [name]: 'x' }), invalidOf(name));
	});
});
