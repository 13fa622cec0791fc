// The time of day jumps while the server runs: what protects money holds, and
// nobody is locked out.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, test } from 'node:test';

import { behave, startReceiver } from '../http/receiver.mjs';
import { cardEndpoints } from '../http/webhook_fixtures.mjs';
import { settingsFor } from '../http/webhooks_load.mjs';
import { operate, startFaulty } from './faulty.mjs';

const minute = 60;
const hour = 3600;
const day = 24 * hour;
const intents = '/v1/payment_intents';
const intent = (key) => ({ key, json: { amount: 100, currency: 'usd',
	payment_method: 'pm_card_visa', confirm: true } });

const jumps = [-hour, -5 * hour, 0, 3 * day, -2 * day, 40 * day, -day];

test('ids stay unique, and nothing is lost or doubled', async (t) => {
	const server = await startFaulty(t);
	const ids = new Map();
	let key = 0;
	for (const jump of jumps) {
		server.faults.moveClock(jump);
		for (let i = 0; i < 5; i++) {
			const number = `clock-${++key}`;
			const { body } = await server.until('POST', intents,
				intent(number));
			assert.ok(!ids.has(body.id));
			ids.set(body.id, number);
			// The key is good at the time at which it was used.
			const again = await server.until('POST', intents,
				intent(number));
			assert.equal(again.body.id, body.id);
			assert.equal((await server.until('POST', '/v1/refunds',
				{ json: { payment_intent: body.id, amount: 40 } })).body
				.amount, 40);
		}
	}
	server.faults.moveClock(0);
	for (const id of ids.keys()) {
		const { body } = await server.until('GET', `${intents}/${id}`);
		assert.equal(body.charges.data[0].amount_refunded, 40);
	}
	const { data } = (await server.until('GET', `${intents}?limit=100`)).body;
	assert.equal(data.length, ids.size);
	const times = data.map(({ created }) => created);
	assert.deepEqual(times, [...times].sort((a, b) => b - a),
		'in the order of the clock');
	assert.deepEqual(server.verify().findings, []);
});

test('a key that was used before the clock was set back is still used',
	async (t) => {
		const server = await startFaulty(t);
		const first = (await server.until('POST', intents, intent('k'))).body;
		for (const jump of [-hour, -10 * day, 23 * hour, 0]) {
			server.faults.moveClock(jump);
			const { body } = await server.until('POST', intents,
				intent('k'));
			assert.equal(body.id, first.id, `${jump}`);
		}
		assert.deepEqual(server.verify().findings, []);
	});

test('a clock that is set back locks no client out', async (t) => {
	const server = await startFaulty(t,
		{ settings: { rate_card_merchant: 20 } });
	const ask = () => server.request('GET', intents);
	const spend = async () => {
		let answer;
		for (let i = 0; i < 60; i++)
			answer = await ask();
		assert.equal(answer.status, 429);
	};
	await spend();
	for (const jump of [-hour, -30 * day, 2 * hour, 400 * day, 60]) {
		server.faults.moveClock(jump);
		const { status, text } = await ask();
		assert.equal(status, 200, `${jump}: ${text}`);
		await spend();
	}
});

test('a payment in coins that expired stays so', async (t) => {
	const server = await startFaulty(t);
	const { body: made } = await server.until('POST', '/v1/payment-intents',
		{ json: { amount: 4.5, currency: 'usd', ttl: 60,
			merchant_id: (await server.merchant()), idempotency_key: 'c' } });
	const path = `/v1/payment-intents/${made.id}`;
	server.faults.moveClock(hour);
	const isExpired = ({ body }) => body?.status === 'expired';
	await server.until('GET', path, {}, isExpired);
	// The sweeper writes it down.
	await server.until('GET', '/v1/customers', {}, () =>
		server.audit().includes('coin_expire') ||
		server.audit().includes('to=expired'));
	server.faults.moveClock(-hour);
	assert.ok(isExpired(await server.request('GET', path)));
	const refused = await server.request('POST', `${path}/cancel`);
	assert.equal(refused.body.error.code, 'intent_not_cancellable');
	assert.deepEqual(server.verify().findings, []);
});

// -- Webhooks ----------------------------------------------------------------

// An endpoint, whose receiver refuses each event so often, and its courier.
async function openEndpoint(t, refusals) {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const server = await startFaulty(t, { settings: {
		...settingsFor(receiver), webhook_interval_ms: 10 } });
	receiver.answer('/', (exchange) => behave.status(
		exchange.before < refusals ? 500 : 200)(exchange));
	const { id } = (await server.until('POST', cardEndpoints, { json: {
		url: receiver.url('/'), enabled_events: ['customer.created'] } })).body;
	const deliveries = () =>
		operate(server.store, 'webhook', 'deliveries', id).data;
	return { receiver, server, id, deliveries,
		makeEvent: () => server.until('POST', '/v1/customers', { json: {} }),
		// How many attempts are written down.
		async whenTried(count) {
			for (let i = 0; i < 400; i++) {
				if (deliveries()[0]?.attempts.length >= count)
					return;
				await pause(10);
			}
			assert.fail(JSON.stringify(deliveries()));
		},
		// Goes on from `now`, by steps of more than a minute, until it has
		// come so often: for so long at most, by its clock.
		async whenComesAfter(now, count, most) {
			for (let later = 0; later <= most; later += 66) {
				server.faults.moveClock(now + later);
				for (let i = 0; i < 60; i++) {
					if (receiver.count('/') >= count)
						return;
					await pause(5);
				}
			}
			assert.fail(`${most} s later: ${receiver.count('/')}\n` +
				JSON.stringify(deliveries()));
		} };
}

describe('a webhook does not wait for the clock', () => {
	for (const [name, back] of Object.entries(
		{ 'an hour': hour, 'a day': day })) {
		test(`that was set back by ${name} before its first attempt`,
			async (t) => {
				const one = await openEndpoint(t, 0);
				const { pid } = one.server.process('intentd-courier');
				process.kill(pid, 'SIGSTOP');
				await one.makeEvent();
				one.server.faults.moveClock(-back);
				process.kill(pid, 'SIGCONT');
				await one.whenComesAfter(-back, 1, 0);
				assert.deepEqual(one.server.verify().findings, []);
			});

		test(`that was set back by ${name} between attempts`, async (t) => {
			const one = await openEndpoint(t, 2);
			await one.makeEvent();
			await one.whenTried(1);
			await one.whenComesAfter(-back, 2, 4 * minute);
			await one.whenTried(2);
			await one.whenComesAfter(-2 * back, 3, 12 * minute);
			await one.whenTried(3);
			assert.equal(one.deliveries()[0].delivery.state, 'succeeded');
			assert.deepEqual(one.server.verify().findings, []);
		});
	}
});

test('a clock that is set forward disables no endpoint, and what waits is sent',
	async (t) => {
		const one = await openEndpoint(t, 3);
		await one.makeEvent();
		await one.whenTried(1);
		for (const [i, ahead] of [hour, day + hour, 8 * day].entries()) {
			await one.whenComesAfter(ahead, i + 2, 0);
			await one.whenTried(i + 2);
		}
		assert.equal((await one.server.until('GET',
			`${cardEndpoints}/${one.id}`)).body.status, 'enabled');
		assert.equal(one.deliveries()[0].delivery.state, 'succeeded');
		assert.deepEqual(one.server.verify().findings, []);
	});
