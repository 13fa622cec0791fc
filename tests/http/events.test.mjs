// Events of the card contract: what happened, with the object as it then was.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createKey,
	createRefund, getIntent, intentIn, invalid, missing, operatorKey,
	restrictedKey, visa } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { assertShape } from './shapes.mjs';
import { coinIn, createCoinAccount } from './stable_fixtures.mjs';
import { cardEvents, createEndpoint, events, listEvents, stableEvents,
} from './webhook_fixtures.mjs';

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

const request = (method, path, options) =>
	server.request(method, path, options);

// An account of its own, so that its events are those of its test.
async function ownAccount() {
	return { key: (await createAccount(server)).testKey };
}

const typesOf = (found) => found.map(({ type }) => type);

async function confirm(id, owner, json = { payment_method: visa }) {
	return assertOk(await request('POST',
		`/v1/payment_intents/${id}/confirm`, { ...owner, json }));
}

describe('an event', () => {
	test('has the object as it was', async () => {
		const owner = await ownAccount();
		const made = await createIntent(server, { description: 'first' },
			owner);
		const [event] = await listEvents(server, {}, owner);
		assertShape(event, 'event');
		assert.deepEqual({ ...event, id: 0 }, { id: 0, object: 'event',
			type: 'payment_intent.created', created: made.created,
			livemode: false, api_version: '2026-04-01',
			data: { object: made } });
		await confirm(made.id, owner);
		const again = assertOk(await request('GET',
			`${events}/${event.id}`, owner));
		assert.deepEqual(again, event);
		assert.equal((await getIntent(server, made.id, owner)).status,
			'succeeded');
	});

	test('is the same in a list and by itself', async () => {
		const owner = await ownAccount();
		await intentIn(server, 'succeeded', owner);
		const all = await listEvents(server, {}, owner);
		assert.ok(all.length > 1);
		for (const event of all)
			assert.deepEqual(assertOk(await request('GET',
				`${events}/${event.id}`, owner)), event);
	});

	test('of live mode says so', async () => {
		const { liveKey: key } = await createAccount(server);
		await createCustomer(server, {}, { key });
		const [event] = await listEvents(server, {}, { key });
		assert.deepEqual([event.livemode, event.data.object.livemode],
			[true, true]);
	});
});

// What is done, and what is then said: each type that the sandbox brings
// about, by itself.
const stories = {
	'payment_intent.created': (owner) => createIntent(server, {}, owner),
	'payment_intent.requires_action': (owner) =>
		intentIn(server, 'requires_action', owner),
	'payment_intent.processing': (owner) =>
		intentIn(server, 'processing', owner),
	'payment_intent.amount_capturable_updated': (owner) =>
		intentIn(server, 'requires_capture', owner),
	'payment_intent.succeeded': (owner) =>
		intentIn(server, 'succeeded', owner),
	'charge.succeeded': (owner) => intentIn(server, 'succeeded', owner),
	'payment_intent.canceled': (owner) =>
		intentIn(server, 'canceled', owner),
	'payment_intent.payment_failed': (owner) => declined(owner),
	'charge.failed': (owner) => declined(owner),
	'charge.captured': async (owner) => {
		const { id } = await intentIn(server, 'requires_capture', owner);
		return assertOk(await request('POST',
			`/v1/payment_intents/${id}/capture`, owner));
	},
	'charge.refunded': (owner) => refunded(owner),
	'refund.created': (owner) => refunded(owner),
	'customer.created': (owner) => createCustomer(server, {}, owner),
	'customer.updated': async (owner) => {
		const { id } = await createCustomer(server, {}, owner);
		return assertOk(await request('POST', `/v1/customers/${id}`,
			{ ...owner, json: { name: 'Ada' } }));
	},
	'customer.deleted': async (owner) => {
		const { id } = await createCustomer(server, {}, owner);
		return assertOk(await request('DELETE', `/v1/customers/${id}`,
			owner));
	},
};

async function declined(owner) {
	const made = await createIntent(server,
		{ payment_method: 'pm_card_declined' }, owner);
	const answer = await request('POST',
		`/v1/payment_intents/${made.id}/confirm`, owner);
	assertRefused(answer, { status: 402, code: 'card_declined' });
	return made;
}

async function refunded(owner) {
	const { id } = await intentIn(server, 'succeeded', owner);
	return createRefund(server, { payment_intent: id }, owner);
}

describe('the types', () => {
	for (const [type, act] of Object.entries(stories))
		test(`${type} is one that can be asked for`, async () => {
			const owner = await ownAccount();
			await act(owner);
			const all = await listEvents(server, {}, owner);
			const wanted = all.filter((event) => event.type === type);
			assert.equal(wanted.length, 1, String(typesOf(all)));
			assert.deepEqual(await listEvents(server, { type }, owner),
				wanted);
			const [{ data: { object } }] = wanted;
			assert.equal(object.object, type.split('.')[0]);
			if (type !== 'customer.deleted')
				assertShape(object, object.object);
		});

	test('that nothing has happened of have an empty list', async () => {
		const owner = await ownAccount();
		await createCustomer(server, {}, owner);
		for (const type of cardEvents)
			assert.deepEqual(typesOf(await listEvents(server, { type },
				owner)), type === 'customer.created' ? [type] : []);
	});
});

describe('the list', () => {
	let owner;
	let ids;

	before(async () => {
		owner = await ownAccount();
		for (let i = 0; i < 3; i++) {
			await createCustomer(server, {}, owner);
			await createIntent(server, {}, owner);
		}
		ids = (await listEvents(server, {}, owner)).map(({ id }) => id);
	});

	const page = async (query) => assertOk(await request('GET',
		`${events}?${query}`, owner));
	const idsOf = ({ data }) => data.map(({ id }) => id);

	test('is newest first', () => {
		assert.equal(ids.length, 6);
		assert.deepEqual(ids, [...ids].sort().reverse());
	});

	test('is paged both ways', async () => {
		const first = await page('limit=2');
		assert.deepEqual({ ...first, data: idsOf(first) }, { object: 'list',
			data: ids.slice(0, 2), has_more: true, url: events,
			next_cursor: ids[1] });
		const rest = await page(`starting_after=${ids[1]}`);
		assert.deepEqual([idsOf(rest), rest.has_more],
			[ids.slice(2), false]);
		assert.deepEqual(idsOf(await page(
			`limit=2&ending_before=${ids[5]}`)), ids.slice(3, 5));
	});

	test('is paged by type', async () => {
		const type = 'type=customer.created';
		const all = idsOf(await page(type));
		assert.equal(all.length, 3);
		const [first, rest] = [await page(`${type}&limit=1`),
			await page(`${type}&starting_after=${all[0]}`)];
		assert.deepEqual([...idsOf(first), ...idsOf(rest)], all);
		assert.equal(first.has_more, true);
	});

	const refused = {
		'an unknown type': ['type=payment_intent.paid', 'type'],
		'a type of the other contract': [`type=${stableEvents[0]}`, 'type'],
		'the type of pings': ['type=endpoint.ping', 'type'],
		'a star': ['type=*', 'type'],
		'an empty type': ['type=', 'type'],
		'two types': ['type[]=customer.created', 'type[]'],
		'a limit of nothing': ['limit=0', 'limit'],
		'a limit of too many': ['limit=101', 'limit'],
		'a cursor of another kind': ['starting_after=pi_1',
			'starting_after'],
		'a cursor that is not there': [
			'starting_after=evt_0t40xz8zsw9hvye44hyhzk0fm1',
			'starting_after'],
		'a parameter that it does not have': ['created[gt]=1',
			'created[gt]'],
	};
	for (const [what, [query, param]] of Object.entries(refused))
		test(`does not take ${what}`, async () => {
			assertRefused(await request('GET', `${events}?${query}`, owner),
				{ ...invalid, param });
		});

	test('does not take both cursors', async () => {
		assertRefused(await request('GET', `${events}?starting_after=` +
			`${ids[0]}&ending_before=${ids[0]}`, owner),
		{ ...invalid, param: 'ending_before' });
	});
});

describe('who sees an event', () => {
	const hidden = { ...missing, param: 'id' };

	test('is the account and the mode that it is of', async () => {
		const account = await createAccount(server);
		const other = await ownAccount();
		await createCustomer(server, {}, { key: account.testKey });
		const [{ id }] = await listEvents(server, {},
			{ key: account.testKey });
		for (const key of [account.liveKey, other.key]) {
			const error = assertRefused(await request('GET',
				`${events}/${id}`, { key }), hidden);
			assert.equal(error.message, `No such event: '${id}'`);
			assert.deepEqual(await listEvents(server, {}, { key }), []);
			assertRefused(await request('GET',
				`${events}?starting_after=${id}`, { key }),
			{ ...invalid, param: 'starting_after' });
		}
	});

	test('is its merchant, with a key that is bound', async () => {
		const account = await createAccount(server);
		const { id: second } = await server.ctl('merchant', 'create',
			'--account', account.id, '--name', 'Second');
		const [mine, theirs] = await Promise.all(
			[account.merchantId, second].map(async (merchant) => ({
				key: (await operatorKey(server, account.id, '--mode', 'test',
					'--type', 'secret', '--merchant', merchant)).secret })));
		await createCustomer(server, {}, mine);
		await createIntent(server, {}, theirs);
		const [one] = await listEvents(server, {}, mine);
		const [two] = await listEvents(server, {}, theirs);
		assert.deepEqual([one.type, two.type],
			['customer.created', 'payment_intent.created']);
		assert.equal((await listEvents(server, {}, mine)).length, 1);
		assert.deepEqual(await listEvents(server,
			{ type: 'payment_intent.created' }, mine), []);
		assertRefused(await request('GET', `${events}/${two.id}`, mine),
			hidden);
		assert.deepEqual(await listEvents(server, {},
			{ key: account.testKey }), [two, one]);
	});

	test('is nobody for those of coins and of endpoints', async () => {
		const account = await createCoinAccount(server);
		const owner = { key: account.testKey };
		await coinIn(server, 'settled',
			{ ...owner, merchantId: account.merchantId });
		await createEndpoint(server, {}, owner);
		assert.deepEqual(await listEvents(server, {}, owner), []);
	});

	test('is whoever may read events', async () => {
		const owner = await ownAccount();
		await createCustomer(server, {}, owner);
		const [{ id }] = await listEvents(server, {}, owner);
		const reader = await restrictedKey(server, ['events:read'], owner);
		assertOk(await request('GET', `${events}/${id}`,
			{ key: reader.secret }));
		const forbidden = { status: 403, code: 'insufficient_permissions' };
		for (const { secret: key } of [
			await restrictedKey(server, ['customers:read'], owner),
			await createKey(server, { type: 'publishable' }, owner)])
			for (const path of [events, `${events}/${id}`])
				assertRefused(await request('GET', path, { key }), forbidden);
	});

	test('is nobody where there is none', async () => {
		for (const id of ['evt_1', 'x', 'evt_0t40xz8zsw9hvye44hyhzk0fm1'])
			assertRefused(await request('GET', `${events}/${id}`), hidden);
	});
});
