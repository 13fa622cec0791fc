// How fast an endpoint that fails is tried: it takes little from the others.
import assert from 'node:assert/strict';
import test from 'node:test';

import { createIntent } from './fixtures.mjs';
import { assertOk, startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';

test('what fails is left alone for longer and longer', async (t) => {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const server = await startServer(t, { settings: {
		allow_private_webhooks: 'yes', webhook_ports: '*',
		webhook_ca_file: receiver.caFile } });
	receiver.answer('/hook', behave.status(500));
	assertOk(await server.request('POST', '/v1/webhook_endpoints',
		{ json: { url: receiver.url('/hook'),
			enabled_events: ['payment_intent.created'] } }));

	await Promise.all(Array.from({ length: 16 }, () => createIntent(server)));
	const attempts = await receiver.until((all) => all.length >= 16);
	assert.equal(new Set(attempts.map(({ headers }) =>
		headers['webhook-id'])).size, 16, 'first attempts all of them');
	// Up to eight had begun before the first failure was known.
	const gaps = attempts.slice(1).map(({ at }, index) =>
		at - attempts[index].at);
	for (const gap of gaps.slice(-4))
		assert.ok(gap >= 60, `${gaps} ms`);
});
