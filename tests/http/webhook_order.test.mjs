// In which order events arrive, and who waits for whom: an endpoint for its
// own events, and nobody for another endpoint.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, intentIn } from './fixtures.mjs';
import { startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { arrived, cardAt, deliveries, deliverySettings, eventsAt, haveEnded,
	sentTo } from './webhook_delivery.mjs';
import { listEvents } from './webhook_fixtures.mjs';

let receiver;

before(async () => {
	receiver = await startReceiver(['https', 'silent']);
});

after(() => receiver?.close());

// So many events, from several clients at a time; each client's customers, in
// the order in which it made them.
function causeEvents(server, count, owner, clients = 4) {
	let begun = 0;
	const client = async () => {
		const ids = [];
		while (begun++ < count)
			ids.push((await createCustomer(server, {}, owner)).id);
		return ids;
	};
	return Promise.all(Array.from({ length: clients }, client));
}

const idsAt = (endpoint) => eventsAt(receiver, endpoint).map(({ id }) => id);

// Each client's events have arrived in its order, and each once.
function assertInOrder(endpoint, clients) {
	const arrivals = eventsAt(receiver, endpoint)
		.map(({ data }) => data.object.id);
	for (const ids of clients)
		assert.deepEqual(arrivals.filter((id) => ids.includes(id)), ids);
	assert.equal(arrivals.length, clients.flat().length);
}

describe('one at a time', () => {
	let server;

	before(async () => {
		server = await startServer({ settings: deliverySettings(receiver,
			{ webhooks_per_endpoint: 1 }) });
	});
	after(() => server?.stop());

	test('events arrive in the order of their creation', async () => {
		const count = 300;
		const owner = { key: (await createAccount(server)).testKey };
		const endpoint = await cardAt(server, receiver, owner);
		const clients = await causeEvents(server, count, owner);
		await arrived(receiver, endpoint, count);
		await deliveries(server, endpoint, haveEnded);
		assertInOrder(endpoint, clients);
		// A connection is kept for the next one.
		assert.ok(receiver.connections.https < count / 10,
			receiver.connections.https);
	});

	test('those that waited for an answer do so as well', async () => {
		const owner = { key: (await createAccount(server)).testKey };
		const gate = behave.gated();
		const endpoint = await cardAt(server, receiver, owner,
			{ behaviour: gate });
		for (let i = 0; i < 5; i++)
			await intentIn(server, 'succeeded', owner);
		const ids = (await listEvents(server, {}, owner))
			.map(({ id }) => id).reverse();
		assert.ok(ids.length >= 15); // Each of them has several at once.
		await arrived(receiver, endpoint, 1);
		assert.equal(sentTo(receiver, endpoint).length, 1);
		gate.open();
		await arrived(receiver, endpoint, ids.length);
		assert.deepEqual(idsAt(endpoint), ids);
	});
});

describe('an endpoint that does not answer', () => {
	const perEndpoint = 3;
	let server;

	before(async () => {
		server = await startServer({ settings: deliverySettings(receiver,
			{ webhooks_per_endpoint: perEndpoint, webhooks_in_flight: 8 }) });
	});
	after(() => server?.stop());

	test('keeps no other one waiting', async () => {
		const count = 50;
		const owner = { key: (await createAccount(server)).testKey };
		const gate = behave.gated();
		const [dead, alive] = [
			await cardAt(server, receiver, owner, { behaviour: gate }),
			await cardAt(server, receiver, owner)];
		const silent = await cardAt(server, receiver, owner,
			{ door: 'silent' });
		await causeEvents(server, count, owner);
		await arrived(receiver, alive, count);
		await arrived(receiver, dead, perEndpoint);
		// All of its share are held, and no more than that.
		const held = await deliveries(server, dead);
		assert.ok(held.every(({ delivery, attempts }) =>
			delivery.state === 'pending' && attempts.length === 0));
		assert.equal(sentTo(receiver, dead).length, perEndpoint);
		assert.ok(receiver.connections.silent <= perEndpoint);
		assert.ok((await deliveries(server, silent)).every(({ delivery }) =>
			delivery.state === 'pending'));
		gate.open();
		await arrived(receiver, dead, count);
		await deliveries(server, dead, haveEnded);
		assert.deepEqual(idsAt(dead).sort(), idsAt(alive).sort());
		assert.equal(idsAt(dead).length, count);
	});

	test('of another account neither', async () => {
		const [other, owner] = await Promise.all(['Dead', 'Alive'].map(
			async (name) => ({
				key: (await createAccount(server, name)).testKey })));
		const dead = await cardAt(server, receiver, other,
			{ behaviour: behave.never() });
		const alive = await cardAt(server, receiver, owner);
		await causeEvents(server, 10, other);
		await arrived(receiver, dead, perEndpoint);
		await causeEvents(server, 10, owner);
		await arrived(receiver, alive, 10);
		assert.equal(sentTo(receiver, dead).length, perEndpoint);
	});
});
