// The stable contract for random runs: which calls there are, and how a random
// command becomes one, with the ids that its client has seen by then.
import fc from 'fast-check';

import { freshAddress, hashOf } from '../http/stable_fixtures.mjs';
import { how, maybe, members, of, pick, weighted, who } from './commands.mjs';
import { actions, apply, createShop, finalCalls } from './coin_model.mjs';

const feeRate = '0.033333';
const ref = of(0, 0, 0, 1, 2, 3); // mostly the newest
const bodies = {
	create: fc.oneof(
		weighted(6, members({ amount: of(4.5, 4.5, 4.5, 0.01, 3.33, 10000),
			currency: of('usd'), metadata: maybe(of({ a: '1' })),
			ttl: maybe(of(600, 3600)) })),
		weighted(1, members({ amount: maybe(of(0, -1, 10000.01, 4.505, 4.5)),
			currency: maybe(of('usd', 'eur')), ttl: maybe(of(59, 3601)) }))),
	cancel: fc.constant({}),
	pay: members({ amount: maybe(of(1, 4.5, 5, 0.000001, 2.25, 0)),
		tx_hash: maybe(of(hashOf(1), hashOf(2))) }),
	settle: fc.constant({}),
};

const ids = maybe(fc.nat(2)); // the number of an idempotency key
const common = { shop: who, ...how };
const posts = (action, more) => fc.record({ ...common, action: of(action), ref,
	json: bodies[action], key: ids, inBody: fc.boolean(), ...more });
const statuses = {
	'payment-intents': ['awaiting_payment', 'confirmed', 'expired',
		'cancelled', 'settled'],
	transactions: ['confirmed', 'settled', 'failed'],
};
const lists = (name) => fc.record({ ...common, action: of('list'),
	list: of(name), query: members({ limit: maybe(of(1, 2, 3)),
		status: maybe(of(...statuses[name])), starting_after: maybe(ref),
		ending_before: maybe(ref) }) });
const gets = (name) => fc.record({ ...common, action: of('get'),
	list: of(name), ref });
const names = Object.keys(statuses);

const changes = [weighted(3, posts('cancel')), weighted(7, posts('pay')),
	weighted(4, posts('settle'))];
const reads = [weighted(2, fc.oneof(...names.map(lists))),
	weighted(1, fc.oneof(...names.map(gets))),
	weighted(1, fc.record({ ...common, action: of('balance') }))];
const again = fc.record({ action: of('again'), ref: fc.nat(5), ...how });
const command = fc.oneof(weighted(5, posts('create')), ...changes, ...reads,
	weighted(3, again));
const conflicts = fc.oneof(weighted(3, posts('create')), ...changes, ...reads,
	weighted(1, again));

const first = { action: 'create', shop: 'test', ref: 0,
	json: { amount: 4.5, currency: 'usd' } };
const then = (action, json = {}) => ({ action, shop: 'test', ref: 0, json });
const beginnings = of([first], [first, then('pay', { amount: 1 })],
	[first, then('pay')], [first, then('cancel')], []);

// What wants the same of the one intent, and with few keys.
const few = { ref: of(0), key: maybe(fc.nat(1)), shop: of('test') };
const plots = [
	{ beginnings: of([first], [first, then('pay', { amount: 1 })]),
		calls: fc.oneof(...['cancel', 'pay', 'pay', 'settle']
			.map((action) => weighted(3, posts(action, few))), ...reads) },
	{ beginnings: of([first]), calls: fc.oneof(
		...['create', 'cancel', 'pay', 'settle'].map((action) =>
			weighted(2, posts(action, { ...few, key: of(0) }))),
		weighted(3, again)) },
];
const timed = fc.oneof(weighted(3, posts('create')), ...changes, ...reads,
	weighted(3, again));

const prefixOf = { 'payment-intents': 'pi', transactions: 'txn' };

function resolveCursors(known, query, prefix) {
	const found = { ...query };
	for (const name of ['starting_after', 'ending_before'])
		if (name in found)
			found[name] = pick(known, prefix, found[name]);
	return found;
}

function resolve(known, { fresh, bound, ref: number, ...rest }) {
	if (rest.action === 'again')
		return known.calls.length > 0
			? known.calls[known.calls.length - 1 - number % known.calls.length]
			: { action: 'balance', shop: 'test' };
	const call = { ...rest };
	const prefix = prefixOf[call.list ?? 'payment-intents'];
	if (call.action === 'list')
		call.query = resolveCursors(known, call.query, prefix);
	else if (!['create', 'balance'].includes(call.action))
		call.id = pick(known, prefix, number);
	return call;
}

// Who the merchant is, the world knows.
function request(call, { merchantId }) {
	const { method, path } = actions[call.action];
	const made = { method, path: path({ ...call, merchantId }),
		query: call.query, json: call.json };
	if (call.action === 'create')
		made.json = { ...made.json, merchant_id: merchantId };
	if (call.action === 'list')
		made.query = { merchant_id: merchantId, ...made.query };
	return made;
}

function dialect(name, sharesAddress) {
	function createShops(server, account) {
		const shop = (mode, isForeign = false) => createShop({ mode,
			feeRate, sharesAddress, isForeign,
			merchantId: account.merchantId, publicUrl: server.publicUrl });
		return { test: shop('test'), live: shop('live'),
			other: shop('test', true) };
	}

	return { name, apply, resolve, request, createShops, command, conflicts,
		beginnings, plots, timed, replaysText: false,
		merchantWords: () => ['--fee-rate', feeRate, ...sharesAddress
			? ['--payment-address', freshAddress()] : []],
		finalCalls: () =>
			finalCalls.map((call) => ({ shop: 'test', ...call })) };
}

// Where each payment has an address of its own, and where all have one.
export const coin = dialect('stable', false);
export const coinAtOne = dialect('stable, at one address', true);
