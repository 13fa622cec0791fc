// An event that cannot be read, at the head of what waits for an endpoint: it
// is passed over, and what is behind it arrives; nobody else waits for it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { behave, startReceiver } from '../http/receiver.mjs';
import { cardEndpoints } from '../http/webhook_fixtures.mjs';
import { settingsFor } from '../http/webhooks_load.mjs';
import { Server, crashesIn } from './faulty.mjs';

const damaged = ['the torn one', 'the bent one'];
const whole = ['the first whole one', 'the second whole one',
	'the third whole one'];

// One byte of each record that has the text.
function damage(file, text) {
	const bytes = readFileSync(file);
	const mark = Buffer.from(text);
	let count = 0;
	for (let at = -1; (at = bytes.indexOf(mark, at + 1)) >= 0; count++)
		bytes[at + 1] ^= 1;
	assert.ok(count > 0, text);
	writeFileSync(file, bytes);
}

const namesOf = (requests) => requests.map(({ body }) =>
	JSON.parse(body).data.object.name);

test('what is behind a damaged event arrives', async (t) => {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const server = new Server(t, { settings: { ...settingsFor(receiver),
		couriers: 0, webhooks_per_endpoint: 1, webhooks_in_flight: 1,
		shutdown_timeout_ms: 200 } });
	await server.start();
	for (const path of ['/one', '/other']) {
		receiver.answer(path, behave.status(200));
		await server.until('POST', cardEndpoints, { json: {
			url: receiver.url(path),
			enabled_events: ['customer.created'] } });
	}
	for (const name of [...damaged, ...whole])
		await server.until('POST', '/v1/customers', { json: { name } });
	await server.stop();
	for (const name of damaged)
		damage(server.store, name);
	server.settings.couriers = 1;
	await server.start();
	for (const path of ['/one', '/other'])
		await receiver.until(() => receiver.of(path).length ===
			whole.length);
	for (const path of ['/one', '/other'])
		assert.deepEqual(namesOf(receiver.of(path)), whole);
	assert.deepEqual(crashesIn(server.log()), []);
});
