// What tests of delivery share: servers that may send to a receiver here,
// endpoints at it, and what intentctl says of what came of it.
import assert from 'node:assert/strict';

import { until } from './fixtures.mjs';
import { assertOk, startServer } from './harness.mjs';
import { verifyCard, verifyStable, verifyStandard } from './verifiers.mjs';
import { createEndpoint, stableEndpoints } from './webhook_fixtures.mjs';

export const deliverySettings = (receiver, more = {}) => ({
	allow_private_webhooks: 'yes', webhook_ports: '*',
	webhook_ca_file: receiver.caFile, webhook_interval_ms: 50, ...more });

let paths = 0;

// A path of its own that answers so, as {place, url}.
export function freshPlace(receiver, behaviour, door) {
	const place = `/hook/${++paths}`;

	if (behaviour)
		receiver.answer(place, behaviour);
	return { place, url: receiver.url(place, door) };
}

// Both return the endpoint with its secret, and `place` where its requests go.
export async function cardAt(server, receiver, options,
	{ behaviour, door, ...more } = {}) {
	const { place, url } = freshPlace(receiver, behaviour, door);

	return { place, ...await createEndpoint(server, { url, ...more }, options) };
}

// Behind the ping, which is answered 200 whatever `behaviour` is.
export async function stableAt(server, receiver, options,
	{ behaviour, ...json } = {}) {
	const { place, url } = freshPlace(receiver);
	const made = assertOk(await server.request('POST', stableEndpoints,
		{ ...options, json: { url, ...json } }), 201);

	if (behaviour)
		receiver.answer(place, behaviour);
	return { place, ...made };
}

export const isPing = ({ body }) => body.includes('"type":"endpoint.ping"');

// The requests for an endpoint, but for pings.
export const sentTo = (receiver, { place }) =>
	receiver.of(place).filter((one) => !isPing(one));

export const eventsAt = (receiver, endpoint) =>
	sentTo(receiver, endpoint).map(({ body }) => JSON.parse(body));

// So many requests at least; they are returned.
export async function arrived(receiver, endpoint, count) {
	await receiver.until(() => sentTo(receiver, endpoint).length >= count);
	return sentTo(receiver, endpoint);
}

// What intentctl lists of an endpoint, newest first, once it is as awaited;
// each try is a process.
export function deliveries(server, { id }, isIt = () => true) {
	return until(async () => (await server.ctl('webhook', 'deliveries', id,
		'--limit', 100)).data, isIt, 3000);
}

export const haveEnded = (all) =>
	all.every(({ delivery }) => delivery.state !== 'pending');

// A delivery is as both its contract and Standard Webhooks want it; `more` is
// for the contract's verifier.  Returns the event.
export function assertSigned(request, secret, contract = 'card', ...more) {
	const verify = { card: verifyCard, stable: verifyStable }[contract];
	const { headers } = request;
	const event = verify(request, secret, ...more);

	assert.deepEqual(verifyStandard(request, secret), event);
	assert.equal(headers['webhook-id'], event.id);
	assert.equal(headers['content-type'], 'application/json');
	assert.match(headers['user-agent'], /^intentd/);
	return event;
}

// The same data, so many seconds ahead; the server before it has ended.
export async function later(server, seconds) {
	await server.halt();
	return startServer({ home: server.home, settings:
		{ ...server.settings, clock_offset_s: seconds } });
}
