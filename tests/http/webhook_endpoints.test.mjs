// Webhook endpoints of the card contract: making, reading, changing and
// removing them, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createKey, invalid, missing, operatorKey,
	restrictedKey } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { assertShape } from './shapes.mjs';
import { badEvents, badUrls, cardEndpoints as path, cardEvents,
	createEndpoint, hook, noTexts, postEndpoint, stableEvents,
} from './webhook_fixtures.mjs';

const badUrl = { ...invalid, param: 'url' };
const unknownId = 'we_0t40xz8zsw9hvye44hyhzk0fm1';
let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

const request = (method, where, options) =>
	server.request(method, where, options);

const at = (id) => `${path}/${id}`;

async function list(options, query = '?limit=100') {
	return assertOk(await request('GET', path + query, options));
}

const idsOf = ({ data }) => data.map(({ id }) => id);

// An account of its own: endpoints are few.
async function ownAccount() {
	return { key: (await createAccount(server)).testKey };
}

describe('an endpoint', () => {
	for (const syntax of ['json', 'form'])
		test(`is made from ${syntax} and shows its secret once`, async () => {
			const owner = await ownAccount();
			const given = { url: `${hook}?a=b&c=d`, description: 'the shöp',
				enabled_events: ['charge.refunded', 'customer.created'] };
			const made = assertShape(assertOk(await request('POST', path,
				{ ...owner, [syntax]: given })), 'webhook_endpoint');
			assert.deepEqual({ ...made, id: 0, created: 0, merchant_id: 0,
				secret: 0 }, { id: 0, object: 'webhook_endpoint', created: 0,
				description: given.description, disabled_at: null,
				disabled_reason: null, livemode: false, merchant_id: 0,
				enabled_events: given.enabled_events, secret: 0,
				status: 'enabled', url: given.url });
			assert.match(made.secret, /^whsec_[0-9A-Za-z]{32}$/);
			const { secret, ...rest } = made;
			const shown = { ...rest, secret: null };
			assert.deepEqual(assertOk(await request('GET', at(made.id),
				owner)), shown);
			assert.deepEqual((await list(owner)).data, [shown]);
		});

	test('has a secret that no other one has', async () => {
		const owner = await ownAccount();
		const [one, other] = [await createEndpoint(server, {}, owner),
			await createEndpoint(server, {}, owner)];
		assert.notEqual(one.secret, other.secret);
		assert.notEqual(one.id, other.id);
	});

	test('hears of all with a star, and of every type by name', async () => {
		const owner = await ownAccount();
		const all = await createEndpoint(server, { enabled_events: ['*'] },
			owner);
		assert.deepEqual(all.enabled_events, ['*']);
		const named = await createEndpoint(server,
			{ enabled_events: [...cardEvents].reverse() }, owner);
		assert.deepEqual(named.enabled_events, cardEvents);
	});

	test('may be plain HTTP in test mode alone', async () => {
		const url = 'http://shop.invalid/hook';
		const account = await createAccount(server);
		const made = await createEndpoint(server, { url },
			{ key: account.testKey });
		assert.equal(made.url, url);
		assertRefused(await postEndpoint(server, { url },
			{ key: account.liveKey }), badUrl);
		const live = await createEndpoint(server, {},
			{ key: account.liveKey });
		assert.equal(live.livemode, true);
	});

	test('is made once for an idempotency key, with its secret', async () => {
		const owner = await ownAccount();
		const options = { ...owner,
			headers: { 'Idempotency-Key': 'endpoint' } };
		const first = await postEndpoint(server, {}, options);
		const again = await postEndpoint(server, {}, options);
		assert.equal(again.text, first.text);
		assert.equal(again.headers['idempotent-replayed'], 'true');
		assert.match(again.body.secret, /^whsec_/);
		assert.equal((await list(owner)).data.length, 1);
		assertRefused(await postEndpoint(server, { url: `${hook}2` },
			options), { status: 422, code: 'idempotency_key_reuse' });
	});

	test('is one of sixteen at most', async () => {
		const owner = await ownAccount();
		await Promise.all(Array.from({ length: 16 },
			() => createEndpoint(server, {}, owner)));
		const error = assertRefused(await postEndpoint(server, {}, owner),
			badUrl);
		assert.match(error.message, /16/);
		assert.equal((await list(owner)).data.length, 16);
	});
});

describe('changing an endpoint', () => {
	let owner;
	let made;

	before(async () => {
		owner = await ownAccount();
		const { secret, ...rest } = await createEndpoint(server,
			{ description: 'first' }, owner);
		made = { ...rest, secret: null };
	});

	async function change(json) {
		const changed = assertOk(await request('POST', at(made.id),
			{ ...owner, json }));
		assert.deepEqual(assertOk(await request('GET', at(made.id), owner)),
			changed);
		return changed;
	}

	const changes = {
		url: `${hook}/moved`,
		enabled_events: ['charge.failed'],
		description: 'second',
	};
	for (const [name, value] of Object.entries(changes))
		test(`changes its ${name} and nothing else`, async () => {
			made = { ...made, [name]: value };
			assert.deepEqual(await change({ [name]: value }), made);
		});

	test('changes nothing where nothing is given', async () => {
		assert.deepEqual(await change({}), made);
	});

	test('removes its description', async () => {
		made = { ...made, description: null };
		assert.deepEqual(await change({ description: '' }), made);
	});

	test('disables it, which it says, and enables it again', async () => {
		const { disabled_at: when, ...rest } =
			await change({ status: 'disabled' });
		assert.ok(Math.abs(when - Date.now() / 1000) < 60, String(when));
		assert.deepEqual({ ...rest, disabled_at: null }, { ...made,
			status: 'disabled', disabled_reason: 'by_request' });
		const twice = await change({ status: 'disabled' });
		assert.equal(twice.disabled_at, when);
		assert.deepEqual(await change({ status: 'enabled' }), made);
	});

	const refused = {
		'another status': [{ status: 'paused' }, 'status'],
		'the status of one that waits': [{ status: 'pending' }, 'status'],
		metadata: [{ metadata: { a: 'b' } }, 'metadata[a]'],
		'a secret': [{ secret: 'whsec_1' }, 'secret'],
		'another URL that is none': [{ url: 'https://127.0.0.1/' }, 'url'],
		'types that are none': [{ enabled_events: ['*', '*'] },
			'enabled_events[]'],
		'a description that is too long': [{ description: 'x'.repeat(1001) },
			'description'],
	};
	for (const [what, [json, param]] of Object.entries(refused))
		test(`does not take ${what}`, async () => {
			assertRefused(await request('POST', at(made.id),
				{ ...owner, json }), { ...invalid, param });
			assert.deepEqual(assertOk(await request('GET', at(made.id),
				owner)), made);
		});
});

describe('removing an endpoint', () => {
	test('leaves its id, and nothing to be found', async () => {
		const owner = await ownAccount();
		const keep = await createEndpoint(server, {}, owner);
		const { id } = await createEndpoint(server, {}, owner);
		assert.deepEqual(assertOk(await request('DELETE', at(id), owner)),
			{ id, object: 'webhook_endpoint', deleted: true });
		for (const [method, json] of [['GET'], ['DELETE'],
			['POST', { status: 'enabled' }]]) {
			const error = assertRefused(await request(method, at(id),
				{ ...owner, json }), { ...missing, param: 'id' });
			assert.equal(error.message, `No such webhook endpoint: '${id}'`);
		}
		assert.deepEqual(idsOf(await list(owner)), [keep.id]);
	});
});

describe('the list of endpoints', () => {
	test('is paged, newest first', async () => {
		const owner = await ownAccount();
		const ids = [];
		for (let i = 0; i < 5; i++)
			ids.unshift((await createEndpoint(server, {}, owner)).id);
		const first = await list(owner, '?limit=2');
		assert.deepEqual({ ...first, data: idsOf(first) }, { object: 'list',
			data: ids.slice(0, 2), has_more: true, url: path,
			next_cursor: ids[1] });
		const rest = await list(owner, `?starting_after=${ids[1]}`);
		assert.deepEqual([idsOf(rest), rest.has_more],
			[ids.slice(2), false]);
		const newer = await list(owner, `?limit=2&ending_before=${ids[4]}`);
		assert.deepEqual(idsOf(newer), ids.slice(2, 4));
	});

	test('has no endpoint of the other mode or account', async () => {
		const account = await createAccount(server);
		const other = await ownAccount();
		const keys = [account.testKey, account.liveKey, other.key];
		const made = await Promise.all(keys.map((key) =>
			createEndpoint(server, {}, { key })));
		for (const [i, key] of keys.entries()) {
			assert.deepEqual(idsOf(await list({ key })), [made[i].id]);
			for (const { id } of made.filter((one) => one !== made[i])) {
				for (const [method, json] of [['GET'], ['DELETE'],
					['POST', { description: 'x' }]])
					assertRefused(await request(method, at(id),
						{ key, json }), { ...missing, param: 'id' });
				assertRefused(await request('GET',
					`${path}?starting_after=${id}`, { key }),
				{ ...invalid, param: 'starting_after' });
			}
		}
	});
});

describe('the endpoints of two merchants', () => {
	test('are their own, and a key without a merchant sees both', async () => {
		const account = await createAccount(server);
		const { id: second } = await server.ctl('merchant', 'create',
			'--account', account.id, '--name', 'Second');
		const [mine, theirs] = await Promise.all(
			[account.merchantId, second].map(async (merchant) => ({
				key: (await operatorKey(server, account.id, '--mode', 'test',
					'--type', 'secret', '--merchant', merchant)).secret })));
		const one = await createEndpoint(server, {}, mine);
		const two = await createEndpoint(server, {}, theirs);
		assert.deepEqual([one.merchant_id, two.merchant_id],
			[account.merchantId, second]);
		assert.deepEqual(idsOf(await list(mine)), [one.id]);
		assert.deepEqual(idsOf(await list(theirs)), [two.id]);
		assert.deepEqual(idsOf(await list({ key: account.testKey })),
			[two.id, one.id]);
		assertRefused(await request('GET', at(two.id), mine),
			{ ...missing, param: 'id' });
	});
});

describe('what is not taken', () => {
	for (const [what, url] of Object.entries(badUrls))
		test(`as URL: ${what}`, async () => {
			const error = assertRefused(await postEndpoint(server, { url }),
				badUrl);
			assert.match(error.message, /^Invalid value for 'url': .+\.$/);
			assert.doesNotMatch(error.message, /hunter2|hook/);
		});

	test('as URL: what is no text', async () => {
		for (const url of noTexts)
			assertRefused(await postEndpoint(server, { url }), badUrl);
	});

	const stars = {
		'a star among others': [['*', 'charge.failed'], '[]'],
		'a star behind others': [['charge.failed', '*'], '[]'],
		'two stars': [['*', '*'], '[]'],
		'a type twice': [['charge.failed', 'charge.failed'], '[]'],
		'a type of the other contract': [[stableEvents[0]], '[]'],
	};
	for (const [what, [types, place]] of
		Object.entries({ ...badEvents, ...stars }))
		test(`as enabled_events: ${what}`, async () => {
			assertRefused(await postEndpoint(server,
				{ enabled_events: types }),
			{ ...invalid, param: `enabled_events${place}` });
		});

	test('nothing where url or enabled_events is due', async () => {
		for (const param of ['url', 'enabled_events'])
			assertRefused(await postEndpoint(server, { [param]: undefined }),
				{ status: 400, code: 'parameter_missing', param });
	});

	test('the parameters of other endpoints', async () => {
		for (const [json, param] of [[{ metadata: { a: 'b' } }, 'metadata[a]'],
			[{ status: 'disabled' }, 'status'], [{ secret: 'x' }, 'secret'],
			[{ merchant: 'mer_1' }, 'merchant'], [{ events: ['*'] },
				'events[]']])
			assertRefused(await postEndpoint(server, json),
				{ ...invalid, param });
		assertRefused(await postEndpoint(server, { description: 7 }),
			{ ...invalid, param: 'description' });
	});

	test('an id that is none or unknown', async () => {
		for (const id of ['we_1', 'x', unknownId, `we_${'0'.repeat(26)}`])
			for (const method of ['GET', 'POST', 'DELETE'])
				assertRefused(await request(method, at(id)),
					{ ...missing, param: 'id' });
	});

	test('another method', async () => {
		const answer = await request('PUT', path);
		assertRefused(answer, { status: 405, code: 'method_not_allowed' });
		assert.equal(answer.headers.allow, 'POST, GET');
	});

	test('and none of it has made an endpoint', async () => {
		assert.deepEqual((await list()).data, []);
	});
});

describe('the permission', () => {
	test('to write is one to read, and not the reverse', async () => {
		const owner = await ownAccount();
		const { id } = await createEndpoint(server, {}, owner);
		const forbidden = { status: 403, code: 'insufficient_permissions' };
		const [read, write, other] = await Promise.all([
			['webhook_endpoints:read'], ['webhook_endpoints:write'],
			['events:read', 'payment_intents:write']].map(async (names) =>
			({ key: (await restrictedKey(server, names, owner)).secret })));
		for (const options of [read, write]) {
			assertOk(await request('GET', at(id), options));
			assert.equal((await list(options)).data.length, 1);
		}
		assertOk(await request('POST', at(id),
			{ ...write, json: { description: 'x' } }));
		for (const options of [read, other])
			for (const [method, where] of [['POST', path], ['POST', at(id)],
				['DELETE', at(id)]])
				assert.match(assertRefused(await request(method, where,
					options), forbidden).message, /webhook_endpoints:write/);
		assertRefused(await request('GET', at(id), other), forbidden);
		const page = await createKey(server, { type: 'publishable' }, owner);
		assertRefused(await request('GET', path, { key: page.secret }),
			forbidden);
	});
});
