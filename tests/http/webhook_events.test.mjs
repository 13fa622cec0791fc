// What arrives: every event of a contract that can be brought about, once, at
// whoever asked for it and at nobody else; as it was committed, and signed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createRefund, intentIn,
	operatorKey } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { cancel, createCoin, createCoinAccount, createMerchant,
	freshExtendedKey, getCoin, pay, settle, transfersOf,
} from './stable_fixtures.mjs';
import { assertStableShape } from './stable_shapes.mjs';
import { arrived, assertSigned, cardAt, deliveries, deliverySettings,
	eventsAt, haveEnded, later, sentTo, stableAt } from './webhook_delivery.mjs';
import { cardEndpoints, cardEvents, listEvents, stableEvents,
} from './webhook_fixtures.mjs';

let receiver;
let server;

before(async () => {
	receiver = await startReceiver();
	server = await startServer({ settings: deliverySettings(receiver,
		{ public_url: 'https://pay.example' }) });
});

after(async () => {
	await server?.stop();
	await receiver?.close();
});

const post = (path, options) =>
	server.request('POST', path, options).then(assertOk);
const sorted = (texts) => [...texts].sort();
const typesOf = (events) => sorted(events.map(({ type }) => type));

// All that was on its way to an endpoint has arrived, once.
async function whatArrived(endpoint, count) {
	await arrived(receiver, endpoint, count);
	const all = await deliveries(server, endpoint, haveEnded);
	const requests = sentTo(receiver, endpoint);

	assert.equal(requests.length, count);
	assert.ok(all.every(({ delivery, attempts }) =>
		delivery.state === 'succeeded' && attempts.length === 1));
	return requests.map((request) =>
		assertSigned(request, endpoint.secret, endpoint.contract));
}

async function assertHeardNothing(endpoints) {
	for (const endpoint of endpoints) {
		assert.deepEqual(await deliveries(server, endpoint), []);
		assert.deepEqual(sentTo(receiver, endpoint), []);
	}
}

// -- Cards -------------------------------------------------------------------

// Of the types that there are, all but refund.failed, which the sandbox never
// brings about.
async function causeCardEvents(owner) {
	const { id: held } = await intentIn(server, 'requires_capture', owner);
	await post(`/v1/payment_intents/${held}/capture`, owner);
	for (const status of ['requires_action', 'processing', 'canceled'])
		await intentIn(server, status, owner);
	const { id: paid } = await intentIn(server, 'succeeded', owner);
	await createRefund(server, { payment_intent: paid }, owner);
	const { id: declined } = await createIntent(server,
		{ payment_method: 'pm_card_declined' }, owner);
	assertRefused(await server.request('POST',
		`/v1/payment_intents/${declined}/confirm`, owner), { status: 402 });
	const { id } = await createCustomer(server, {}, owner);
	await post(`/v1/customers/${id}`, { ...owner, json: { name: 'Ada' } });
	assertOk(await server.request('DELETE', `/v1/customers/${id}`, owner));
}

const causable = cardEvents.filter((type) => type !== 'refund.failed');

describe('events of cards', () => {
	test('arrive as they can be read, byte by byte', async () => {
		const owner = { key: (await createAccount(server)).testKey };
		const endpoint = await cardAt(server, receiver, owner);
		await causeCardEvents(owner);
		const all = await listEvents(server, {}, owner);
		const found = await whatArrived(endpoint, all.length);
		assert.deepEqual([...new Set(typesOf(found))], sorted(causable));
		for (const { body } of sentTo(receiver, endpoint)) {
			const { id } = JSON.parse(body);
			const { text } = await server.request('GET',
				`/v1/events/${id}`, owner);
			assert.equal(body, text);
		}
	});

	test('of each type arrive at who asked for it', async () => {
		const owner = { key: (await createAccount(server)).testKey };
		const endpoints = [];
		for (const type of causable)
			endpoints.push(await cardAt(server, receiver, owner,
				{ enabled_events: [type] }));
		const some = await cardAt(server, receiver, owner,
			{ enabled_events: causable.slice(0, 3) });
		await causeCardEvents(owner);
		const all = await listEvents(server, {}, owner);
		for (const [i, endpoint] of endpoints.entries()) {
			const ids = all.filter(({ type }) => type === causable[i])
				.map(({ id }) => id);
			assert.ok(ids.length > 0, causable[i]);
			const found = await whatArrived(endpoint, ids.length);
			assert.deepEqual(sorted(found.map(({ id }) => id)), sorted(ids));
		}
		const wanted = all.filter(({ type }) =>
			causable.indexOf(type) < 3);
		assert.deepEqual(typesOf(await whatArrived(some, wanted.length)),
			typesOf(wanted));
	});

	test('arrive at nobody else', async () => {
		const account = await createAccount(server);
		const other = await createAccount(server);
		const { id: second } = await server.ctl('merchant', 'create',
			'--account', account.id, '--name', 'Second');
		const bound = (await operatorKey(server, account.id, '--mode',
			'test', '--type', 'secret', '--merchant', second)).secret;
		const owner = { key: account.testKey };
		const [own, disabled] = [await cardAt(server, receiver, owner),
			await cardAt(server, receiver, owner)];
		const foreign = [];
		for (const key of [bound, account.liveKey, other.testKey,
			other.liveKey])
			foreign.push(await cardAt(server, receiver, { key }));
		await post(`${cardEndpoints}/${disabled.id}`,
			{ ...owner, json: { status: 'disabled' } });
		await causeCardEvents(owner);
		const { length } = await listEvents(server, {}, owner);
		await whatArrived(own, length);
		await assertHeardNothing([...foreign, disabled]);
		await createCustomer(server, {}, { key: bound });
		await createCustomer(server, {}, { key: account.liveKey });
		for (const [i, live] of [[0, false], [1, true]]) {
			const [event] = await whatArrived(foreign[i], 1);
			assert.equal(event.livemode, live);
		}
		assert.equal(sentTo(receiver, own).length, length);
		await assertHeardNothing(foreign.slice(2));
	});

	test('have the object as each change has left it', async () => {
		const owner = { key: (await createAccount(server)).testKey };
		const gate = behave.gated();
		const endpoint = await cardAt(server, receiver, owner,
			{ behaviour: gate, enabled_events: ['customer.created',
				'customer.updated', 'customer.deleted'] });
		const made = await createCustomer(server, { name: 'Ada' }, owner);
		await arrived(receiver, endpoint, 1);
		const path = `/v1/customers/${made.id}`;
		const states = [made];
		for (const name of ['Bea', 'Cleo', 'Dora'])
			states.push(await post(path, { ...owner, json: { name } }));
		assertOk(await server.request('DELETE', path, owner));
		gate.open();
		await arrived(receiver, endpoint, states.length + 1);
		const found = eventsAt(receiver, endpoint)
			.sort((a, b) => a.id < b.id ? -1 : 1);
		assert.deepEqual(found.map(({ type }) => type.split('.')[1]),
			['created', 'updated', 'updated', 'updated', 'deleted']);
		assert.deepEqual(found.slice(0, -1).map(({ data }) => data.object),
			states);
	});
});

// -- Coins -------------------------------------------------------------------

describe('events of coins', () => {
	let account;
	let owner; // of the account; `one` and `two` are of its merchants
	let one;
	let two;
	let endpoints;
	let silent; // endpoints that nothing is for
	const objects = {}; // as an answer has shown them, by type

	before(async () => {
		account = await createCoinAccount(server);
		const other = await createCoinAccount(server);
		const { id: second } = await createMerchant(server, account.id,
			'--extended-key', freshExtendedKey());
		owner = { key: account.testKey, merchantId: account.merchantId };
		[one, two] = await Promise.all([account.merchantId, second].map(
			async (merchant) => ({ key: (await operatorKey(server,
				account.id, '--mode', 'test', '--type', 'secret',
				'--merchant', merchant)).secret })));
		const at = async (key, json) => ({ contract: 'stable',
			...await stableAt(server, receiver, { key }, json) });
		endpoints = { all: await at(owner.key), one: await at(one.key) };
		for (const type of stableEvents)
			endpoints[type] = await at(owner.key,
				{ enabled_events: [type] });
		silent = [await at(two.key), await at(account.liveKey),
			await at(other.testKey),
			await cardAt(server, receiver, { key: owner.key })];
	});

	const asked = () => Object.values(endpoints);
	const expected = ['payment_intent.cancelled', 'payment_intent.confirmed',
		'payment_intent.expired', 'settlement.completed',
		'transaction.created'];

	test('are brought about', async () => {
		const rest = { key: owner.key };
		const { id } = await createCoin(server, {}, owner);
		objects['payment_intent.confirmed'] = await pay(server, id, {}, rest);
		[objects['transaction.created']] =
			await transfersOf(server, id, owner);
		objects['settlement.completed'] = await settle(server, id, {}, rest);
		objects['payment_intent.cancelled'] = await cancel(server,
			(await createCoin(server, {}, owner)).id, {}, rest);
		const { id: late } = await createCoin(server, { ttl: 60 }, owner);
		await arrived(receiver, endpoints.all, 4);
		server = await later(server, 70);
		await arrived(receiver, endpoints.all, 5); // by the sweeper
		objects['payment_intent.expired'] = await getCoin(server, late, rest);
		assert.equal(objects['payment_intent.expired'].status, 'expired');
	});

	test('arrive in their form, with the object as it was', async () => {
		const found = await whatArrived(endpoints.all, 5);
		assert.deepEqual(typesOf(found), expected);
		for (const event of found) {
			assertStableShape(event, 'event');
			assertStableShape(event.data, event.data.object);
			assert.deepEqual(event.data, objects[event.type], event.type);
		}
	});

	test('of each type arrive at who asked for it', async () => {
		for (const type of stableEvents)
			assert.deepEqual(typesOf(await whatArrived(endpoints[type],
				expected.includes(type) ? 1 : 0)),
			expected.filter((each) => each === type));
		assert.deepEqual(typesOf(await whatArrived(endpoints.one, 5)),
			expected);
	});

	test('arrive at nobody else', async () => {
		for (const { id, contract } of silent) {
			const pings = contract ? ['succeeded'] : [];
			assert.deepEqual((await server.ctl('webhook', 'deliveries', id))
				.data.map(({ delivery }) => delivery.state), pings);
		}
		for (const endpoint of silent)
			assert.deepEqual(sentTo(receiver, endpoint), []);
	});

	test('are signed, pings as well', () => {
		for (const { place, secret } of asked())
			for (const request of receiver.of(place))
				assertSigned(request, secret, 'stable');
	});
});
