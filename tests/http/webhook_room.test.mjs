// What one merchant's endpoints hold up of a courier, others still have room.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, until } from './fixtures.mjs';
import { assertOk, startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { createEndpoint } from './webhook_fixtures.mjs';

const flights = 16;
// Longer than a receiver may take before it counts as slow.
const slowMs = 2100;
let receiver;
let server;

before(async () => {
	receiver = await startReceiver();
	server = await startServer({ settings: { allow_private_webhooks: 'yes',
		webhook_ports: '*', webhook_ca_file: receiver.caFile,
		webhooks_in_flight: flights, webhooks_per_endpoint: flights } });
});
after(() => Promise.all([server?.stop(), receiver?.close()]));

let paths = 0;

// A merchant with endpoints that behave so; their paths and ids.
async function shop(count, behaviour) {
	const { testKey: key } = await createAccount(server);
	const places = [];
	const ids = [];

	for (let i = 0; i < count; i++) {
		const place = `/room/${++paths}`;
		receiver.answer(place, behaviour);
		const { id } = await createEndpoint(server, {
			url: receiver.url(place),
			enabled_events: ['customer.created'] }, { key });
		places.push(place);
		ids.push(id);
	}
	return { key, places, ids };
}

async function happen({ key }, times) {
	for (let i = 0; i < times; i++)
		assertOk(await server.request('POST', '/v1/customers',
			{ key, json: {} }));
}

const all = (places) => places.reduce((sum, place) =>
	sum + receiver.count(place), 0);

describe('endpoints that hold what they are sent', () => {
	test('leave room for one that has nothing under way', async () => {
		const gate = behave.gated();
		const holders = await shop(1, gate);
		await happen(holders, 2 * flights);
		await receiver.until(() => all(holders.places) >= flights / 2);
		// Neither of them is known to the courier yet.
		const other = await shop(1, behave.status(200));
		await happen(other, 3);
		await receiver.until(() => all(other.places) === 3);
		assert.ok(all(holders.places) < flights);
		gate.open();
		await receiver.until(() => all(holders.places) === 2 * flights);
	});

	test('have half of it once they were slow', async () => {
		const gate = behave.gated();
		const holders = await shop(2, (exchange) => exchange.before > 0
			? gate(exchange)
			: setTimeout(behave.status(200), slowMs, exchange));
		await happen(holders, 1);
		await receiver.until(() => all(holders.places) === 2);
		for (const id of holders.ids)
			await until(() => server.ctl('webhook', 'deliveries', id),
				({ data: [{ delivery }] }) => delivery.state === 'succeeded');
		await happen(holders, flights);
		await receiver.until(() => all(holders.places) >= 2 + flights / 2);
		const other = await shop(1, behave.status(200));
		await happen(other, 10);
		await receiver.until(() => all(other.places) === 10);
		assert.equal(all(holders.places), 2 + flights / 2);
		gate.open();
		await receiver.until(() => all(holders.places) === 2 + 2 * flights);
	});
});
