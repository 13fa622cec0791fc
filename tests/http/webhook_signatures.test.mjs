// Signatures of what arrives: made anew for each attempt, and with both secrets
// while one follows the other.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer } from './fixtures.mjs';
import { startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { coinIn, createCoinAccount } from './stable_fixtures.mjs';
import { verifyCard, verifyStable, verifyStandard } from './verifiers.mjs';
import { arrived, assertSigned, cardAt, deliveries, deliverySettings, later,
	sentTo, stableAt } from './webhook_delivery.mjs';

const grace = 100; // seconds
const header = 'X-Shop-Signature';
const noneIsRight = /no signature is right|No matching signature/;

describe('a signature', () => {
	let receiver;
	let server;
	const at = {}; // by contract: {endpoint, cause, check, old}

	const signedBy = (name, request, secret) => name === 'stable'
		? assertSigned(request, secret, name, header)
		: assertSigned(request, secret, name);

	function assertNotBy(name, request, secret) {
		assert.throws(() => verifyStandard(request, secret), noneIsRight);
		assert.throws(() => name === 'stable'
			? verifyStable(request, secret, header)
			: verifyCard(request, secret), noneIsRight);
	}

	before(async () => {
		receiver = await startReceiver();
		server = await startServer({ settings: deliverySettings(receiver,
			{ stable_signature_header: header,
				public_url: 'https://pay.example' }) });
		const card = { key: (await createAccount(server)).testKey };
		const { testKey, merchantId } = await createCoinAccount(server);
		at.card = { endpoint: await cardAt(server, receiver, card),
			cause: () => createCustomer(server, {}, card) };
		at.stable = {
			endpoint: await stableAt(server, receiver, { key: testKey }),
			cause: () => coinIn(server, 'cancelled',
				{ key: testKey, merchantId }) };
	});
	after(async () => {
		await server?.stop();
		await receiver?.close();
	});

	const names = ['card', 'stable'];

	for (const name of names)
		test(`of ${name} is the secret's, and of no other`, async () => {
			const { endpoint, cause } = at[name];
			// The next one is refused, and is tried again later.
			receiver.answer(endpoint.place, behave.status(500));
			await cause();
			const [first] = await arrived(receiver, endpoint, 1);
			signedBy(name, first, endpoint.secret);
			assertNotBy(name, first, at[names.find((other) =>
				other !== name)].endpoint.secret);
			assertNotBy(name, { ...first, body: `${first.body} ` },
				endpoint.secret);
			assert.ok(!Object.values(first.headers).concat(first.body)
				.some((text) => String(text).includes(endpoint.secret)));
			await deliveries(server, endpoint,
				([one]) => one.attempts.length === 1);
			receiver.answer(endpoint.place, behave.status(200));
		});

	test('has a header that a setting names', () => {
		const [{ headers }] = sentTo(receiver, at.stable.endpoint);
		assert.match(headers[header.toLowerCase()], /^sha256=[0-9a-f]{64}$/);
		assert.equal(headers['x-stablegenius-signature'], undefined);
	});

	for (const name of names)
		test(`of ${name} is of both secrets for a while`, async () => {
			const { endpoint, cause } = at[name];
			const { secret } = await server.ctl('webhook', 'rotate',
				endpoint.id, '--grace-seconds', grace);
			assert.notEqual(secret, endpoint.secret);
			await cause();
			const [, next] = await arrived(receiver, endpoint, 2);
			signedBy(name, next, secret);
			signedBy(name, next, endpoint.secret);
			at[name].fresh = secret;
		});

	test('is then of the new one alone', async () => {
		server = await later(server, grace + 10);
		for (const name of names) {
			const { endpoint, cause, fresh } = at[name];
			await arrived(receiver, endpoint, 3); // what was refused
			await cause();
			for (const request of (await arrived(receiver, endpoint, 4))
				.slice(2)) {
				signedBy(name, request, fresh);
				assertNotBy(name, request, endpoint.secret);
			}
		}
	});

	for (const name of names)
		test(`of ${name} is another one for each attempt`, () => {
			const [first, , again] = sentTo(receiver, at[name].endpoint);
			const time = (request) =>
				Number(request.headers['webhook-timestamp']);
			assert.equal(again.body, first.body);
			assert.equal(again.headers['webhook-id'],
				first.headers['webhook-id']);
			assert.ok(time(again) - time(first) >= 60);
			assert.notEqual(again.headers['webhook-signature'],
				first.headers['webhook-signature']);
			signedBy(name, again, at[name].fresh);
		});
});
