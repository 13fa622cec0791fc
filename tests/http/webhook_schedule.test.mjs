// The attempts of both schedules, with given time: a receiver that always
// says 500, and a server whose clock goes from one attempt to the next; each
// step is a restart.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer } from './fixtures.mjs';
import { assertOk, startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { coinIn, createCoinAccount } from './stable_fixtures.mjs';
import { arrived, cardAt, deliveries, deliverySettings, later, sentTo,
	stableAt } from './webhook_delivery.mjs';
import { cardEndpoints, stableEndpoints } from './webhook_fixtures.mjs';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
// card.md and stable.md, "Webhooks".
const waits = {
	card: [minute, 5 * minute, 30 * minute, 2 * hour, 8 * hour, day, 3 * day],
	stable: [minute, 5 * minute, 30 * minute, 2 * hour, 12 * hour],
};
const refusesAll = behave.status(500, { body: 'no' });

describe('attempts', () => {
	const endpoints = {};
	let receiver;
	let server;
	let ahead = 0; // of the clock, in seconds

	const theOne = async (name, count) => {
		const [found] = await deliveries(server, endpoints[name],
			([one]) => one?.attempts.length >= count);
		return found;
	};
	// On to the second at which the clock shows `time`.
	const goTo = async (time) => {
		ahead = Math.max(ahead, time - Math.floor(Date.now() / 1000));
		server = await later(server, ahead);
	};

	// What is due comes; what is to be tried again is not due yet.
	const assertNothingAt = async (time) => {
		await goTo(time);
		const probe = await cardAt(server, receiver,
			{ key: server.testKey });
		await createCustomer(server);
		await arrived(receiver, probe, 1);
		for (const name of Object.keys(endpoints))
			assert.equal((await theOne(name, 1)).attempts.length, 1, name);
	};

	before(async () => {
		receiver = await startReceiver();
		server = await startServer({ settings: deliverySettings(receiver,
			{ public_url: 'https://pay.example' }) });
		const card = { key: (await createAccount(server)).testKey };
		const { testKey, merchantId } = await createCoinAccount(server);
		const coin = { key: testKey };
		const behaviour = refusesAll;
		endpoints.card = await cardAt(server, receiver, card, { behaviour });
		endpoints.stable = await stableAt(server, receiver, coin,
			{ behaviour, enabled_events: ['payment_intent.cancelled'] });
		Object.assign(endpoints.card, { owner: card,
			path: `${cardEndpoints}/${endpoints.card.id}` });
		Object.assign(endpoints.stable, { owner: coin,
			path: `${stableEndpoints}/${endpoints.stable.id}` });
		await createCustomer(server, {}, card);
		await coinIn(server, 'cancelled', { ...coin, merchantId });
	});
	after(async () => {
		await server?.stop();
		await receiver?.close();
	});

	test('come when the contracts say, and not before', async () => {
		for (let i = 0; i < waits.card.length; i++) {
			const names = Object.keys(waits).filter((name) =>
				i < waits[name].length);
			const found = await Promise.all(names.map((name) =>
				theOne(name, i + 1)));
			found.forEach(({ delivery, attempts }, at) => {
				const wait = waits[names[at]][i];
				const waited = delivery.due - attempts[i].begun;
				assert.ok(waited >= wait && waited <= wait * 1.1 + 1,
					`${names[at]} ${i}: ${waited} of ${wait}`);
				assert.equal(attempts.length, i + 1);
				assert.equal(delivery.state, 'pending');
			});
			const due = found.map(({ delivery }) => delivery.due);
			if (i === 0)
				await assertNothingAt(Math.min(...due) - 30);
			// The longest wait of stable ends within one of card.
			await goTo((i < 4 ? Math.max(...due) : due[0]) + 1);
		}
	});

	for (const name of Object.keys(waits))
		test(`of ${name} are so many, and then none`, async () => {
			const count = waits[name].length + 1;
			const { delivery, attempts } = await theOne(name, count);
			assert.deepEqual([delivery.state, delivery.attempts,
				delivery.left, delivery.due], ['failed', count, 0, null]);
			assert.deepEqual(attempts.map(({ number, result, status }) =>
				[number, result, status]), attempts.map((_, i) =>
				[i + 1, 'refused', 500]));
			attempts.slice(1).forEach(({ begun }, i) => {
				const waited = begun - attempts[i].begun;
				const wait = waits[name][i];
				assert.ok(waited >= wait, `${i}: ${waited} of ${wait}`);
			});
			const sent = sentTo(receiver, endpoints[name]);
			assert.equal(sent.length, count);
			assert.equal(new Set(sent.map(({ body }) => body)).size, 1);
			assert.equal(new Set(sent.map(({ headers }) =>
				headers['webhook-timestamp'])).size, count);
			assert.equal(new Set(sent.map(({ headers }) =>
				headers['webhook-id'])).size, 1);
		});

	test('that fail for five days end the endpoint, until it is enabled',
		async () => {
			const { owner, path, place, id } = endpoints.card;
			const show = async () =>
				assertOk(await server.request('GET', path, owner));
			assert.equal((await show()).status, 'enabled');
			await goTo(Math.floor(Date.now() / 1000) + 6 * day);
			const before = sentTo(receiver, endpoints.card).length;
			await createCustomer(server, { name: 'last straw' }, owner);
			const [{ delivery }] = await deliveries(server, endpoints.card,
				([one]) => one.attempts.length === 1);
			assert.deepEqual([delivery.state, delivery.due],
				['canceled', null]);
			const found = await show();
			assert.equal(found.status, 'disabled');
			assert.equal(found.disabled_reason, 'by_failures');
			assert.ok(found.disabled_at > found.created + 5 * day);

			// What happens now is not for it.
			await createCustomer(server, { name: 'unheard of' }, owner);
			receiver.answer(place, behave.status(200));
			const enabled = assertOk(await server.request('POST', path,
				{ ...owner, json: { status: 'enabled' } }));
			assert.deepEqual([enabled.status, enabled.disabled_reason,
				enabled.disabled_at], ['enabled', null, null]);
			await createCustomer(server, { name: 'Ada' }, owner);
			const sent = await arrived(receiver, endpoints.card, before + 2);
			assert.deepEqual(sent.slice(before).map(({ body }) =>
				JSON.parse(body).data.object.name), ['last straw', 'Ada']);
			assert.equal(
				(await server.ctl('webhook', 'show', id)).status, 'enabled');
		});
});
