// Webhook endpoints of the stable contract: a URL is registered once it has
// answered a signed ping, and is then read, listed and removed.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { createKey, operatorKey, restrictedKey } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { createCoinAccount, createMerchant, idsOf,
	refusal } from './stable_fixtures.mjs';
import { assertStableShape } from './stable_shapes.mjs';
import { badEvents, badUrls, cardEvents, hook, noTexts, stableEndpoints as path,
	stableEvents } from './webhook_fixtures.mjs';

const badUrl = { status: 400, type: 'invalid_request_error',
	code: 'invalid_webhook_url', param: 'url' };
const unreachable = { status: 422, type: 'invalid_request_error',
	code: 'webhook_unreachable', param: 'url' };
const noEndpoint = { status: 404, type: 'not_found_error',
	code: 'webhook_not_found', param: 'id' };
const unknownId = 'we_0t40xz8zsw9hvye44hyhzk0fm1';

let closed; // to the host's own networks, as a server is by default
let server;
let receiver;

before(async () => {
	receiver = await startReceiver(['https', 'http', 'selfSigned']);
	[closed, server] = await Promise.all([startServer(),
		startServer({ settings: { allow_private_webhooks: 'yes',
			webhook_ports: '*', webhook_ca_file: receiver.caFile } })]);
});

after(() => Promise.all([closed, server].map((one) => one.stop())
	.concat(receiver.close())));

const request = (method, where, options) =>
	server.request(method, where, options);

const at = (id) => `${path}/${id}`;

let paths = 0;

// A URL of its own, whose requests are those of its test.
function freshUrl(behaviour) {
	const place = `/hook/${++paths}`;
	if (behaviour)
		receiver.answer(place, behaviour);
	return { place, url: receiver.url(place) };
}

const post = (json, options) => request('POST', path, { ...options, json });

async function register(options, json = {}) {
	return assertOk(await post({ url: freshUrl().url, ...json }, options),
		201);
}

async function list(options, query = '') {
	return assertOk(await request('GET', path + query, options));
}

async function ownAccount() {
	const { testKey, liveKey, ...more } = await createCoinAccount(server);
	return { account: more, own: { key: testKey }, live: { key: liveKey } };
}

describe('registering', () => {
	test('asks the URL, and shows the secret once', async () => {
		const { own } = await ownAccount();
		const { place, url } = freshUrl();
		const made = assertStableShape(assertOk(await post({ url }, own),
			201), 'webhook_endpoint');
		assert.deepEqual({ ...made, id: 0, secret: 0, created_at: 0 }, {
			id: 0, object: 'webhook_endpoint', url, secret: 0,
			enabled_events: stableEvents, status: 'enabled',
			disabled_reason: null, disabled_at: null, merchant_id: null,
			created_at: 0 });
		assert.match(made.secret, /^whsec_/);
		const shown = { ...made, secret: null };
		assert.deepEqual(assertOk(await request('GET', at(made.id), own)),
			shown);
		assert.deepEqual((await list(own)).data, [shown]);
		assert.equal(receiver.of(place).length, 1);
	});

	test('sends a ping that is signed in both ways', async () => {
		const { own } = await ownAccount();
		const { place, url } = freshUrl();
		const { secret, ...made } = assertOk(await post({ url }, own), 201);
		const [{ method, headers, body }] = receiver.of(place);
		const ping = assertStableShape(JSON.parse(body), 'event');
		assert.deepEqual([method, headers['content-type'], ping.type],
			['POST', 'application/json', 'endpoint.ping']);
		assert.deepEqual(ping.data, { ...made, secret: null });
		assert.ok(!body.includes(secret));

		const time = headers['x-stablegenius-timestamp'];
		assert.ok(Math.abs(time - Date.now() / 1000) < 60, time);
		assert.equal(headers['x-stablegenius-signature'], 'sha256=' +
			createHmac('sha256', secret).update(`${time}.${body}`)
				.digest('hex'));
		assert.deepEqual([headers['webhook-id'],
			headers['webhook-timestamp']], [ping.id, time]);
		const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
		assert.equal(headers['webhook-signature'], 'v1,' +
			createHmac('sha256', key).update(`${ping.id}.${time}.${body}`)
				.digest('base64'));
	});

	test('is for the types that are named', async () => {
		const { own } = await ownAccount();
		const { enabled_events: types } = await register(own,
			{ enabled_events: ['settlement.failed', stableEvents[0]] });
		assert.deepEqual(types, [stableEvents[0], 'settlement.failed']);
	});

	test('with a form', async () => {
		const { own } = await ownAccount();
		const { url } = freshUrl();
		const made = assertOk(await request('POST', path, { ...own,
			form: { url, enabled_events: [stableEvents[1]] } }), 201);
		assert.deepEqual([made.url, made.enabled_events],
			[url, [stableEvents[1]]]);
	});

	const failures = {
		'answers 500': [behave.status(500), /500/],
		'answers 404': [behave.status(404), /404/],
		'leads elsewhere': [behave.redirect('https://127.0.0.1/'), /301/],
		'answers what is not HTTP': [behave.garbage(), /./],
		'closes the connection': [behave.closeAtOnce(), /./],
	};
	for (const [what, [behaviour, says]] of Object.entries(failures))
		test(`refuses a URL that ${what}`, async () => {
			const { own } = await ownAccount();
			const { url } = freshUrl(behaviour);
			const error = assertRefused(await post({ url }, own),
				unreachable);
			assert.match(error.message,
				/^The webhook URL did not answer the ping: /);
			assert.match(error.message, says);
			assert.equal((await list(own)).total_count, 0);
		});

	test('refuses a certificate that nobody knows', async () => {
		const { own } = await ownAccount();
		assertRefused(await post({ url: receiver.url('/', 'selfSigned') },
			own), unreachable);
		assert.equal((await list(own)).total_count, 0);
	});

	test('can be done again once the URL answers', async () => {
		const { own } = await ownAccount();
		const { url } = freshUrl(behave.failing(1));
		const json = { url, idempotency_key: 'again' };
		assertRefused(await post(json, own), unreachable);
		assertOk(await post(json, own), 201);
		assert.equal((await list(own)).total_count, 1);
	});

	test('keeps nobody else waiting', async () => {
		const { own } = await ownAccount();
		const gate = behave.gated();
		const { place, url } = freshUrl(gate);
		const pending = post({ url }, own);
		await receiver.until(() => receiver.of(place).length === 1);
		assert.equal((await list(own)).total_count, 0);
		await register(own);
		gate.open();
		assertOk(await pending, 201);
		assert.equal((await list(own)).total_count, 2);
	});
});

describe('the idempotency key', () => {
	test('makes one endpoint, which is shown without secret', async () => {
		const { own } = await ownAccount();
		const { place, url } = freshUrl();
		const json = { url, idempotency_key: 'one' };
		const first = assertOk(await post(json, own), 201);
		const again = await post(json, own);
		assert.deepEqual(assertOk(again), { ...first, secret: null });
		assert.equal(again.headers['idempotent-replayed'], 'true');
		assert.equal(receiver.of(place).length, 1);
		assertRefused(await post({ ...json, enabled_events:
			[stableEvents[0]] }, own), refusal.conflict);
	});
});

describe('an endpoint', () => {
	test('is removed for good', async () => {
		const { own } = await ownAccount();
		const keep = await register(own);
		const { id } = await register(own);
		assert.deepEqual(assertOk(await request('DELETE', at(id), own)),
			{ id, object: 'webhook_endpoint', deleted: true });
		for (const method of ['GET', 'DELETE'])
			assertRefused(await request(method, at(id), own), noEndpoint);
		assert.deepEqual(idsOf(await list(own)), [keep.id]);
	});

	test('cannot be changed', async () => {
		const { own } = await ownAccount();
		const { id } = await register(own);
		const answer = await request('POST', at(id), { ...own,
			json: { url: hook } });
		assertRefused(answer, { status: 405, code: 'method_not_allowed' });
		assert.deepEqual(answer.headers.allow.split(', ').sort(),
			['DELETE', 'GET']);
	});

	test('is in a list with the count of all', async () => {
		const { own } = await ownAccount();
		const ids = [];
		for (let i = 0; i < 3; i++)
			ids.unshift((await register(own)).id);
		const first = await list(own, '?limit=2');
		assert.deepEqual({ ...first, data: idsOf(first) }, { object: 'list',
			data: ids.slice(0, 2), has_more: true, total_count: 3 });
		const rest = await list(own, `?starting_after=${ids[1]}`);
		assert.deepEqual([idsOf(rest), rest.has_more, rest.total_count],
			[ids.slice(2), false, 3]);
		assert.deepEqual(idsOf(await list(own,
			`?limit=1&ending_before=${ids[2]}`)), [ids[1]]);
	});

	test('is of its account and mode', async () => {
		const { own, live } = await ownAccount();
		const foreign = await ownAccount();
		const { id } = await register(own);
		for (const method of ['GET', 'DELETE']) {
			assertRefused(await request(method, at(id), foreign.own),
				noEndpoint);
			assertRefused(await request(method, at(id), foreign.live),
				noEndpoint);
			assertRefused(await request(method, at(id), live),
				refusal.otherMode);
		}
		for (const other of [live, foreign.own]) {
			assert.equal((await list(other)).total_count, 0);
			assertRefused(await request('GET',
				`${path}?starting_after=${id}`, other),
			{ ...refusal.invalid, param: 'starting_after' });
		}
		assertOk(await request('GET', at(id), own));
	});

	test('of a key that is bound is its merchant\'s', async () => {
		const { account, own } = await ownAccount();
		const { id: second } = await createMerchant(server, account.id);
		const bound = { key: (await operatorKey(server, account.id, '--mode',
			'test', '--type', 'secret', '--merchant', second)).secret };
		const shared = await register(own);
		const mine = await register(bound);
		assert.deepEqual([shared.merchant_id, mine.merchant_id],
			[null, second]);
		assert.deepEqual(idsOf(await list(bound)), [mine.id]);
		assert.deepEqual(idsOf(await list(own)), [mine.id, shared.id]);
		assertRefused(await request('GET', at(shared.id), bound), noEndpoint);
	});

	test('is of its contract alone', async () => {
		const { own } = await ownAccount();
		const { id } = await register(own);
		assertRefused(await request('GET', `/v1/webhook_endpoints/${id}`,
			own), { status: 404, code: 'resource_missing', param: 'id' });
		const card = assertOk(await request('POST', '/v1/webhook_endpoints',
			{ ...own, json: { url: hook, enabled_events: ['*'] } }));
		assertRefused(await request('GET', at(card.id), own), noEndpoint);
		assert.deepEqual(idsOf(await list(own)), [id]);
	});
});

// At a server that sends nothing into its own networks.
describe('what is not taken', () => {
	const ask = (json, options) =>
		closed.request('POST', path, { ...options, json });

	for (const [what, url] of Object.entries({ ...badUrls,
		'plain HTTP': 'http://shop.invalid/hook' }))
		test(`as URL: ${what}`, async () => {
			const error = assertRefused(await ask({ url }), badUrl);
			assert.match(error.message,
				/^The webhook URL is not valid: .+\.$/);
			assert.doesNotMatch(error.message, /hunter2|\/hook/);
		});

	test('as URL: what is no text', async () => {
		for (const url of noTexts)
			assertRefused(await ask({ url }), badUrl);
	});

	test('as URL: plain HTTP where all else is allowed', async () => {
		assertRefused(await post({ url: receiver.url('/', 'http') }), badUrl);
		assert.equal(receiver.connections.http, 0);
	});

	const more = {
		'a star': [['*'], '[]'],
		'a type twice': [[stableEvents[0], stableEvents[0]], '[]'],
		'a type of the other contract': [[cardEvents[0]], '[]'],
	};
	for (const [what, [types, place]] of
		Object.entries({ ...badEvents, ...more }))
		test(`as enabled_events: ${what}`, async () => {
			assertRefused(await ask({ url: hook, enabled_events: types }),
				{ ...refusal.invalid, param: `enabled_events${place}` });
		});

	test('nothing where the URL is due', async () => {
		assertRefused(await ask({}), { ...refusal.missing, param: 'url' });
	});

	test('the parameters of the other contract', async () => {
		for (const [json, param] of [[{ description: 'x' }, 'description'],
			[{ status: 'disabled' }, 'status'],
			[{ merchant_id: closed.merchantId }, 'merchant_id']])
			assertRefused(await ask({ url: hook, ...json }),
				{ ...refusal.invalid, param });
		assertRefused(await closed.request('GET',
			`${path}?merchant_id=${closed.merchantId}`),
		{ ...refusal.invalid, param: 'merchant_id' });
	});

	test('an id that is none or unknown', async () => {
		for (const id of ['we_1', 'x', unknownId])
			for (const method of ['GET', 'DELETE'])
				assertRefused(await closed.request(method, at(id)),
					noEndpoint);
	});

	test('and none of it has made an endpoint', async () => {
		const { data, total_count: count } =
			assertOk(await closed.request('GET', path));
		assert.deepEqual([data, count], [[], 0]);
	});
});

describe('the permission', () => {
	test('to write is one to read, and not the reverse', async () => {
		const [read, write, other] = await Promise.all([
			['webhook_endpoints:read'], ['webhook_endpoints:write'],
			['events:read', 'merchants:read']].map(async (names) =>
			({ key: (await restrictedKey(closed, names)).secret })));
		const ask = (method, where, options) =>
			closed.request(method, where, options);
		for (const options of [read, write]) {
			assertOk(await ask('GET', path, options));
			assertRefused(await ask('GET', at(unknownId), options),
				noEndpoint);
		}
		assertRefused(await ask('DELETE', at(unknownId), write), noEndpoint);
		assertRefused(await ask('POST', path, { ...write, json: {} }),
			refusal.missing);
		for (const options of [read, other])
			for (const [method, where] of [['POST', path],
				['DELETE', at(unknownId)]])
				assert.match(assertRefused(await ask(method, where,
					options), refusal.noPermission).message,
				/webhook_endpoints:write/);
		assertRefused(await ask('GET', path, other), refusal.noPermission);
		const page = await createKey(closed, { type: 'publishable' });
		assertRefused(await ask('GET', path, { key: page.secret }),
			refusal.noPermission);
	});
});
