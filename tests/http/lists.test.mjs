// Lists (README, section 7): limits, cursors both ways, filters, expand, and
// paging while rows are added.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createKey,
	createRefund, getIntent, intentIn, invalid, missing, until,
	visa } from './fixtures.mjs';
import { assertOk, assertRefused, encodeForm,
	startServer } from './harness.mjs';

const intents = '/v1/payment_intents';

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

async function list(path, query, options) {
	const answer = await request('GET',
		query ? `${path}?${encodeForm(query)}` : path, options);
	return assertOk(answer);
}

function idsOf({ data }) {
	return data.map(({ id }) => id);
}

// Makes things one after the other; the newest comes first.
async function makeMany(count, make) {
	const ids = [];
	for (let i = 0; i < count; i++)
		ids.unshift((await make(i)).id);
	return ids;
}

// All pages from the newest on.
async function allPages(path, query, options) {
	const pages = [];
	let more = {};
	do {
		const page = await list(path, { ...query, ...more }, options);
		pages.push(page);
		more = { starting_after: page.data.at(-1)?.id };
		assert.equal(page.next_cursor,
			page.has_more ? page.data.at(-1).id : null);
	} while (pages.at(-1).has_more);
	return pages;
}

// An account of its own, so that a list holds what its test has made.
async function ownAccount() {
	return { key: (await createAccount(server)).testKey };
}

describe('every list', () => {
	let owner;
	const made = {};

	before(async () => {
		owner = await ownAccount();
		const customer = await createCustomer(server, {}, owner);
		made.customers = [
			...await makeMany(6, () => createCustomer(server, {}, owner)),
			customer.id];
		made.payment_intents = await makeMany(7, () => createIntent(server,
			{ customer: customer.id, payment_method: visa, confirm: true },
			owner));
		const [intent] = made.payment_intents;
		made.refunds = await makeMany(7, () => createRefund(server,
			{ payment_intent: intent, amount: 1 }, owner));
		made.charges = await Promise.all(made.payment_intents.map(async (id) =>
			(await getIntent(server, id, owner)).latest_charge));
		const keys = await makeMany(6, () => createKey(server, {}, owner));
		const [first] = (await list('/v1/api_keys', { limit: 100 }, owner))
			.data.slice(-1);
		made.api_keys = [...keys, first.id];
	});

	const names = ['payment_intents', 'charges', 'refunds', 'customers',
		'api_keys'];
	for (const name of names) {
		const path = `/v1/${name}`;

		test(`${name}: newest first, in one page`, async () => {
			const page = await list(path, null, owner);
			assert.deepEqual(Object.keys(page).sort(),
				['data', 'has_more', 'next_cursor', 'object', 'url']);
			assert.deepEqual({ ...page, data: idsOf(page) }, {
				object: 'list', data: made[name], has_more: false,
				url: path, next_cursor: null });
		});

		test(`${name}: pages downwards`, async () => {
			const pages = await allPages(path, { limit: 3 }, owner);
			assert.deepEqual(pages.map(({ data }) => data.length), [3, 3, 1]);
			assert.deepEqual(pages.flatMap(idsOf), made[name]);
		});

		test(`${name}: a page that ends with the list`, async () => {
			const pages = await allPages(path, { limit: 7 }, owner);
			assert.equal(pages.length, 1);
		});

		test(`${name}: pages upwards`, async () => {
			const ids = made[name];
			const one = await list(path,
				{ limit: 3, ending_before: ids[6] }, owner);
			assert.deepEqual(idsOf(one), ids.slice(3, 6));
			assert.equal(one.has_more, true);
			const two = await list(path,
				{ limit: 3, ending_before: ids[3] }, owner);
			assert.deepEqual(idsOf(two), ids.slice(0, 3));
			assert.equal(two.has_more, false);
			const three = await list(path, { ending_before: ids[0] }, owner);
			assert.deepEqual(idsOf(three), []);
		});

		test(`${name}: next_cursor leads on upwards`, async () => {
			const seen = [];
			let cursor = made[name].at(-1);
			do {
				const page = await list(path,
					{ limit: 2, ending_before: cursor }, owner);
				seen.unshift(...idsOf(page));
				cursor = page.next_cursor;
				assert.equal(cursor, page.has_more ? page.data[0].id : null);
			} while (cursor !== null);
			assert.deepEqual(seen, made[name].slice(0, -1));
		});

		test(`${name}: after the last one there is nothing`, async () => {
			const page = await list(path,
				{ starting_after: made[name][6] }, owner);
			assert.deepEqual([idsOf(page), page.has_more, page.next_cursor],
				[[], false, null]);
		});

		test(`${name}: a page shows what retrieving shows`, async () => {
			const { data } = await list(path, { limit: 2 }, owner);
			for (const row of data)
				assert.deepEqual(row, assertOk(await request('GET',
					`${path}/${row.id}`, owner)));
		});

		for (const limit of ['0', '101', '-1', 'ten', '1.5', '', '1e1',
			'9'.repeat(20)])
			test(`${name}: no limit '${limit}'`, async () => {
				assertRefused(await request('GET', `${path}?limit=${limit}`),
					{ ...invalid, param: 'limit' });
			});

		test(`${name}: not both cursors`, async () => {
			const [first, second] = made[name];
			const answer = await request('GET', `${path}?starting_after=` +
				`${first}&ending_before=${second}`, owner);
			assertRefused(answer, invalid);
			assert.match(answer.body.error.param,
				/^(starting_after|ending_before)$/);
		});

		for (const cursor of ['starting_after', 'ending_before'])
			test(`${name}: a ${cursor} that names nothing`, async () => {
				const [id] = made[name];
				const prefix = id.slice(0, id.indexOf('_') + 1);
				for (const wrong of [`${prefix}nonexistent`, prefix, 'x',
					`${id}0`, `${id.slice(0, -3)}zzz`, ''])
					assertRefused(await request('GET',
						`${path}?${cursor}=${wrong}`, owner),
					{ ...invalid, param: cursor });
				assertRefused(await request('GET', `${path}?${cursor}=${id}`),
					{ ...invalid, param: cursor });
			});
	}
});

describe('the length of a page', () => {
	test('is ten unless said, and a hundred at most', async () => {
		const owner = await ownAccount();
		const ids = (await Promise.all(Array.from({ length: 101 },
			() => createCustomer(server, {}, owner)))).map(({ id }) => id);
		const ten = await list('/v1/customers', null, owner);
		assert.deepEqual([ten.data.length, ten.has_more], [10, true]);
		const hundred = await list('/v1/customers', { limit: 100 }, owner);
		assert.deepEqual([hundred.data.length, hundred.has_more],
			[100, true]);
		const [last] = await allPages('/v1/customers',
			{ limit: 100, starting_after: hundred.next_cursor }, owner);
		assert.deepEqual(new Set([...idsOf(hundred), ...idsOf(last)]),
			new Set(ids));
	});
});

// 25 of 50 pairs: more at once would be a body of more than 64 KiB.
function longestPairs(first) {
	const smile = '\u{1f642}';
	return Object.fromEntries(Array.from({ length: 25 }, (_, i) =>
		[`${smile.repeat(38)}${first + i}`, smile.repeat(500)]));
}

describe('the largest page', () => {
	// An intent with all that it can have, ten times over in its charges.
	async function createLargest(owner) {
		const { id } = await createIntent(server,
			{ metadata: longestPairs(10) }, owner);
		const path = `${intents}/${id}`;
		assertOk(await request('POST', path,
			{ ...owner, json: { metadata: longestPairs(35) } }));
		for (let i = 0; i < 11; i++)
			assertRefused(await request('POST', `${path}/confirm`,
				{ ...owner, json: { payment_method: 'pm_card_declined' } }),
			{ status: 402 });
		return id;
	}

	test('is shown whole beyond 32 MiB', async () => {
		const owner = await ownAccount();
		const ids = await Promise.all(Array.from({ length: 30 },
			() => createLargest(owner)));
		const answer = await request('GET', `${intents}?limit=100`, owner);
		const { data, has_more } = assertOk(answer);
		assert.ok(Buffer.byteLength(answer.text) > 32 << 20);
		assert.equal(has_more, false);
		assert.deepEqual(data.map(({ id }) => id), ids.sort().reverse());
		for (const { charges, metadata } of data) {
			assert.equal(Object.keys(metadata).length, 50);
			assert.deepEqual([charges.data.length, charges.has_more],
				[10, true]);
			for (const charge of charges.data)
				assert.deepEqual(charge.metadata, metadata);
		}
	});
});

describe('paging while rows are added', () => {
	test('downwards: nothing twice, nothing left out', async () => {
		const owner = await ownAccount();
		const ids = await makeMany(9, () => createIntent(server, {}, owner));
		const seen = [];
		let page = await list(intents, { limit: 2 }, owner);
		seen.push(...idsOf(page));
		while (page.has_more) {
			await createIntent(server, {}, owner);
			page = await list(intents,
				{ limit: 2, starting_after: page.next_cursor }, owner);
			seen.push(...idsOf(page));
		}
		assert.deepEqual(seen, ids);
	});

	test('upwards: what was added meanwhile comes, too', async () => {
		const owner = await ownAccount();
		const ids = await makeMany(4, () => createIntent(server, {}, owner));
		const seen = [ids.at(-1)];
		let added = 0;
		for (;;) {
			const page = await list(intents,
				{ limit: 2, ending_before: seen[0] }, owner);
			seen.unshift(...idsOf(page));
			if (added < 3) {
				added++;
				ids.unshift((await createIntent(server, {}, owner)).id);
			} else if (!page.has_more) {
				break;
			}
		}
		assert.deepEqual(seen, ids);
	});

	test('beside others who write at the same time', async () => {
		const owner = await ownAccount();
		const before = await makeMany(6, () => createIntent(server, {}, owner));
		let writing = true;
		const writers = Promise.all([1, 2].map(async () => {
			while (writing)
				await createIntent(server, {}, owner);
		}));
		try {
			for (let round = 0; round < 3; round++) {
				const seen = (await allPages(intents, { limit: 5 }, owner))
					.flatMap(idsOf);
				assert.equal(new Set(seen).size, seen.length);
				assert.deepEqual(seen.slice(-6), before);
				assert.deepEqual(seen, [...seen].sort().reverse());
			}
		} finally {
			writing = false;
			await writers;
		}
	});

	test('a customer who is deleted leaves the list, and stays a place in it', async () => {
		const owner = await ownAccount();
		const ids = await makeMany(5, () => createCustomer(server, {}, owner));
		assertOk(await request('DELETE', `/v1/customers/${ids[2]}`, owner));
		const left = await list('/v1/customers', null, owner);
		assert.deepEqual(idsOf(left), ids.filter((id) => id !== ids[2]));
		for (const at of [1, 2, 3]) {
			const page = await list('/v1/customers',
				{ starting_after: ids[at] }, owner);
			assert.deepEqual(idsOf(page), idsOf(left).slice(at < 2 ? 2 : at));
		}
	});
});

describe('filters', () => {
	let owner;
	const made = {};

	before(async () => {
		owner = await ownAccount();
		made.ada = await createCustomer(server, { name: 'Ada' }, owner);
		made.bob = await createCustomer(server, { name: 'Bob' }, owner);
		const pay = (customer) => createIntent(server,
			{ customer: customer.id, payment_method: visa, confirm: true },
			owner);
		made.ofAda = await makeMany(3, () => pay(made.ada));
		made.ofBob = await makeMany(2, () => pay(made.bob));
		made.others = await makeMany(2, () => createIntent(server, {}, owner));
	});

	test('intents of a customer', async () => {
		const query = { customer: made.ada.id };
		assert.deepEqual(idsOf(await list(intents, query, owner)), made.ofAda);
		const pages = await allPages(intents, { ...query, limit: 2 }, owner);
		assert.deepEqual(pages.flatMap(idsOf), made.ofAda);
	});

	test('a customer who was changed', async () => {
		const [id] = await makeMany(1, () => createIntent(server,
			{ customer: made.bob.id }, owner));
		const move = (customer) => request('POST', `${intents}/${id}`,
			{ ...owner, json: { customer } });
		assertOk(await move(made.ada.id));
		const ofAda = await list(intents, { customer: made.ada.id }, owner);
		const ofBob = await list(intents, { customer: made.bob.id }, owner);
		assert.deepEqual(idsOf(ofAda), [id, ...made.ofAda]);
		assert.deepEqual(idsOf(ofBob), made.ofBob);
		assertOk(await move(made.bob.id));
		assertOk(await move(''));
		for (const { id: customer } of [made.ada, made.bob])
			assert.ok(!idsOf(await list(intents, { customer }, owner))
				.includes(id));
	});

	test('charges of an intent and of a customer', async () => {
		const [id] = made.ofAda;
		const ofIntent = await list('/v1/charges', { payment_intent: id },
			owner);
		assert.deepEqual(ofIntent.data.map((row) => row.payment_intent), [id]);
		const ofBob = await list('/v1/charges', { customer: made.bob.id },
			owner);
		assert.deepEqual(ofBob.data.map((row) => row.payment_intent),
			made.ofBob);
		const both = (customer) => list('/v1/charges',
			{ payment_intent: id, customer: customer.id }, owner);
		assert.equal((await both(made.ada)).data.length, 1);
		assert.equal((await both(made.bob)).data.length, 0);
	});

	test('refunds of an intent', async () => {
		const [first, second] = made.ofAda;
		const refund = (payment_intent) => createRefund(server,
			{ payment_intent, amount: 1 }, owner);
		const ids = await makeMany(3, () => refund(first));
		await refund(second);
		assert.deepEqual(idsOf(await list('/v1/refunds',
			{ payment_intent: first }, owner)), ids);
	});

	test('a customer or intent that is not there', async () => {
		for (const [path, param, id] of [
			[intents, 'customer', 'cus_nonexistent'],
			['/v1/charges', 'customer', 'cus_nonexistent'],
			['/v1/charges', 'payment_intent', 'pi_nonexistent'],
			['/v1/refunds', 'payment_intent', 'pi_nonexistent']])
			assertRefused(await request('GET', `${path}?${param}=${id}`),
				{ ...missing, param });
	});

	test('a cursor outside of the filter is a place in time', async () => {
		const page = await list(intents, { customer: made.ada.id,
			starting_after: made.others[0] }, owner);
		assert.deepEqual(idsOf(page).slice(-3), made.ofAda);
	});
});

describe('created', () => {
	let owner;
	let ids;
	let times;

	// Two intents of one second, and one of a later second.
	before(async () => {
		owner = await ownAccount();
		const make = () => createIntent(server, {}, owner);
		const pair = await until(async () => [await make(), await make()],
			([one, two]) => one.created === two.created);
		const later = await until(make,
			({ created }) => created > pair[1].created);
		const { data } = await list(intents, { limit: 100,
			'created[lte]': pair[0].created }, owner);
		ids = data.map(({ id }) => id);
		times = { early: pair[0].created, late: later.created };
	});

	async function createdTimes(created) {
		const pages = await allPages(intents, { created, limit: 100 }, owner);
		return new Set(pages.flatMap(({ data }) =>
			data.map((row) => row.created)));
	}

	test('gt, gte, lt and lte are what they say', async () => {
		const { early, late } = times;
		assert.ok(!(await createdTimes({ gt: early })).has(early));
		assert.ok((await createdTimes({ gt: early })).has(late));
		assert.ok((await createdTimes({ gte: early })).has(early));
		assert.ok(!(await createdTimes({ lt: late })).has(late));
		assert.ok((await createdTimes({ lt: late })).has(early));
		assert.ok((await createdTimes({ lte: late })).has(late));
		assert.deepEqual(await createdTimes({ gte: early, lte: early }),
			new Set([early]));
		assert.deepEqual(await createdTimes({ gt: early, lt: early + 1 }),
			new Set());
		assert.deepEqual(await createdTimes({ gt: late, lt: early }),
			new Set());
	});

	test('goes with cursors', async () => {
		const early = { created: { lte: times.early } };
		const page = await list(intents,
			{ ...early, limit: 1, starting_after: ids[0] }, owner);
		assert.deepEqual(idsOf(page), ids.slice(1, 2));
		const up = await list(intents,
			{ ...early, limit: 100, ending_before: ids.at(-1) }, owner);
		assert.deepEqual(idsOf(up), ids.slice(0, -1));
	});

	test('takes the ends of time', async () => {
		for (const seconds of [0, 1, 2 ** 31, 2 ** 32, 17592186044,
			17592186045, 253402300799])
			for (const bound of ['gt', 'gte', 'lt', 'lte']) {
				const page = await list(intents,
					{ created: { [bound]: seconds }, limit: 1 }, owner);
				const past = seconds < times.early;
				const has = bound.startsWith('g') === past;
				assert.equal(page.data.length, has ? 1 : 0,
					`${bound} ${seconds}`);
			}
	});

	const wrong = { 'created[gt]=x': 'created[gt]',
		'created[gte]=-1': 'created[gte]', 'created[lt]=1.5': 'created[lt]',
		'created[lte]=253402300800': 'created[lte]',
		'created[lte]=99999999999999999999': 'created[lte]',
		'created[since]=1': 'created[since]', 'created=1': 'created',
		'created[]=1': 'created[]', 'created[gt][lt]=1': 'created[gt]',
		'created[gt]=1&created[gt]=2': 'created[gt]' };
	for (const [query, param] of Object.entries(wrong))
		test(`refuses ${query}`, async () => {
			const answer = await request('GET', `${intents}?${query}`);
			assertRefused(answer, invalid);
			assert.ok(answer.body.error.param.startsWith(param));
		});
});

describe('expand', () => {
	test('puts the customer in place of the id', async () => {
		const customer = await createCustomer(server,
			{ name: 'Ada', metadata: { a: '1' } });
		const json = { amount: 1, currency: 'usd', customer: customer.id };
		const made = assertOk(await request('POST', intents,
			{ json: { ...json, expand: ['customer'] } }));
		assert.deepEqual(made.customer, customer);
		const path = `${intents}/${made.id}`;
		for (const query of ['expand[]=customer', 'expand[0]=customer'])
			assert.deepEqual(assertOk(await request('GET',
				`${path}?${query}`)).customer, customer);
		assert.equal((await getIntent(server, made.id)).customer, customer.id);
		for (const action of ['', '/confirm'])
			assert.deepEqual(assertOk(await request('POST', path + action,
				{ form: { payment_method: visa, expand: ['customer'] } }))
				.customer, customer);
	});

	test('leaves null where there is no customer', async () => {
		const { id } = await createIntent(server);
		assert.equal(assertOk(await request('GET',
			`${intents}/${id}?expand[]=customer`)).customer, null);
	});

	for (const query of ['expand[]=charges', 'expand=customer', 'expand[]=',
		'expand[a]=customer', 'expand[][]=customer'])
		test(`refuses ${query}`, async () => {
			const { id } = await createIntent(server);
			const answer = await request('GET', `${intents}/${id}?${query}`);
			assertRefused(answer, invalid);
			assert.match(answer.body.error.param, /^expand/);
		});

	test('a deleted customer is shown as such', async () => {
		const customer = await createCustomer(server, { name: 'Ada' });
		const { id } = await createIntent(server, { customer: customer.id });
		assertOk(await request('DELETE', `/v1/customers/${customer.id}`));
		assert.deepEqual(assertOk(await request('GET',
			`${intents}/${id}?expand[]=customer`)).customer,
		{ id: customer.id, object: 'customer', deleted: true });
	});
});

describe('the charges in an intent', () => {
	test('are its newest ten; the list has all', async () => {
		const { id } = await createIntent(server);
		const fail = () => request('POST', `${intents}/${id}/confirm`,
			{ json: { payment_method: 'pm_card_declined' } });
		for (let i = 0; i < 10; i++)
			assertRefused(await fail(), { status: 402 });
		const ten = (await getIntent(server, id)).charges;
		assert.deepEqual([ten.object, ten.data.length, ten.has_more],
			['list', 10, false]);
		await fail();
		const { charges } = await getIntent(server, id);
		assert.deepEqual([charges.data.length, charges.has_more], [10, true]);
		const all = await list('/v1/charges', { payment_intent: id, limit: 100 });
		assert.equal(all.data.length, 11);
		assert.deepEqual(charges.data, all.data.slice(0, 10));
	});
});
