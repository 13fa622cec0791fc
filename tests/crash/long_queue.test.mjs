// A courier that begins with a queue of more rows than one step may read:
// it gives back what a predecessor held a part at a time, and looks for that
// where there was a predecessor alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { behave, startReceiver } from '../http/receiver.mjs';
import { cardEndpoints } from '../http/webhook_fixtures.mjs';
import { settingsFor } from '../http/webhooks_load.mjs';
import { Server, buildLibrary, crashesIn } from './faulty.mjs';

const courier = 'intentd-courier';
// Rows of one look for what is held (queue.c), which has a read for each.
const lookRows = 256;
const customers = lookRows + 64;

async function fillQueue(server, receiver) {
	receiver.answer('/', behave.never());
	await server.until('POST', cardEndpoints, { json: {
		url: receiver.url('/'), enabled_events: ['*'] } });
	for (let left = customers; left > 0; left -= 20)
		await Promise.all(Array.from({ length: 20 }, () =>
			server.until('POST', '/v1/customers', { json: {} })));
}

const idsOf = (requests) => requests.map(({ body }) => JSON.parse(body).id);

test('a long queue is looked through a part at a time', async (t) => {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const server = new Server(t, { settings: { ...settingsFor(receiver),
		couriers: 0, request_timeout_ms: 20000,
		shutdown_timeout_ms: 200 } });
	const { faults } = server;
	await server.start();
	await fillQueue(server, receiver);
	await server.stop();

	const again = (most) => {
		faults.environment = { ...faults.environment, LD_PRELOAD:
			buildLibrary('steps'), STEP_ROWS_MAX: `${most}` };
		server.settings.couriers = 1;
		return server.start();
	};
	// Nobody had the place of a new server's courier.
	await again(lookRows / 4);
	await receiver.until((all) => all.length >= 1);
	assert.deepEqual(crashesIn(server.log()), []);
	await server.stop();

	const before = receiver.requests.length;
	// What is held lies behind all that waits.
	await again(lookRows + 32);
	await receiver.until((all) => all.length > before);
	const [held] = idsOf(receiver.requests.slice(before));
	const seen = receiver.requests.length;
	const { pid } = server.process(courier);
	process.kill(pid, 'SIGKILL');
	await receiver.until((all) => idsOf(all.slice(seen)).includes(held));
	assert.deepEqual(crashesIn(server.log()), []);
});
