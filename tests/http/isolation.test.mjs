// Nobody is let in: every route of both contracts, from the tables that the
// program itself goes by, with every kind of key that is none, may less, or is
// of somebody else.  What is somebody else's answers as what does not exist,
// byte for byte, and nothing that is refused leaves a trace in the store.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { createIntent, createKey, operatorKey } from './fixtures.mjs';
import { assertRefused, build, startServer } from './harness.mjs';
import { assertSame, expectedOf, forbidden, isVisible, missing, noKey, sees,
	shape } from './isolation_answers.mjs';
import { makeLackingKeys, makeNarrowPlaces, makeNoKeys } from
	'./isolation_keys.mjs';
import { has, make, makePlaces, namedOf, prefixes, recipes, requestOf, routes,
	targetOf, unknownId } from './isolation_world.mjs';
import { startReceiver } from './receiver.mjs';
import { deliverySettings } from './webhook_delivery.mjs';

let server;
let places;
let keys; // that are none: by what is wrong with them
let lacking; // keys with all permissions but one, and with one alone

const permissions = [...new Set(routes.map(({ permission }) => permission)
	.filter((permission) => permission !== null))].sort();
const closed = routes.filter(({ open }) => !open);
const withId = closed.filter(({ hasId }) => hasId);

// -- What is stored ----------------------------------------------------------

// Limits that are never reached, and tell whose they are.
const rates = { rate_card_merchant: 999999, rate_card_api_keys: 500000,
	rate_stable_test: 999997, rate_stable_live: 999996, rate_address: 999995 };

// Every object of the store, but for when keys were last used, and how much
// there is of what is none.  What looks at it notes itself in the audit log.
let looks = 0;

async function stored() {
	const { stdout } = await promisify(execFile)(join(build, 'intentctl'),
		['--store', server.store, 'export', '-'], { maxBuffer: 1 << 28 });
	const { audit, attempts, deliveries_due: due, meta, ...rows } =
		(await server.ctl('stats')).tables;
	assert.ok([audit, attempts, due, meta, rows.outcomes, rows.deliveries]
		.every(Number.isInteger));
	looks++;
	return stdout.replace(/"last_used":(null|\d+)/g, '"last_used":0') +
		JSON.stringify({ ...rows, audit: audit - looks });
}

async function assertStored(before) {
	const now = await stored();
	if (now !== before)
		assert.deepEqual(now.split('\n'), before.split('\n'));
}

// A merchant has 16 webhook endpoints at most.
async function forgetEndpoints() {
	for (const path of ['/v1/webhook_endpoints', '/v1/webhook-endpoints'])
		for (const { key } of Object.values(places).filter(({ name }) => name)) {
			const { body } = await server.request('GET', `${path}?limit=100`,
				{ key });
			for (const { id } of body.data)
				await server.request('DELETE', `${path}/${id}`, { key });
		}
}

function ask([method, path, options], key, more = {}) {
	return server.request(method, path, { ...options, key, ...more });
}

// The card contract takes forms as well, and says the same to them.
async function askRefused(route, request, key) {
	const [method, path, { json }] = request;
	const answer = await ask(request, key);
	if (route.contract === 'card' && json !== undefined)
		assertSame(await ask([method, path, { form: json }], key), 'none',
			answer, 'none');
	return answer;
}

function assertAllowed(answer, what) {
	assert.ok(answer.status < 300, `${what}: ${answer.text}`);
	return answer;
}

before(async () => {
	const receiver = await startReceiver();
	server = await startServer({
		settings: { ...deliverySettings(receiver), ...rates } });
	server.receiver = receiver;
	places = await makePlaces(server);
	[keys, lacking] = await Promise.all([
		makeNoKeys(server, places, permissions),
		makeLackingKeys(server, places, permissions)]);
	Object.assign(places,
		await makeNarrowPlaces(server, places, permissions));
	for (const mode of ['test', 'live'])
		for (const name of ['own', 'account']) {
			const { secret } = await operatorKey(server,
				places[name].accountId, '--mode', mode,
				'--type', 'publishable');
			places[`${name} publishable ${mode}`] = { key: secret };
		}
});

after(async () => {
	await server.stop();
	await server.receiver.close();
});

test('every route has a recipe, and every recipe its route', () => {
	assert.deepEqual(Object.keys(recipes).sort(),
		routes.map(({ name }) => name).sort());
	assert.ok(closed.length >= 45, String(closed.length));
	for (const { object, fields } of routes)
		for (const kind of [object, ...Object.values(fields)])
			assert.ok(kind === null || kind in prefixes, kind);
});

// -- Keys --------------------------------------------------------------------

describe('a key that is none', () => {
	const targets = {};
	let earlier;

	before(async () => {
		for (const route of closed)
			targets[route.name] = {
				id: route.hasId ? await targetOf(server, route, places.own) : '',
				named: await namedOf(server, route, places.own),
			};
		earlier = await stored();
	});

	for (const route of closed)
		test(route.name, async () => {
			const { id, named } = targets[route.name];
			const nobody = unknownId(route.object);
			await Promise.all(Object.values(keys).map(
				async ({ key, header, code }) => {
					const more = header === undefined ? {}
						: { headers: { Authorization: header } };
					const to = (to) => ask(requestOf(server, route, places.own,
						to, named), key, more);
					const answer = await to(id);
					assertRefused(answer, noKey[route.contract](code));
					assert.equal(answer.headers['x-ratelimit-limit'],
						String(rates.rate_address));
					if (route.hasId)
						assertSame(answer, id, await to(nobody), nobody);
				}));
		});

	test('has no effect', async () => {
		await assertStored(earlier);
	});

	test('is answered alike by the card contract, whatever is wrong with it',
		async () => {
			const texts = new Set();
			for (const { key, header } of Object.values(keys)) {
				const answer = await server.request('GET', '/v1/events',
					{ key, headers: header && { Authorization: header } });
				texts.add(JSON.stringify(shape(answer, 'none')));
			}
			assert.equal(texts.size, 1);
		});
});

describe('a picture that anybody may see', () => {
	for (const route of routes.filter(({ open }) => open))
		for (const place of ['own', 'mode'])
			test(`whatever key comes along: ${place}, ${route.name}`,
				async () => {
					const to = (key, header) => ask(
						['GET', route.path.replace('{id}', id), {}], key,
						{ headers: header && { Authorization: header } });
					const id = await make(server, places[place],
						route.object);
					const seen = assertAllowed(await to(null), route.name);
					for (const { key, header } of Object.values(keys)) {
						const { status, text } = await to(key, header);
						assert.equal(status, seen.status);
						assert.equal(text, seen.text);
					}
				});
});

describe('a key that may less', () => {
	const targets = {};
	const foreign = {}; // objects of another account's, by route
	let earlier;
	const to = (route, key, send = ask) => {
		const { id, named } = targets[route.name];
		return send(requestOf(server, route, places.own, id, named), key);
	};

	before(async () => {
		const { own } = places;
		await forgetEndpoints();
		for (const route of closed)
			targets[route.name] = {
				id: route.hasId ? await targetOf(server, route, own) : '',
				named: await namedOf(server, route, own),
			};
		for (const route of withId)
			foreign[route.name] =
				await targetOf(server, route, places.account);
		earlier = await stored();
	});

	for (const route of closed)
		test(route.name, async () => {
			const wanted = forbidden[route.contract];
			const { lack } = lacking[route.permission];
			for (const [place, key] of Object.entries(lack)) {
				const { message } = assertRefused(await to(route, key,
					(...words) => askRefused(route, ...words)), wanted);
				assert.ok(message.includes(route.test_only &&
					places[place].live ? 'test mode' : route.permission),
				message);
			}
			const page = places['own publishable test'].key;
			assertRefused(await to(route, page), !route.publishable ? wanted
				: { status: 400, code: 'parameter_missing',
					param: 'client_secret' });
			if (route.test_only)
				assertRefused(await to(route, places.mode.key), wanted);
			if (!route.hasId)
				return;
			// Whatever there is, and whose it is.
			const nobody = unknownId(route.object);
			const about = (id) =>
				ask(requestOf(server, route, places.own, id), lack.own);
			const none = await about(nobody);
			for (const id of [targets[route.name].id, foreign[route.name]])
				assertSame(await about(id), id, none, nobody);
		});

	test('has no effect', () => assertStored(earlier));

	test('with what it lacks has its effect', async () => {
		for (const route of closed) {
			const { has: holds } = lacking[route.permission];
			assertAllowed(await to(route, holds), route.name);
		}
	});

	for (const route of closed.filter(({ fields }) => 'expand' in fields))
		test(`expands no customer that it may not read: ${route.name}`,
			async () => {
				const { id, named } = targets[route.name];
				const to = (permissions) => createKey(server,
					{ type: 'restricted', permissions },
					{ key: places.own.key }).then(({ secret }) =>
					ask(requestOf(server, route, places.own, id,
						route.method === 'POST'
							? { ...named, expand: ['customer'] }
							: { ...named, 'expand[]': 'customer' }), secret));
				assertRefused(await to([route.permission]), forbidden.card);
				const answer = await to([route.permission, 'customers:read']);
				assert.notEqual(answer.status, 403, answer.text);
			});

	for (const route of routes.filter(({ publishable }) => publishable))
		test(`publishable: ${route.name}`, async () => {
			const { own } = places;
			const id = await targetOf(server, route, own);
			const another = await createIntent(server, {}, { key: own.key });
			const secret = assertAllowed(await server.request('GET',
				`/v1/payment_intents/${id}`, { key: own.key }), id)
				.body.client_secret;
			const last = secret.at(-1) === '0' ? '1' : '0';
			const to = (who, to, given) => {
				const request = requestOf(server, route, own, to,
					{ client_secret: given });
				return ask(request, places[who].key);
			};
			const page = 'own publishable test';
			const before = await stored();
			{
				const nobody = unknownId('intent');
				for (const [who, given] of [[page, another.client_secret],
					[page, secret.slice(0, -1) + last], [page, 'x'],
					[page, `${secret}0`], ['account publishable test', secret],
					['account publishable live', secret],
					['own publishable live', secret]]) {
					const answer = await to(who, id, given);
					assertRefused(answer, missing(route, 'intent'));
					assertSame(answer, id, await to(who, nobody, given), nobody);
				}
			}
			await assertStored(before);
			assertAllowed(await to(page, id, secret), route.name);
		});
});

// -- Objects -----------------------------------------------------------------

// Whose key, and whose object: what must not be seen.
const pairs = [['own', 'account'], ['own', 'accountLive'], ['own', 'mode'],
	['mode', 'own'], ['mode', 'account'], ['bound', 'second'],
	['second', 'own'], ['bound', 'mode'], ['bound', 'account'],
	['second', 'accountSecond'], ['account', 'own'], ['account', 'mode'],
	['boundNarrow', 'second'], ['boundNarrow', 'account'],
	['modeNarrow', 'own']];

// Live mode takes no money, and has no test helpers.
function assertHadEffect(route, place, answer) {
	const { takesMoney, state } = recipes[route.name];
	if (!place.live || !(route.test_only || takesMoney || state))
		assertAllowed(answer, `${route.name} of ${place.name}`);
	else if (!route.test_only)
		assert.ok(![401, 403, 404].includes(answer.status), answer.text);
}

describe('an object of somebody else', () => {
	const objects = {}; // of each owner, by route
	let earlier;

	before(async () => {
		await forgetEndpoints();
		for (const route of withId) {
			const owners = [...new Set(pairs.map(([, name]) => name))]
				.filter((name) => has(places[name], route.object));
			objects[route.name] = Object.fromEntries(await Promise.all(
				owners.map(async (name) =>
					[name, await targetOf(server, route, places[name])])));
		}
		earlier = await stored();
	});

	for (const route of withId)
		test(route.name, async () => {
			const kind = route.object;
			const ids = objects[route.name];
			const nobody = unknownId(kind);
			await Promise.all(pairs.map(async ([from, of]) => {
				const [viewer, owner] = [places[from], places[of]];
				if (!(of in ids) || isVisible(kind, viewer, owner))
					return;
				const to = (id) => askRefused(route,
					requestOf(server, route, viewer, id), viewer.key);
				const answer = await to(ids[of]);
				const { refusal, alike } = expectedOf(route, kind, viewer,
					owner, 'id');
				assertRefused(answer, refusal);
				if (alike)
					assertSame(answer, ids[of], await to(nobody), nobody);
			}));
		});

	test('is as it was', () => assertStored(earlier));

	test('is there, and its own key has the effect', async () => {
		for (const route of withId)
			for (const [of, id] of Object.entries(objects[route.name]))
				assertHadEffect(route, places[of], await ask(requestOf(server,
					route, places[of], id), places[of].key));
	});

	for (const route of withId.filter(({ name }) => recipes[name]?.deletes))
		test(`that was deleted: ${route.name}`, async () => {
			const { account, own } = places;
			const id = await targetOf(server, route, account);
			const to = (key, id) => ask(requestOf(server, route, own, id), key);
			assertAllowed(await to(account.key, id), route.name);
			const nobody = unknownId(route.object);
			const there = await targetOf(server, route, account);
			assertSame(await to(own.key, id), id, await to(own.key, nobody),
				nobody);
			assertSame(await to(own.key, id), id, await to(own.key, there), there);
		});
});

// Every parameter that names an object, of every route.
const naming = closed.flatMap((route) => Object.entries(route.fields)
	.filter(([, kind]) => kind !== null)
	.map(([param, kind]) => ({ route, param, kind })));
assert.ok(naming.length >= 28, String(naming.length));

describe('a parameter that names what is somebody else\'s', () => {
	const cases = new Map(); // by the row of `naming`
	// Requests that are refused change none of them.
	const made = new Map();
	const one = (owner, ...words) => {
		const name = JSON.stringify([owner.name, ...words]);
		if (!made.has(name))
			made.set(name, make(server, owner, ...words));
		return made.get(name);
	};
	let earlier;

	const casesOf = ({ route, param, kind }) => Promise.all(pairs
		.map(([from, of]) => [places[from], places[of]])
		.filter(([viewer, owner]) => has(owner, kind) &&
			!isVisible(kind, viewer, owner) &&
			!(route.test_only && viewer.live))
		.map(async ([viewer, owner]) => ({ viewer, owner,
			id: await one(owner, kind, recipes[route.name]?.names?.[param],
				route.contract),
			target: route.hasId && await one(viewer, route.object,
				undefined, route.contract) })));

	before(async () => {
		await forgetEndpoints();
		for (const row of naming)
			cases.set(row, await casesOf(row));
		earlier = await stored();
	});

	for (const row of naming)
		test(`${row.param} of ${row.route.name}`, async () => {
			const { route, param, kind } = row;
			const nobody = unknownId(kind);
			assert.ok(cases.get(row).length >= 5);
			await Promise.all(cases.get(row).map(
				async ({ viewer, owner, id, target }) => {
					const to = (named) => askRefused(route, requestOf(server,
						route, viewer, target, { [param]: named }),
					viewer.key);
					const answer = await to(id);
					const { refusal } = expectedOf(route, kind, viewer, owner,
						param);
					assertRefused(answer, refusal);
					assertSame(answer, id, await to(nobody), nobody);
				}));
		});

	test('has no effect', () => assertStored(earlier));

	for (const route of closed.filter(({ method, hasId, name }) =>
		method === 'GET' && !hasId && name in recipes))
		test(`no object of somebody else is in ${route.name}`, async () => {
			const owners = ['own', 'mode', 'bound', 'second', 'account']
				.filter((name) => has(places[name], route.object));
			const ids = {};
			for (const name of owners)
				ids[name] = await make(server, places[name], route.object,
					undefined, route.contract);
			for (const viewer of owners) {
				const { text } = assertAllowed(await ask(requestOf(server, route,
					places[viewer], '', { limit: 100 }), places[viewer].key),
				route.name);
				assert.ok(text.includes(ids[viewer]), viewer);
				for (const name of owners)
					if (!sees(route, places[viewer], places[name]))
						assert.ok(!text.includes(ids[name]),
							`${viewer} sees ${name}`);
			}
		});
});

// -- Idempotency keys --------------------------------------------------------

describe('an idempotency key that somebody else has used', () => {
	before(forgetEndpoints);

	for (const route of closed.filter(({ method }) => method === 'POST'))
		test(route.name, async () => {
			const { bound } = places;
			const id = route.hasId ? await targetOf(server, route, bound) : '';
			const named = await namedOf(server, route, bound);
			const headers = { 'Idempotency-Key': randomUUID() };
			const request = requestOf(server, route, bound, id, named);
			const to = (who, what = request) =>
				ask(what, places[who].key, { headers });
			const first = assertAllowed(await to('bound'), route.name);
			for (const who of ['account', 'mode', 'second']) {
				const answer = await to(who);
				assert.equal(answer.headers['idempotent-replayed'], undefined);
				for (const secret of [first.body.id, first.body.client_secret,
					first.body.secret].filter((one) => one && one !== id))
					assert.ok(!answer.text.includes(secret), answer.text);
				if (id !== '')
					assert.ok(answer.status >= 400, answer.text);
			}
			// As for what is not there: the key was used for something else.
			if (!route.hasId)
				return;
			const nobody = unknownId(route.object);
			assertSame(await to('second'), id, await to('second',
				requestOf(server, route, bound, nobody, named)), nobody);
		});

	test('for what was refused tells as little', async () => {
		const { bound } = places;
		for (const name of ['POST /v1/payment_intents/{id}/capture',
			'POST /v1/payment_intents/{id}/refund',
			'POST /v1/payment-intents/{id}/cancel',
			'POST /v1/test-helpers/payment-intents/{id}/settle']) {
			const route = routes.find((one) => one.name === name);
			const [kind, state] = route.contract === 'card'
				? ['intent', 'canceled'] : ['coin_intent', 'cancelled'];
			const id = await make(server, bound, kind, state);
			const headers = { 'Idempotency-Key': randomUUID() };
			const to = (who, to) => ask(requestOf(server, route, bound, to),
				places[who].key, { headers });
			const refused = await to('bound', id);
			assert.ok([400, 409].includes(refused.status), refused.text);
			assert.equal((await to('bound', id))
				.headers['idempotent-replayed'], 'true');
			const nobody = unknownId(kind);
			assertSame(await to('second', id), id, await to('second', nobody),
				nobody);
		}
	});
});

// -- Merchants that may not --------------------------------------------------

describe('a merchant that is suspended', () => {
	const made = {};

	before(async () => {
		await forgetEndpoints();
		const { second, own } = places;
		const merchant = await server.ctl('merchant', 'create', '--account',
			own.accountId, '--name', 'Closed');
		const { secret } = await operatorKey(server, own.accountId, '--mode',
			'test', '--type', 'secret', '--merchant', merchant.id);
		made.place = { ...second, key: secret,
			merchantId: merchant.id };
		made.objects = {};
		for (const route of closed)
			made.objects[route.name] = {
				id: route.hasId ? await targetOf(server, route, made.place) : '',
				named: await namedOf(server, route, made.place),
			};
		await server.ctl('merchant', 'suspend', merchant.id);
	});

	for (const route of closed)
		test(route.name, async () => {
			const { id, named } = made.objects[route.name];
			const answer = await ask(requestOf(server, route, made.place, id,
				named), made.place.key);
			if (!recipes[route.name].takesMoney)
				return assertAllowed(answer, route.name);
			assertRefused(answer, route.contract === 'card'
				? forbidden.card : { status: 422, type: 'invalid_request_error',
					code: 'merchant_not_active', param: 'merchant_id' });
		});
});
