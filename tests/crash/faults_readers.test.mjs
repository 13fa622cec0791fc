// Another program has all slots of the store's readers, and the sweeper and the
// courier start anew meanwhile: the server lives, and what is due is done once
// there are slots again.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';

import { holdStore } from '../http/holder.mjs';
import { startReceiver } from '../http/receiver.mjs';
import { cardEndpoints } from '../http/webhook_fixtures.mjs';
import { settingsFor } from '../http/webhooks_load.mjs';
import { crashesIn, Server } from './faulty.mjs';

// Each until it has none: it may be faster than the other program to take its
// predecessor's.
async function replaceWithout(server, name, says) {
	for (let i = 0; i < 50; i++) {
		server.newLog();
		await server.kill(name);
		await server.whenProcess(name);
		for (let looks = 0, log = ''; looks < 100; looks++) {
			log += server.newLog();
			if (says.test(log))
				return;
			await pause(5);
		}
	}
	assert.fail(`${name} always has a slot:\n${server.log().slice(-3000)}`);
}

test('the sweeper and the courier start without a slot to read', async (t) => {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const server = new Server(t, { settings: { ...settingsFor(receiver),
		webhook_interval_ms: 10 } });
	server.settings.audit_log = join(server.home, 'audit.log');
	await server.start();
	await server.until('POST', cardEndpoints, { json: {
		url: receiver.url('/hook'), enabled_events: ['customer.created'] } });
	await server.whenSwept();
	const holder = await holdStore(t, server.store, 'read');
	await replaceWithout(server, 'intentd-sweeper',
		/sweeper: the store is full/);
	await replaceWithout(server, 'intentd-courier', /courier: .*full/);
	const pids = server.processes().map(({ pid }) => pid).sort();
	const names = [];
	for (let i = 0; i < 5; i++)
		names.push((await server.until('POST', '/v1/customers',
			{ key: `customer-${i}`, json: { name: `${i}` } })).body.name);
	assert.deepEqual(receiver.of('/hook'), []);
	assert.deepEqual(server.processes().map(({ pid }) => pid).sort(), pids,
		'nobody ends of it');
	await holder.end();
	const arrived = () => new Set(receiver.of('/hook').map(({ body }) =>
		JSON.parse(body).data.object.name));
	await server.when(() => arrived().size === names.length);
	assert.deepEqual([...arrived()].sort(), names);
	await server.whenSwept();
	server.assertAudit();
	assert.deepEqual(crashesIn(server.log()), []);
	assert.deepEqual(server.verify().findings, []);
});
