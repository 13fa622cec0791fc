// A command that the committer dies of, or hangs in, whenever it is run: the
// commands beside it are done all the same, and it is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Server, buildLibrary } from './faulty.mjs';

const others = 12;

const orderOf = (description) => ({ key: description, json: { amount: 2000,
	currency: 'usd', payment_method: 'pm_card_visa', confirm: true,
	description } });
const path = '/v1/payment_intents';

// Before and behind it, and while committers die of it.
async function assertIsolated(t, environment, settings) {
	const server = new Server(t, { settings: { couriers: 0, ...settings } });
	const { faults } = server;
	const plain = faults.environment;
	faults.environment = { ...plain, ...environment,
		LD_PRELOAD: `${plain.LD_PRELOAD}:${buildLibrary('poison')}`,
		POISON: 'the poisoned one' };
	await server.start();
	const poisoned = server.request('POST', path,
		orderOf('the poisoned one'));
	const orders = Array.from({ length: others }, (_, i) =>
		orderOf(`another one ${i}`));
	const done = await Promise.all(orders.map((order) =>
		server.until('POST', path, order)));
	const { status, body } = await poisoned;
	assert.deepEqual([status, body.error.code], [500, 'internal_error']);
	await server.whenLogged(/has ended two committers, and is refused/);
	assert.equal(server.log().match(/committer 1 .*ended after/g).length, 2);
	// Its slot carries others again.
	const later = await Promise.all(Array.from({ length: others }, (_, i) =>
		server.request('POST', path, orderOf(`a later one ${i}`))));
	assert.deepEqual(later.map((answer) => answer.status),
		later.map(() => 200));
	await server.stop();

	// Nothing was remembered under its key: without poison it is done.
	faults.environment = plain;
	await server.start();
	await server.until('POST', path, orderOf('the poisoned one'));
	const { data } = (await server.request('GET', `${path}?limit=100`)).body;
	assert.equal(data.length, 2 * others + 1);
	for (const { id, description } of done.map((answer) => answer.body))
		assert.equal(data.find((one) => one.id === id)?.description,
			description);
	assert.deepEqual(server.verify().findings, []);
}

test('a command that ends every committer is ended, and others go on', (t) =>
	assertIsolated(t, {}, { request_timeout_ms: 20000 }));

// What is stopped in there makes a system call that is not the committer's.
test('a command in which every committer hangs, likewise', (t) =>
	assertIsolated(t, { POISON_HANGS: '1' }, { confine: 'no' }));
