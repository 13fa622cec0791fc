// What the matrix of isolation needs: the routes as the tables have them, what
// a request to each of them is, and places, each with a key and with objects
// that the keys of the others must not see.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { createCustomer, createIntent, createKey, createRefund, intentIn,
	operatorKey, visa } from './fixtures.mjs';
import { assertOk, build } from './harness.mjs';
import { coinIn, createMerchant, freshExtendedKey,
	transfersOf } from './stable_fixtures.mjs';
import { createEndpoint, stableEndpoints } from './webhook_fixtures.mjs';

// -- Routes ------------------------------------------------------------------

export const routes = JSON.parse(readFileSync(
	join(build, 'docs/routes.json'), 'utf8')).map((route) => ({ ...route,
	name: `${route.method} ${route.path}`,
	hasId: route.path.includes('{id}') }));

// What ids begin with, by the kinds of the tables.
export const prefixes = { intent: 'pi', charge: 'ch', refund: 'ref',
	customer: 'cus', event: 'evt', endpoint: 'we', api_key: 'key',
	coin_intent: 'pi', transfer: 'txn', merchant: 'mer', balance: 'mer' };

// Well-formed ids that nothing has; of old ids' length, like all of them.
export const unknownId = (kind) => `${prefixes[kind]}_0t40xz8zsw9hvye44hyhzk0fm1`;

// -- Objects -----------------------------------------------------------------

const optionsOf = ({ key, merchantId }) => ({ key, merchantId });
const keyOf = ({ key }) => ({ key });

async function stableEndpoint(server, place) {
	const url = server.receiver.url('/coins');
	return assertOk(await server.request('POST', stableEndpoints,
		{ ...keyOf(place), json: { url } }), 201);
}

// How an object is made with which each request of its kind would succeed;
// `state` is one of the words of a recipe below.
const makers = {
	intent: (server, place, state = 'requires_payment_method') =>
		intentIn(server, place.live ? 'requires_confirmation' : state,
			keyOf(place)),
	async charge(server, place) {
		const { latest_charge: id } = await intentIn(server, 'succeeded',
			keyOf(place));
		return { id };
	},
	async refund(server, place) {
		const intent = await intentIn(server, 'succeeded', keyOf(place));
		return createRefund(server, { payment_intent: intent.id, amount: 1 },
			keyOf(place));
	},
	customer: (server, place) =>
		createCustomer(server, { name: 'Ada' }, keyOf(place)),
	async event(server, place) {
		const { id } = await createIntent(server, {}, keyOf(place));
		const { data } = assertOk(await server.request('GET',
			'/v1/events?limit=100', keyOf(place)));
		return data.find((event) => event.data.object.id === id);
	},
	endpoint: (server, place, state, contract) => contract === 'stable'
		? stableEndpoint(server, place)
		: createEndpoint(server, { url: server.receiver.url('/cards') },
			keyOf(place)),
	api_key: (server, place) => createKey(server,
		{ type: 'restricted', permissions: ['api_keys:write'] }, keyOf(place)),
	coin_intent: (server, place, state = 'awaiting_payment') =>
		coinIn(server, place.live ? 'awaiting_payment' : state,
			optionsOf(place), { ttl: 3600 }),
	async transfer(server, place) {
		const { id } = await coinIn(server, 'confirmed', optionsOf(place));
		return (await transfersOf(server, id, optionsOf(place)))[0];
	},
	merchant: async (server, { merchantId }) => ({ id: merchantId }),
	balance: async (server, { merchantId }) => ({ id: merchantId }),
};

// Live mode has no engine: nothing was paid there.
const paidKinds = new Set(['charge', 'refund', 'transfer']);

export const has = (place, kind) => !(place.live && paidKinds.has(kind));

export async function make(server, place, kind, state, contract = 'card') {
	const { id } = await makers[kind](server, place, state, contract);
	assert.ok(id.startsWith(`${prefixes[kind]}_`), id);
	return id;
}

// -- Requests ----------------------------------------------------------------

// What makes each request one that has an effect, on an object in `state`.  A
// route that is not here, and needs more than its path, fails the test.
const coins = (place) => ({ amount: 4.5, currency: 'usd',
	merchant_id: place.merchantId });
export const recipes = {
	'POST /v1/payment_intents': { json: () => ({ amount: 2000,
		currency: 'usd' }), takesMoney: true },
	'GET /v1/payment_intents': {},
	'GET /v1/payment_intents/{id}': {},
	'POST /v1/payment_intents/{id}': {
		json: () => ({ description: 'changed' }) },
	'POST /v1/payment_intents/{id}/confirm': {
		json: () => ({ payment_method: visa }), takesMoney: true },
	'POST /v1/payment_intents/{id}/capture': { state: 'requires_capture',
		takesMoney: true },
	'POST /v1/payment_intents/{id}/cancel': {},
	'POST /v1/payment_intents/{id}/refund': { state: 'succeeded',
		json: () => ({ amount: 1 }) },
	'POST /v1/refunds': { names: { payment_intent: 'succeeded' } },
	'GET /v1/refunds': {},
	'GET /v1/refunds/{id}': {},
	'GET /v1/charges': {},
	'GET /v1/charges/{id}': {},
	'POST /v1/customers': { json: () => ({ name: 'Ada' }) },
	'GET /v1/customers': {},
	'GET /v1/customers/{id}': {},
	'POST /v1/customers/{id}': { json: () => ({ name: 'Eve' }) },
	'DELETE /v1/customers/{id}': { deletes: true },
	'GET /v1/events': {},
	'GET /v1/events/{id}': {},
	'POST /v1/webhook_endpoints': { json: (place, { receiver }) => ({
		url: receiver.url('/cards'), enabled_events: ['*'] }) },
	'GET /v1/webhook_endpoints': {},
	'GET /v1/webhook_endpoints/{id}': {},
	'POST /v1/webhook_endpoints/{id}': {
		json: () => ({ description: 'changed' }) },
	'DELETE /v1/webhook_endpoints/{id}': { deletes: true },
	'POST /v1/api_keys': { json: () => ({ type: 'restricted',
		permissions: ['api_keys:write'] }) },
	'GET /v1/api_keys': {},
	'GET /v1/api_keys/{id}': {},
	'POST /v1/api_keys/{id}/revoke': {},
	'POST /v1/api_keys/{id}/roll': {},
	'POST /v1/test_helpers/payment_intents/{id}/transition': {
		state: 'requires_capture', json: () => ({ status: 'succeeded' }) },
	'POST /v1/payment-intents': { json: coins, takesMoney: true },
	'GET /v1/payment-intents': { query: ({ merchantId }) =>
		({ merchant_id: merchantId }) },
	'GET /v1/payment-intents/{id}': {},
	'POST /v1/payment-intents/{id}/cancel': {},
	'GET /v1/transactions': { query: ({ merchantId }) =>
		({ merchant_id: merchantId }) },
	'GET /v1/transactions/{id}': {},
	'GET /v1/merchants/{id}': {},
	'GET /v1/merchants/{id}/balance': {},
	'GET /v1/qr/{id}.png': {},
	'POST /v1/webhook-endpoints': { json: (place, { receiver }) => ({
		url: receiver.url('/coins') }) },
	'GET /v1/webhook-endpoints': {},
	'GET /v1/webhook-endpoints/{id}': {},
	'DELETE /v1/webhook-endpoints/{id}': { deletes: true },
	'POST /v1/test-helpers/payment-intents/{id}/pay': {},
	'POST /v1/test-helpers/payment-intents/{id}/settle': {
		state: 'confirmed' },
};

// The request of a route for an object, as its caller's place would send it;
// `named` are parameters that take the place of the recipe's.
export function requestOf(server, route, place, id, named = {}) {
	const recipe = recipes[route.name];
	const path = route.path.replace('{id}', id);
	if (route.method !== 'POST') {
		const query = new URLSearchParams({
			...recipe.query?.(place, server), ...named });
		return [route.method, query.size === 0 || `${query}` === ''
			? path : `${path}?${query}`, {}];
	}
	const json = { ...recipe.json?.(place, server), ...named };
	return ['POST', path, Object.keys(json).length > 0 ? { json } : {}];
}

// An object of the place with which the route would have its effect.
export function targetOf(server, route, place) {
	return make(server, place, route.object, recipes[route.name].state,
		route.contract);
}

// The parameters that the recipe of a route names objects with.
export async function namedOf(server, route, place) {
	const names = Object.entries(recipes[route.name].names ?? {});
	return Object.fromEntries(await Promise.all(names.map(
		async ([name, state]) => [name, await make(server, place,
			route.fields[name], state)])));
}

// -- Places ------------------------------------------------------------------

async function account(server, name) {
	const { id } = await server.ctl('account', 'create', '--name', name);
	const merchant = await createMerchant(server, id, '--extended-key',
		freshExtendedKey());
	const second = await createMerchant(server, id, '--extended-key',
		freshExtendedKey());
	return { id, merchantId: merchant.id, secondId: second.id };
}

async function place(server, { id }, merchantId, mode, ...words) {
	const key = await operatorKey(server, id, '--mode', mode, '--type',
		'secret', ...words);
	return { key: key.secret, accountId: id, merchantId,
		live: mode === 'live', bound: words.length > 0 };
}

// own: an account's test key; `mode`: its live one.  `bound` and `second` are
// test keys of it that are bound to a merchant, to that of `own` and to another.
// `account`, `accountLive` and `accountSecond` are the same of another account.
export async function makePlaces(server) {
	const [ours, theirs] = await Promise.all([account(server, 'Ours'),
		account(server, 'Theirs')]);
	const bind = (merchant) => ['--merchant', merchant];
	const made = await Promise.all([
		place(server, ours, ours.merchantId, 'test'),
		place(server, ours, ours.merchantId, 'live'),
		place(server, ours, ours.merchantId, 'test', ...bind(ours.merchantId)),
		place(server, ours, ours.secondId, 'test', ...bind(ours.secondId)),
		place(server, theirs, theirs.merchantId, 'test'),
		place(server, theirs, theirs.merchantId, 'live'),
		place(server, theirs, theirs.secondId, 'test',
			...bind(theirs.secondId)),
	]);
	const names = ['own', 'mode', 'bound', 'second', 'account', 'accountLive',
		'accountSecond'];
	return Object.fromEntries(names.map((name, i) =>
		[name, { name, ...made[i] }]));
}
