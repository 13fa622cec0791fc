// The card contract for random runs: which calls there are, and how a random
// command becomes one, with the ids that its client has seen by then.
import fc from 'fast-check';

import { actions, apply, createShop, finalCalls, methods }
	from './card_model.mjs';
import { how, maybe, members, of, pick, weighted, who } from './commands.mjs';

const ref = of(0, 0, 0, 1, 2, 3); // mostly the newest
const method = of(...Object.keys(methods), 'pm_card_visa', 'pm_card_visa',
	'pm_card_visa', 'pm_card_3ds_required', 'pm_card_pending',
	'pm_card_nobody');
const metadata = of({ a: '1' }, { a: '2', b: '3' }, { a: '' }, {});
const text = of('', 'first', 'second');
const url = of('https://shop.example/back');

const payment = {
	capture_method: maybe(of('automatic', 'manual')),
	confirmation_method: maybe(of('automatic', 'manual')),
	customer: maybe(ref), description: maybe(text),
	metadata: maybe(metadata), payment_method: maybe(method),
	confirm: maybe(fc.boolean()), return_url: maybe(url),
};
const amount = of(1000, 1000, 1000, 1, 99999999);
const bodies = {
	create: fc.oneof(
		{ weight: 5, arbitrary: members({ amount, currency: of('usd', 'jpy'),
			...payment }) },
		{ weight: 1, arbitrary: members({ amount: maybe(of(0, -1, 1.5, '7',
			100000000, 5)), currency: maybe(of('usd', 'USD', 'xxx')) }) }),
	update: members({ amount: maybe(of(1000, 7, 0)),
		currency: maybe(of('eur')), customer: maybe(fc.oneof(ref, of(''))),
		description: maybe(text), metadata: maybe(metadata),
		payment_method: maybe(method) }),
	confirm: members({ payment_method: maybe(method), return_url: maybe(url) }),
	capture: members({ amount_to_capture:
		maybe(of(1, 400, 999, 1000, 1001, 0)) }),
	cancel: members({ cancellation_reason: maybe(of('abandoned', 'duplicate',
		'fraudulent', 'requested_by_customer')) }),
	refund: members({ amount: maybe(of(1, 400, 600, 700, 1000, 1001, 1001, 0, -5)),
		reason: maybe(text), metadata: maybe(metadata) }),
	say: members({ status: of('succeeded', 'requires_capture',
		'requires_payment_method', 'canceled'),
	decline_code: maybe(of('lost_card')) }),
	customer: members({ name: maybe(text), phone: maybe(text),
		description: maybe(text), email: maybe(of('a@shop.example')),
		metadata: maybe(metadata) }),
};
bodies.refundByBody = fc.record({ payment_intent: maybe(ref) })
	.chain(({ payment_intent: one }) => bodies.refund.map((json) =>
		one === undefined ? json : { payment_intent: one, ...json }));
// Of what never happens here: nothing is sent.
const types = of(['refund.failed']);
const hook = of('https://shop.invalid/hook', 'https://shop.invalid/other');
bodies.createEndpoint = members({ url: hook, enabled_events: types,
	description: maybe(text) });
bodies.updateEndpoint = members({ url: maybe(hook),
	enabled_events: maybe(types), description: maybe(text),
	status: maybe(of('enabled', 'disabled')) });
bodies.createCustomer = bodies.customer;
bodies.updateCustomer = bodies.customer;

const page = { limit: maybe(of(1, 2, 3)), starting_after: maybe(ref),
	ending_before: maybe(ref) };
const prefixOf = { payment_intents: 'pi', charges: 'ch', refunds: 'ref',
	customers: 'cus', events: 'evt', webhook_endpoints: 'we' };
const filters = {
	payment_intents: { customer: maybe(ref) },
	charges: { customer: maybe(ref), payment_intent: maybe(ref) },
	refunds: { payment_intent: maybe(ref) },
	customers: {},
	webhook_endpoints: {},
	events: { type: maybe(of('payment_intent.succeeded', 'charge.failed',
		'refund.created', 'customer.deleted')) },
};

const ids = maybe(fc.nat(2)); // the number of an idempotency key
const common = { shop: who, ...how };

const posts = (action, more) => fc.record({ ...common, action: of(action), ref,
	json: bodies[action], key: ids, ...more });
const lists = (name) => fc.record({ ...common, action: of('list'),
	list: of(name), query: members({ ...page, ...filters[name] }) });
const gets = (name) => fc.record({ ...common, action: of('get'),
	list: of(name), ref, query: name === 'payment_intents'
		? members({ 'expand[]': maybe(of('customer')) }) : of({}) });
const removes = (action) => fc.record({ ...common, action: of(action), ref });
const names = Object.keys(prefixOf);

const changes = [
	weighted(3, posts('update')), weighted(6, posts('confirm')),
	weighted(5, posts('capture')), weighted(4, posts('cancel')),
	weighted(6, posts('refund')), weighted(4, posts('refundByBody')),
	weighted(4, posts('say')),
];
const reads = [
	weighted(2, fc.oneof(...names.map(lists))),
	weighted(2, fc.oneof(...names.map(gets))),
];
const again = fc.record({ action: of('again'), ref: fc.nat(5), ...how });
const create = posts('create');

export const command = fc.oneof(weighted(5, create), ...changes, ...reads,
	weighted(2, posts('createCustomer')), weighted(1, posts('updateCustomer')),
	weighted(1, removes('deleteCustomer')),
	weighted(1, posts('createEndpoint')), weighted(1, posts('updateEndpoint')),
	weighted(1, removes('deleteEndpoint')), weighted(4, again));

// A beginning from which calls can get into each other's way.
const start = (json) => ({ action: 'create', shop: 'test', ref: 0,
	json: { amount: 1000, currency: 'usd', ...json } });
export const beginnings = of(
	[start({ payment_method: 'pm_card_visa', confirm: true })],
	[start({ payment_method: 'pm_card_visa', confirm: true,
		capture_method: 'manual' })],
	[start({ payment_method: 'pm_card_visa' })],
	[start({ payment_method: 'pm_card_3ds_required', confirm: true })],
	[start({ payment_method: 'pm_card_pending', confirm: true })],
	[start({})],
	[]);
export const conflicts = fc.oneof(weighted(2, create), ...changes,
	...reads, weighted(1, posts('createCustomer')),
	weighted(1, removes('deleteCustomer')), weighted(1, again));

// What wants the same of the one intent, and with few keys.
const few = { ref: of(0), key: maybe(fc.nat(1)), shop: of('test') };
const part = members({ amount: maybe(of(400, 400, 600, 700)) });
const paid = of([start({ payment_method: 'pm_card_visa', confirm: true })]);
const open = of(...['pm_card_visa', 'pm_card_3ds_required', 'pm_card_pending']
	.flatMap((payment_method) => [false, true].flatMap((confirm) =>
		['automatic', 'manual'].map((capture_method) =>
			[start({ payment_method, confirm, capture_method })]))));
const inPart = part.map((json) => ({ payment_intent: 0, ...json }));
const plots = [
	{ beginnings: paid, calls: fc.oneof(
		weighted(4, posts('refund', { ...few, json: part })),
		weighted(3, posts('refundByBody', { ...few, json: inPart })),
		weighted(1, fc.oneof(lists('refunds'), lists('charges'),
			gets('charges')))) },
	{ beginnings: open, calls: fc.oneof(
		...['confirm', 'capture', 'cancel', 'say', 'refund']
			.map((action) => weighted(3, posts(action, few))),
		weighted(1, gets('payment_intents'))) },
	{ beginnings: open, calls: fc.oneof(
		...['create', 'confirm', 'capture', 'cancel', 'refund']
			.map((action) => weighted(2, posts(action,
				{ ...few, key: of(0) }))), weighted(3, again)) },
];
const timed = fc.oneof(weighted(3, posts('create', few)),
	weighted(3, posts('refund', { ...few, json: part })),
	weighted(3, posts('capture', few)), weighted(2, lists('events')),
	weighted(4, again));

function listOfAction(action) {
	if (action.endsWith('Endpoint'))
		return 'webhook_endpoints';
	return action.endsWith('Customer') ? 'customers' : 'payment_intents';
}

// Numbers of the objects that a client has seen become their ids.
function resolveMembers(known, given, kinds) {
	const found = { ...given };
	for (const [name, prefix] of Object.entries(kinds))
		if (typeof found[name] === 'number')
			found[name] = pick(known, prefix, found[name]);
	return found;
}

export function resolve(known, { fresh, bound, ref: number, ...rest }) {
	if (rest.action === 'again')
		return known.calls.length > 0
			? known.calls[known.calls.length - 1 - number % known.calls.length]
			: { action: 'list', shop: 'test', list: 'events', query: {} };
	const call = { ...rest };
	const prefix = prefixOf[call.list ?? listOfAction(call.action)];
	if (call.action === 'list')
		call.query = resolveMembers(known, call.query, { customer: 'cus',
			payment_intent: 'pi', starting_after: prefix,
			ending_before: prefix });
	else if (!['create', 'createCustomer', 'createEndpoint', 'refundByBody']
		.includes(call.action))
		call.id = pick(known, prefix, number);
	if (call.json)
		call.json = resolveMembers(known, call.json,
			{ customer: 'cus', payment_intent: 'pi' });
	// The other account's lists have what earlier runs have made.
	if (call.action === 'list' && call.shop === 'other')
		call.shop = 'test';
	return call;
}

export function request(call) {
	const { method: verb, path } = actions[call.action];
	return { method: verb, path: path(call), query: call.query,
		json: call.json };
}

export function createShops(server, account, stranger) {
	const { publicUrl } = server;
	const shop = (mode, { merchantId }) =>
		createShop({ mode, merchantId, publicUrl });
	return { test: shop('test', account), live: shop('live', account),
		other: shop('test', stranger) };
}

export const card = { name: 'card', apply, request, resolve, createShops,
	command, conflicts, beginnings, plots, timed, replaysText: true, merchantWords: () => [],
	// Of the other account, and of live mode, there are lists alone.
	finalCalls: (known) => [
		...finalCalls(known).map((call) => ({ shop: 'test', ...call })),
		...finalCalls({ pi: [], cus: [] })
			.map((call) => ({ shop: 'live', ...call }))] };
