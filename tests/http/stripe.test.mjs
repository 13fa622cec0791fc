// The official Stripe client, told only where the server is: what it sends,
// what it makes of the answers, how it pages, and how it retries.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import Stripe from 'stripe';

import { createAccount, visa } from './fixtures.mjs';
import { startServer } from './harness.mjs';
import { assertShape } from './shapes.mjs';

const payment = { amount: 2000, currency: 'usd' };
let server, stripe;

// A client of the server, or of what stands before it.
function makeClient(url, key, more = {}) {
	const { hostname: host, port } = new URL(url);
	return new Stripe(key, { host, port, protocol: 'http', telemetry: false,
		...more });
}

before(async () => {
	server = await startServer();
	stripe = makeClient(server.baseUrl, server.testKey);
});

after(() => server.stop());

function pay(more = {}) {
	return stripe.paymentIntents.create(
		{ ...payment, payment_method: visa, confirm: true, ...more });
}

describe('payment intents', () => {
	test('are created, confirmed and retrieved', async () => {
		const created = await stripe.paymentIntents.create(payment);
		assertShape(created, 'payment_intent');
		assert.equal(created.status, 'requires_payment_method');
		assert.equal(created.lastResponse.statusCode, 200);
		assert.match(created.lastResponse.requestId, /^req_/);
		const paid = await stripe.paymentIntents.confirm(created.id,
			{ payment_method: visa });
		assert.equal(paid.status, 'succeeded');
		assert.deepEqual(await stripe.paymentIntents.retrieve(created.id),
			paid);
	});

	test('are captured in part', async () => {
		const { id, status } = await pay({ capture_method: 'manual' });
		assert.equal(status, 'requires_capture');
		const captured = await stripe.paymentIntents.capture(id,
			{ amount_to_capture: 800 });
		assert.deepEqual([captured.status, captured.amount_received,
			captured.amount_capturable], ['succeeded', 800, 0]);
	});

	test('are canceled with a reason', async () => {
		const { id } = await stripe.paymentIntents.create(payment);
		const canceled = await stripe.paymentIntents.cancel(id,
			{ cancellation_reason: 'requested_by_customer' });
		assert.deepEqual([canceled.status, canceled.cancellation_reason],
			['canceled', 'requested_by_customer']);
	});

	test('are updated, and lose what is emptied', async () => {
		const { id } = await stripe.paymentIntents.create({ ...payment,
			description: 'ünïcödé & more', metadata: { a: '1', b: '2' } });
		const updated = await stripe.paymentIntents.update(id,
			{ amount: 2500, metadata: { a: '', 'c d': '[3]=&' } });
		assert.equal(updated.amount, 2500);
		assert.equal(updated.description, 'ünïcödé & more');
		assert.deepEqual(updated.metadata, { b: '2', 'c d': '[3]=&' });
		const cleared = await stripe.paymentIntents.update(id,
			{ metadata: '' });
		assert.deepEqual(cleared.metadata, {});
	});

	test('show their customer where it is expanded', async () => {
		const customer = await stripe.customers.create({ name: 'Ada' });
		const { id } = await stripe.paymentIntents.create(
			{ ...payment, customer: customer.id });
		const found = await stripe.paymentIntents.retrieve(id,
			{ expand: ['customer'] });
		assert.deepEqual(found.customer, customer);
	});

	test('of a browser are read with their secret', async () => {
		const { id, client_secret: secret } =
			await stripe.paymentIntents.create(
				{ ...payment, payment_method: visa });
		const browser = makeClient(server.baseUrl, server.publishableKey);
		const found = await browser.paymentIntents.retrieve(id,
			{ client_secret: secret });
		assert.equal(found.id, id);
		await assert.rejects(browser.paymentIntents.retrieve(id),
			{ statusCode: 400, code: 'parameter_missing' });
	});
});

describe('refunds and charges', () => {
	test('a part, and then the rest', async () => {
		const { id, latest_charge: charge } = await pay();
		const part = await stripe.refunds.create({ payment_intent: id,
			amount: 500, reason: 'requested_by_customer' });
		assert.deepEqual([part.amount, part.charge, part.status],
			[500, charge, 'succeeded']);
		const rest = await stripe.refunds.create({ payment_intent: id });
		assert.equal(rest.amount, 1500);
		assert.deepEqual(await stripe.refunds.retrieve(part.id), part);
		const { data } = await stripe.refunds.list({ payment_intent: id });
		assert.deepEqual(data, [rest, part]);
		const found = await stripe.charges.retrieve(charge);
		assert.deepEqual([found.amount_refunded, found.refunded],
			[2000, true]);
		const charges = await stripe.charges.list({ payment_intent: id });
		assert.deepEqual(charges.data, [found]);
	});
});

describe('customers', () => {
	test('are made, read, changed and deleted', async () => {
		const made = await stripe.customers.create({ name: 'Ada',
			email: 'ada@example.com', metadata: { a: 'b' } });
		assertShape(made, 'customer');
		assert.deepEqual(await stripe.customers.retrieve(made.id), made);
		const changed = await stripe.customers.update(made.id,
			{ name: 'Ada L.', phone: '+1' });
		assert.deepEqual(changed, { ...made, name: 'Ada L.', phone: '+1' });
		const { data } = await stripe.customers.list({ limit: 1 });
		assert.deepEqual(data, [changed]);
		const deleted = { id: made.id, object: 'customer', deleted: true };
		assert.deepEqual(await stripe.customers.del(made.id), deleted);
		assert.deepEqual(await stripe.customers.retrieve(made.id), deleted);
		await assert.rejects(stripe.customers.update(made.id, { name: 'A' }),
			{ statusCode: 404, code: 'resource_missing' });
	});
});

describe('webhook endpoints and events', () => {
	test('endpoints are made, read, changed and deleted', async () => {
		const { secret, ...made } = await stripe.webhookEndpoints.create({
			url: 'https://shop.invalid/hook', description: 'ours',
			enabled_events: ['payment_intent.succeeded', 'charge.refunded'] });
		assertShape({ ...made, secret }, 'webhook_endpoint');
		assert.match(secret, /^whsec_/);
		const shown = { ...made, secret: null };
		assert.deepEqual(await stripe.webhookEndpoints.retrieve(made.id),
			shown);
		const changed = await stripe.webhookEndpoints.update(made.id,
			{ enabled_events: ['*'], description: '' });
		assert.deepEqual(changed,
			{ ...shown, enabled_events: ['*'], description: null });
		const disabled = await stripe.webhookEndpoints.update(made.id,
			{ status: 'disabled' });
		assert.deepEqual([disabled.status, disabled.disabled_reason],
			['disabled', 'by_request']);
		const { data } = await stripe.webhookEndpoints.list({ limit: 1 });
		assert.deepEqual(data, [disabled]);
		assert.deepEqual(await stripe.webhookEndpoints.del(made.id),
			{ id: made.id, object: 'webhook_endpoint', deleted: true });
		await assert.rejects(stripe.webhookEndpoints.retrieve(made.id),
			{ statusCode: 404, code: 'resource_missing' });
	});

	test('events are listed, filtered and retrieved', async () => {
		const customer = await stripe.customers.create({ name: 'Ada' });
		const { data: [event] } = await stripe.events.list(
			{ type: 'customer.created', limit: 1 });
		assertShape(event, 'event');
		assert.deepEqual(event.data.object, customer);
		assert.deepEqual(await stripe.events.retrieve(event.id), event);
		await stripe.customers.update(customer.id, { name: 'Ada L.' });
		const { data: [newest, before] } = await stripe.events.list(
			{ limit: 2 });
		assert.equal(newest.type, 'customer.updated');
		assert.deepEqual(before, event);
	});
});

describe('500 intents', () => {
	const count = 500;
	let client, ids;

	before(async () => {
		const { testKey } = await createAccount(server);
		client = makeClient(server.baseUrl, testKey);
		ids = [];
		for (let made = 0; made < count; made += 10) {
			const ten = await Promise.all(Array.from({ length: 10 }, (_, i) =>
				client.paymentIntents.create(
					{ amount: 1 + made + i, currency: 'usd' })));
			ids.push(...ten.map(({ id }) => id));
		}
	});

	const amountsOf = (found) => found.map(({ amount }) => amount)
		.sort((a, b) => a - b);
	const all = Array.from({ length: count }, (_, i) => 1 + i);

	test('are all found with for await, newest first', async () => {
		const found = [];
		for await (const intent of client.paymentIntents.list({ limit: 100 }))
			found.push(intent);
		assert.deepEqual(amountsOf(found), all);
		assert.deepEqual(found.map(({ id }) => id),
			[...ids].sort().reverse());
	});

	test('are all found in pages of another size', async () => {
		const found = await client.paymentIntents.list({ limit: 70 })
			.autoPagingToArray({ limit: 1000 });
		assert.deepEqual(amountsOf(found), all);
	});

	test('are all found from the oldest end', async () => {
		const [oldest] = [...ids].sort();
		const found = await client.paymentIntents
			.list({ limit: 100, ending_before: oldest })
			.autoPagingToArray({ limit: 1000 });
		assert.deepEqual(found.map(({ id }) => id), [...ids].sort().slice(1));
	});

	test('are read as far as is asked', async () => {
		const found = await client.paymentIntents.list()
			.autoPagingToArray({ limit: 25 });
		assert.deepEqual(found.map(({ id }) => id),
			[...ids].sort().reverse().slice(0, 25));
	});
});

// What the client throws; `raw` is the error as it was sent.
async function assertThrows(promise, type, { status, ...sent }) {
	const error = await promise.then(() => assert.fail('it succeeded'),
		(thrown) => thrown);
	assert.ok(error instanceof Stripe.errors[type],
		`${error.type}: ${error.message}`);
	assert.equal(error.type, type);
	assert.equal(error.statusCode, status);
	assert.match(error.requestId, /^req_[0-9a-zA-Z]+$/);
	for (const [name, value] of Object.entries(sent)) {
		assert.deepEqual(error.raw[name], value, name);
		assert.deepEqual(error[name === 'type' ? 'rawType' : name], value,
			name);
	}
	assert.equal(error.doc_url,
		`${server.publicUrl}/docs/errors/card#${sent.code}`);
	return error;
}

describe('the errors', () => {
	const once = { maxNetworkRetries: 0 };

	test('invalid_request_error is StripeInvalidRequestError', async () => {
		const sent = { type: 'invalid_request_error', status: 400 };
		await assertThrows(stripe.paymentIntents.create(
			{ amount: 0, currency: 'usd' }), 'StripeInvalidRequestError',
		{ ...sent, code: 'parameter_invalid', param: 'amount' });
		await assertThrows(stripe.paymentIntents.create({ amount: 1 }),
			'StripeInvalidRequestError',
			{ ...sent, code: 'parameter_missing', param: 'currency' });
		await assertThrows(stripe.paymentIntents.create(
			{ ...payment, metadata: { a: 'x'.repeat(501) } }),
		'StripeInvalidRequestError',
		{ ...sent, code: 'parameter_invalid', param: 'metadata[a]' });
		await assertThrows(stripe.paymentIntents.retrieve('pi_nonexistent'),
			'StripeInvalidRequestError', { ...sent, status: 404,
				code: 'resource_missing', param: 'id',
				message: "No such payment intent: 'pi_nonexistent'" });
	});

	test('the state is StripeInvalidRequestError as well', async () => {
		const { id } = await pay();
		await assertThrows(stripe.paymentIntents.cancel(id),
			'StripeInvalidRequestError', { type: 'invalid_request_error',
				status: 400, code: 'payment_intent_unexpected_state',
				param: null });
		await assertThrows(stripe.refunds.create(
			{ payment_intent: id, amount: 2001 }),
		'StripeInvalidRequestError', { type: 'invalid_request_error',
			status: 400, code: 'amount_too_large', param: 'amount' });
	});

	// Stripe's type for a declined card is card_error, the contract's is
	// payment_error: to the client it is of no class that it knows, with all
	// that was sent.
	test('payment_error is StripeUnknownError', async () => {
		const { id } = await stripe.paymentIntents.create(payment);
		const sent = { type: 'payment_error', status: 402,
			code: 'card_declined', param: null };
		for (const [method, decline] of [
			['pm_card_insufficient_funds', 'insufficient_funds'],
			['pm_card_visa_chargeDeclined', 'generic_decline']])
			await assertThrows(stripe.paymentIntents.confirm(id,
				{ payment_method: method }), 'StripeUnknownError',
			{ ...sent, decline_code: decline,
				message: 'Your card was declined.' });
	});

	test('authentication_error is StripeAuthenticationError', async () => {
		const client = makeClient(server.baseUrl, 'sk_test_wrong');
		await assertThrows(client.paymentIntents.list(),
			'StripeAuthenticationError', { type: 'authentication_error',
				status: 401, code: 'authentication_failed', param: null,
				message: 'Invalid API key provided.' });
	});

	test('a lack of permission is StripePermissionError', async () => {
		const client = makeClient(server.baseUrl, server.publishableKey);
		await assertThrows(client.paymentIntents.list(),
			'StripePermissionError', { type: 'invalid_request_error',
				status: 403, code: 'insufficient_permissions', param: null });
	});

	test('rate_limit_error is StripeRateLimitError', async (t) => {
		const narrow = await startServer(t,
			{ settings: { rate_card_merchant: 1,
				public_url: server.publicUrl } });
		const client = makeClient(narrow.baseUrl, narrow.testKey, once);
		const asked = await Promise.allSettled([1, 2, 3].map(() =>
			client.paymentIntents.list()));
		const refused = asked.find(({ status }) => status === 'rejected');
		const error = await assertThrows(Promise.reject(refused.reason),
			'StripeRateLimitError', { type: 'rate_limit_error', status: 429,
				code: 'rate_limit_exceeded', param: null });
		assert.match(error.headers['retry-after'], /^[0-9]+$/);
	});

	test('api_error is StripeAPIError, after its retries', async (t) => {
		const full = await startServer(t, { settings: {
			faults: 'put:customers=full,grow=full',
			public_url: server.publicUrl } });
		const client = makeClient(full.baseUrl, full.testKey,
			{ maxNetworkRetries: 1 });
		const keys = [];
		client.on('request', (event) => keys.push(event.idempotency_key));
		await assertThrows(client.customers.create({ name: 'Ada' }),
			'StripeAPIError', { type: 'api_error', status: 503,
				code: 'service_unavailable', param: null });
		assert.equal(keys.length, 2);
		assert.match(keys[0], /^stripe-node-retry-/);
		assert.equal(keys[1], keys[0]);
	});

	test('another use of an idempotency key is not retried', async () => {
		const options = { idempotencyKey: 'one' };
		await stripe.paymentIntents.create(payment, options);
		await assertThrows(stripe.paymentIntents.create(
			{ ...payment, amount: 1 }, options), 'StripeInvalidRequestError',
		{ type: 'invalid_request_error', status: 422,
			code: 'idempotency_key_reuse', param: null });
	});
});

// A proxy that does something of its own to the first request of each
// idempotency key; `seen` has the key and what was answered, in order.
async function startProxy(t, spoil) {
	const seen = [];
	const known = new Set();
	const proxy = http.createServer(async (request, response) => {
		const key = request.headers['idempotency-key'];
		const body = [];
		for await (const chunk of request)
			body.push(chunk);
		const forward = () => forwardRequest(request, Buffer.concat(body));
		const isFirst = !known.has(key);
		known.add(key);
		const answer = isFirst ? await spoil(forward, response)
			: await forward();
		seen.push({ key, status: answer?.status,
			replayed: answer?.headers['idempotent-replayed'] });
		if (!response.destroyed && !response.writableEnded)
			response.writeHead(answer.status, answer.headers)
				.end(answer.body);
	});
	await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
	t.after(() => new Promise((resolve) => {
		proxy.closeAllConnections();
		proxy.close(resolve);
	}));
	const client = makeClient(`http://127.0.0.1:${proxy.address().port}`,
		server.testKey);
	return { client, seen };
}

function forwardRequest({ method, url, headers }, body) {
	const { hostname, port } = new URL(server.baseUrl);
	return new Promise((resolve, reject) => {
		const request = http.request({ agent: false, hostname, port, method,
			path: url, headers });
		request.on('error', reject);
		request.on('response', async (response) => {
			const chunks = [];
			for await (const chunk of response)
				chunks.push(chunk);
			resolve({ status: response.statusCode,
				headers: response.headers, body: Buffer.concat(chunks) });
		});
		request.end(body);
	});
}

// One key of the client's own making, which came twice, and one effect.
function assertRetried(seen, firstStatus, replayed) {
	const [first, second, ...more] = seen;
	assert.deepEqual(more, []);
	assert.match(first.key, /^stripe-node-retry-/);
	assert.equal(second.key, first.key);
	assert.deepEqual([first.status, first.replayed],
		[firstStatus, undefined]);
	assert.deepEqual([second.status, second.replayed], [200, replayed]);
}

describe('the retries', () => {
	// The server has acted, and the client does not come to know.
	async function dropAnswer(forward, response) {
		const answer = await forward();
		response.socket.destroy();
		return answer;
	}

	const refuse = (status, code) => async (forward, response) => {
		response.writeHead(status, { 'Content-Type': 'application/json',
			'Retry-After': '0' });
		response.end(JSON.stringify({ error: { type: 'api_error', code,
			message: 'Later.' } }));
		return { status, headers: {} };
	};

	// The server has acted, and somebody between says that it has not.
	async function replaceAnswer(forward, response) {
		await forward();
		return refuse(503, 'service_unavailable')(forward, response);
	}

	test('after a lost answer make one intent', async (t) => {
		const { client, seen } = await startProxy(t, dropAnswer);
		const before = await stripe.paymentIntents.list({ limit: 1 });
		const made = await client.paymentIntents.create(
			{ ...payment, payment_method: visa, confirm: true });
		assertRetried(seen, 200, 'true');
		const { data } = await stripe.paymentIntents.list({ limit: 2 });
		assert.deepEqual(data, [made, ...before.data]);
	});

	test('after a lost answer give back once', async (t) => {
		const { client, seen } = await startProxy(t, dropAnswer);
		const { id } = await pay();
		const refund = await client.refunds.create(
			{ payment_intent: id, amount: 500 });
		assertRetried(seen, 200, 'true');
		const { data } = await stripe.refunds.list({ payment_intent: id });
		assert.deepEqual(data, [refund]);
		const { charges } = await stripe.paymentIntents.retrieve(id);
		assert.equal(charges.data[0].amount_refunded, 500);
	});

	test('after a lost refusal are told the same refusal', async (t) => {
		const { client, seen } = await startProxy(t, dropAnswer);
		const { id } = await stripe.paymentIntents.create(payment);
		await assertThrows(client.paymentIntents.confirm(id,
			{ payment_method: 'pm_card_lost' }), 'StripeUnknownError',
		{ type: 'payment_error', status: 402, code: 'card_declined',
			decline_code: 'lost_card' });
		assert.deepEqual(seen.map(({ replayed }) => replayed),
			[undefined, 'true']);
		const { charges } = await stripe.paymentIntents.retrieve(id);
		assert.equal(charges.data.length, 1);
	});

	test('after a 503 that hid a success take the money once', async (t) => {
		const { client, seen } = await startProxy(t, replaceAnswer);
		const { id } = await pay({ capture_method: 'manual' });
		const captured = await client.paymentIntents.capture(id,
			{ amount_to_capture: 900 });
		assertRetried(seen, 503, 'true');
		assert.equal(captured.amount_received, 900);
	});

	for (const [status, code] of [[503, 'service_unavailable'],
		[409, 'idempotency_key_in_use']])
		test(`after a ${status} go through`, async (t) => {
			const { client, seen } = await startProxy(t,
				refuse(status, code));
			const made = await client.paymentIntents.create(payment);
			assertRetried(seen, status, undefined);
			const { data } = await stripe.paymentIntents.list({ limit: 1 });
			assert.deepEqual(data, [made]);
		});
});
