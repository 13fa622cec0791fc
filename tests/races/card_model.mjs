// A model of the card contract, written from its text alone: what a merchant's
// program may see of one account in one mode, as plain data and small
// functions.  It knows nothing of how the server does it.
import { changeEndpoint, makeEndpoint, removeEndpoint, showEndpoint }
	from './card_endpoints.mjs';
import { createNames, freshName, nameOf } from './names.mjs';
import { keepOutcome, pageOf, refusal, setClock } from './model.mjs';

const invalid = (param) => refusal(400, 'invalid_request_error',
	'parameter_invalid', param);
const absent = (param) => refusal(400, 'invalid_request_error',
	'parameter_missing', param);
const missing = (param) => refusal(404, 'invalid_request_error',
	'resource_missing', param);
const state = refusal(400, 'invalid_request_error',
	'payment_intent_unexpected_state', null);
const transition = refusal(400, 'invalid_request_error',
	'invalid_state_transition', 'status');
const tooLarge = refusal(400, 'invalid_request_error', 'amount_too_large',
	'amount');
const amountInvalid = refusal(400, 'invalid_request_error', 'amount_invalid',
	'amount');
const notInitialized = refusal(400, 'payment_error',
	'payment_not_initialized', null);
const notPermitted = refusal(403, 'invalid_request_error',
	'insufficient_permissions', null);
const reused = refusal(422, 'invalid_request_error', 'idempotency_key_reuse',
	null);
const declined = (code) => ({ ...refusal(402, 'payment_error',
	'card_declined', null), decline: code });

// The sandbox (card.md): what each payment method is answered.
export const methods = {
	pm_card_visa: 'approves',
	pm_card_mastercard: 'approves',
	pm_card_3ds_required: 'asks',
	pm_card_pending: 'waits',
	pm_card_not_initialized: 'is not there',
	pm_card_declined: 'generic_decline',
	pm_card_insufficient_funds: 'insufficient_funds',
	pm_card_expired: 'expired_card',
	pm_card_lost: 'lost_card',
	pm_card_stolen: 'stolen_card',
	pm_card_incorrect_cvc: 'incorrect_cvc',
	pm_card_processing_error: 'processing_error',
	pm_card_do_not_honor: 'do_not_honor',
};

export function createShop({ mode, merchantId, publicUrl }) {
	return { mode, merchantId, publicUrl, names: createNames(), keys: {},
		intents: [], charges: [], refunds: [], customers: [], events: [],
		endpoints: [] };
}

// -- Objects as they are shown -----------------------------------------------

const fresh = (shop, kind) => freshName(shop.names, kind);
const copy = (object) => structuredClone(object);

function chargesOf(shop, intent) {
	return shop.charges.filter((one) => one.payment_intent === intent.id);
}

function showCharge(shop, charge) {
	const { metadata } = shop.intents.find(({ id }) =>
		id === charge.payment_intent);
	return { ...charge, metadata, captured: charge.amount_captured > 0,
		refunded: charge.amount_captured > 0 &&
			charge.amount_refunded === charge.amount_captured };
}

function showIntent(shop, { initialized, return_url: url, ...intent }) {
	const all = chargesOf(shop, intent).reverse()
		.map((one) => showCharge(shop, one));
	return { ...intent,
		charges: { object: 'list', data: all.slice(0, 10),
			has_more: all.length > 10,
			url: `/v1/charges?payment_intent=${intent.id}` },
		latest_charge: all[0]?.id ?? null,
		next_action: intent.status === 'requires_action'
			? { type: 'redirect_to_url', redirect_to_url: {
				url: `${shop.publicUrl}/sandbox/authenticate/${intent.id}`,
				return_url: url } }
			: null,
	};
}

// An intent with its customer, whom it names else.
function expand(shop, intent, query) {
	if (!('expand[]' in query) || intent.customer === null)
		return intent;
	return { ...intent, customer: showCustomer(shop.customers.find(({ id }) =>
		id === intent.customer)) };
}

function showCustomer({ deleted, ...customer }) {
	return deleted
		? { id: customer.id, object: 'customer', deleted: true }
		: customer;
}

const showRefund = (refund) => refund;

const shows = {
	intents: showIntent,
	charges: showCharge,
	refunds: (_, one) => showRefund(one),
	customers: (_, one) => showCustomer(one),
	events: (_, one) => one,
	endpoints: (_, one) => showEndpoint(one),
};

const ok = (body) => ({ status: 200, body: copy(body) });

function tell(shop, type, object) {
	shop.events.push({ id: fresh(shop, 'evt'), object: 'event', type,
		created: fresh(shop, 'seconds'), livemode: shop.mode === 'live',
		api_version: '2026-04-01', data: { object: copy(object) } });
}

const tellIntent = (shop, type, intent) =>
	tell(shop, `payment_intent.${type}`, showIntent(shop, intent));
const tellCharge = (shop, type, charge) =>
	tell(shop, `charge.${type}`, showCharge(shop, charge));

// The object with this id, as a request says it; undefined: none of the shop.
function find(shop, kind, id) {
	const name = nameOf(shop.names, id);
	return name && shop[kind].find((one) => one.id === name);
}

// Metadata is merged; an empty value removes its key.
function merge(metadata, given = {}) {
	const all = Object.entries({ ...metadata, ...given });
	return Object.fromEntries(all.filter(([, value]) => value !== ''));
}

const textOf = (given) => given === undefined || given === '' ? null : given;

// -- The engine --------------------------------------------------------------

const lastCharge = (shop, intent) => chargesOf(shop, intent).at(-1);

// The charge that waits for the engine, or a new one.
function openCharge(shop, intent) {
	const last = lastCharge(shop, intent);
	if (last?.status === 'pending')
		return last;
	const charge = { id: fresh(shop, 'ch'), object: 'charge',
		amount: intent.amount, amount_captured: 0, amount_refunded: 0,
		created: fresh(shop, 'seconds'), currency: intent.currency,
		customer: intent.customer, failure_code: null,
		failure_message: null, livemode: shop.mode === 'live',
		paid: false, payment_intent: intent.id,
		payment_method: intent.payment_method, status: 'pending' };
	shop.charges.push(charge);
	return charge;
}

function authorize(shop, intent) {
	const charge = openCharge(shop, intent);
	Object.assign(charge, { paid: true, status: 'succeeded' });
	intent.amount_capturable = charge.amount;
	return charge;
}

function take(intent, charge, amount) {
	charge.amount_captured = amount;
	Object.assign(intent, { amount_received: amount, amount_capturable: 0,
		status: 'succeeded' });
}

function approve(shop, intent, capture) {
	const charge = authorize(shop, intent);
	if (capture)
		take(intent, charge, charge.amount);
	else
		intent.status = 'requires_capture';
	tellCharge(shop, 'succeeded', charge);
	tellIntent(shop, capture ? 'succeeded' : 'amount_capturable_updated',
		intent);
	return ok(showIntent(shop, intent));
}

function fail(shop, intent, code) {
	const charge = openCharge(shop, intent);
	Object.assign(charge, { status: 'failed', failure_code: code,
		failure_message: fresh(shop, 'words') });
	Object.assign(intent, { status: 'requires_payment_method',
		payment_method: null, last_payment_error: { type: 'payment_error',
			code: 'card_declined', decline_code: code,
			message: 'Your card was declined.' } });
	tellCharge(shop, 'failed', charge);
	tellIntent(shop, 'payment_failed', intent);
}

const word = {
	approves: (shop, intent) =>
		approve(shop, intent, intent.capture_method === 'automatic'),
	asks(shop, intent) {
		intent.status = 'requires_action';
		tellIntent(shop, 'requires_action', intent);
		return ok(showIntent(shop, intent));
	},
	waits(shop, intent) {
		openCharge(shop, intent);
		intent.status = 'processing';
		tellIntent(shop, 'processing', intent);
		return ok(showIntent(shop, intent));
	},
};

const open = ['requires_payment_method', 'requires_confirmation'];

// Why it cannot be confirmed; null: it can.
function refusesConfirm(shop, intent, method) {
	if (!open.includes(intent.status) ||
		(intent.status === 'requires_payment_method' && !method))
		return state;
	const asked = method ?? intent.payment_method;
	return !intent.initialized || methods[asked] === 'is not there'
		? notInitialized : null;
}

function confirm(shop, intent, json = {}) {
	const refused = refusesConfirm(shop, intent, json.payment_method);
	if (refused)
		return refused;
	Object.assign(intent, { last_payment_error: null,
		payment_method: json.payment_method ?? intent.payment_method,
		return_url: json.return_url ?? intent.return_url });
	const answer = methods[intent.payment_method];
	if (answer in word)
		return word[answer](shop, intent);
	fail(shop, intent, answer);
	return declined(answer);
}

// -- Payment intents ---------------------------------------------------------

function makeIntent(shop, json) {
	const intent = { id: fresh(shop, 'pi'), object: 'payment_intent',
		amount: json.amount, amount_capturable: 0, amount_received: 0,
		canceled_at: null, cancellation_reason: null,
		capture_method: json.capture_method ?? 'automatic', charges: null,
		client_secret: fresh(shop, 'secret'),
		confirmation_method: json.confirmation_method ?? 'automatic',
		created: fresh(shop, 'seconds'), currency: json.currency,
		customer: nameOf(shop.names, json.customer) ?? null,
		description: textOf(json.description), last_payment_error: null,
		latest_charge: null, livemode: shop.mode === 'live',
		merchant_id: shop.merchantId, metadata: merge({}, json.metadata),
		next_action: null, payment_method: json.payment_method ?? null,
		status: json.payment_method
			? 'requires_confirmation' : 'requires_payment_method',
		// Live mode has no engine yet.
		initialized: shop.mode === 'test' &&
			methods[json.payment_method] !== 'is not there',
		return_url: json.return_url ?? null };
	return intent;
}

const isGone = (customer) => !customer || customer.deleted;

function create(shop, { json }) {
	if (json.customer && isGone(find(shop, 'customers', json.customer)))
		return missing('customer');
	const intent = makeIntent(shop, json);
	if (json.confirm) {
		const refused = refusesConfirm(shop, intent);
		if (refused)
			return refused; // and nothing is made
	}
	shop.intents.push(intent);
	tellIntent(shop, 'created', intent);
	return json.confirm ? confirm(shop, intent)
		: ok(showIntent(shop, intent));
}

const updatesText = ['description', 'metadata'];

function update(shop, intent, json = {}) {
	if (json.customer && isGone(find(shop, 'customers', json.customer)))
		return missing('customer');
	if (!open.includes(intent.status) &&
		Object.keys(json).some((name) => !updatesText.includes(name)))
		return state;
	for (const name of ['amount', 'currency', 'payment_method'])
		if (name in json)
			intent[name] = json[name];
	if ('customer' in json)
		intent.customer = nameOf(shop.names, json.customer) ?? null;
	if ('description' in json)
		intent.description = textOf(json.description);
	intent.metadata = merge(intent.metadata, json.metadata);
	if (json.payment_method)
		intent.status = 'requires_confirmation';
	return ok(showIntent(shop, intent));
}

function captureAll(shop, intent, amount) {
	const charge = lastCharge(shop, intent);
	take(intent, charge, amount ?? intent.amount_capturable);
	tellCharge(shop, 'captured', charge);
	tellIntent(shop, 'succeeded', intent);
	return ok(showIntent(shop, intent));
}

function capture(shop, intent, { amount_to_capture: amount } = {}) {
	if (intent.status !== 'requires_capture')
		return state;
	if (amount > intent.amount_capturable)
		return { ...invalid('amount_to_capture'), kept: true };
	return captureAll(shop, intent, amount);
}

function cancelNow(shop, intent, reason) {
	Object.assign(intent, { status: 'canceled', amount_capturable: 0,
		canceled_at: fresh(shop, 'seconds'), cancellation_reason: reason });
	tellIntent(shop, 'canceled', intent);
	return ok(showIntent(shop, intent));
}

function cancel(shop, intent, { cancellation_reason: reason = null } = {}) {
	const allowed = [...open, 'requires_action', 'requires_capture'];
	return allowed.includes(intent.status)
		? cancelNow(shop, intent, reason) : state;
}

function refund(shop, intent, json = {}) {
	const charge = lastCharge(shop, intent);
	if (intent.status !== 'succeeded')
		return state;
	const left = charge.amount_captured - charge.amount_refunded;
	if (left === 0)
		return state;
	if (json.amount > left)
		return tooLarge;
	const made = { id: fresh(shop, 'ref'), object: 'refund',
		amount: json.amount ?? left, charge: charge.id,
		created: fresh(shop, 'seconds'), currency: intent.currency,
		livemode: shop.mode === 'live', metadata: merge({}, json.metadata),
		payment_intent: intent.id, reason: textOf(json.reason),
		status: 'succeeded' };
	shop.refunds.push(made);
	charge.amount_refunded += made.amount;
	tell(shop, 'refund.created', made);
	tellCharge(shop, 'refunded', charge);
	return ok(made);
}

// What the engine may say from where: card.md, the last column.
const sayable = {
	processing: ['succeeded', 'requires_capture', 'requires_payment_method'],
	requires_action: ['succeeded', 'requires_capture',
		'requires_payment_method'],
	requires_capture: ['succeeded', 'canceled'],
};

function say(shop, intent, { status, decline_code: code }) {
	if (!sayable[intent.status]?.includes(status))
		return transition;
	if (status === 'canceled')
		return cancelNow(shop, intent, null);
	if (intent.status === 'requires_capture')
		return captureAll(shop, intent);
	if (status !== 'requires_payment_method') {
		intent.last_payment_error = null;
		return approve(shop, intent, status === 'succeeded');
	}
	fail(shop, intent, code ?? 'generic_decline');
	return ok(showIntent(shop, intent));
}

// -- Customers ---------------------------------------------------------------

const customerTexts = ['email', 'name', 'phone', 'description'];

function changeCustomer(customer, json = {}) {
	for (const name of customerTexts)
		if (name in json)
			customer[name] = textOf(json[name]);
	customer.metadata = merge(customer.metadata, json.metadata);
}

function createCustomer(shop, { json }) {
	const customer = { id: fresh(shop, 'cus'), object: 'customer',
		created: fresh(shop, 'seconds'), description: null, email: null,
		livemode: shop.mode === 'live', merchant_id: shop.merchantId,
		metadata: {}, name: null, phone: null };
	changeCustomer(customer, json);
	shop.customers.push(customer);
	tell(shop, 'customer.created', showCustomer(customer));
	return ok(showCustomer(customer));
}

function updateCustomer(shop, customer, json) {
	if (customer.deleted)
		return missing('id');
	changeCustomer(customer, json);
	tell(shop, 'customer.updated', showCustomer(customer));
	return ok(showCustomer(customer));
}

function deleteCustomer(shop, customer) {
	if (customer.deleted)
		return missing('id');
	customer.deleted = true;
	tell(shop, 'customer.deleted', showCustomer(customer));
	return ok(showCustomer(customer));
}

// -- Lists -------------------------------------------------------------------

const kindOf = { payment_intents: 'intents', charges: 'charges',
	refunds: 'refunds', customers: 'customers', events: 'events',
	webhook_endpoints: 'endpoints' };

// A list's filters: what each one names, and which rows it lets through.
const filters = {
	payment_intent: { kind: 'intents', of: (one) => one.payment_intent },
	customer: { kind: 'customers', of: (one) => one.customer },
	type: { of: (one) => one.type },
};

function list(shop, { list: name, query = {} }) {
	const kind = kindOf[name];
	const wanted = [];
	if ('starting_after' in query && 'ending_before' in query)
		return invalid('ending_before');
	for (const [param, { kind: named, of }] of Object.entries(filters)) {
		if (!(param in query))
			continue;
		if (named && !find(shop, named, query[param]))
			return missing(param);
		const value = named ? nameOf(shop.names, query[param]) : query[param];
		wanted.push((one) => of(one) === value);
	}
	for (const cursor of ['starting_after', 'ending_before'])
		if (cursor in query && !find(shop, kind, query[cursor]))
			return invalid(cursor);
	const { data, more } = pageOf(shop, shop[kind], query, 10, (one) =>
		!one.deleted && wanted.every((lets) => lets(one)));
	const edge = 'ending_before' in query ? data[0] : data.at(-1);
	return ok({ object: 'list', data: data.map((one) =>
		shows[kind](shop, one)), has_more: more, url: `/v1/${name}`,
	next_cursor: more ? edge.id : null });
}

// -- Parameters --------------------------------------------------------------

const isAmount = (value) => Number.isInteger(value) && value >= 1 &&
	value <= 99999999;

// In the order of the endpoint's table; values that are refused.
function checkPayment(json, required, shop) {
	for (const name of ['amount', 'currency'])
		if (required && !(name in json))
			return absent(name);
		else if (name === 'amount' && name in json && !isAmount(json.amount))
			return invalid('amount');
		else if (name === 'currency' && name in json &&
			!['usd', 'eur', 'jpy'].includes(json.currency))
			return invalid('currency');
	return checkMethod(json, shop);
}

// The names of payment methods are those of the sandbox.
function checkMethod(json, { mode }) {
	return mode === 'test' && 'payment_method' in json &&
		!(json.payment_method in methods)
		? invalid('payment_method') : null;
}

function checkCapture(json) {
	return 'amount_to_capture' in json && !isAmount(json.amount_to_capture)
		? invalid('amount_to_capture') : null;
}

function checkRefund(json) {
	return 'amount' in json && !(Number.isInteger(json.amount) &&
		json.amount >= 1) ? amountInvalid : null;
}

function checkSay(json) {
	return 'decline_code' in json && json.status !== 'requires_payment_method'
		? invalid('decline_code') : null;
}

// -- The endpoints -----------------------------------------------------------

const intents = '/v1/payment_intents';
const helpers = '/v1/test_helpers/payment_intents';
const endpoints = '/v1/webhook_endpoints';

// An action on the object that the path names.
const on = (kind, act) => (shop, call) => {
	const found = find(shop, kind, call.id);
	return found ? act(shop, found, call.json) : missing('id');
};

function post(path, act, check) {
	return { method: 'POST', path, act, check };
}

export const actions = {
	create: post(() => intents, create,
		(json, shop) => checkPayment(json, true, shop)),
	update: post(({ id }) => `${intents}/${id}`, on('intents', update),
		(json, shop) => checkPayment(json, false, shop)),
	confirm: post(({ id }) => `${intents}/${id}/confirm`,
		on('intents', confirm), checkMethod),
	capture: post(({ id }) => `${intents}/${id}/capture`,
		on('intents', capture), checkCapture),
	cancel: post(({ id }) => `${intents}/${id}/cancel`,
		on('intents', cancel)),
	refund: post(({ id }) => `${intents}/${id}/refund`,
		on('intents', refund), checkRefund),
	refundByBody: post(() => '/v1/refunds', (shop, { json }) => {
		const found = find(shop, 'intents', json.payment_intent);
		return found ? refund(shop, found, json) : missing('payment_intent');
	}, (json) => 'payment_intent' in json ? checkRefund(json)
		: absent('payment_intent')),
	say: { ...post(({ id }) => `${helpers}/${id}/transition`,
		on('intents', say), checkSay), testMode: true },
	createCustomer: post(() => '/v1/customers', createCustomer),
	updateCustomer: post(({ id }) => `/v1/customers/${id}`,
		on('customers', updateCustomer)),
	deleteCustomer: { method: 'DELETE',
		path: ({ id }) => `/v1/customers/${id}`,
		act: on('customers', deleteCustomer) },
	createEndpoint: post(() => endpoints, (shop, { json }) =>
		ok(makeEndpoint(shop, json))),
	updateEndpoint: post(({ id }) => `${endpoints}/${id}`,
		on('endpoints', (shop, one, json) => {
			changeEndpoint(shop, one, json);
			return ok(showEndpoint(one));
		})),
	deleteEndpoint: { method: 'DELETE', path: ({ id }) => `${endpoints}/${id}`,
		act: on('endpoints', (shop, one) => ok(removeEndpoint(shop, one))) },
	get: { method: 'GET', path: ({ list: name, id }) => `/v1/${name}/${id}`,
		act(shop, { list: name, id, query = {} }) {
			const found = find(shop, kindOf[name], id);
			return found ? ok(expand(shop, shows[kindOf[name]](shop, found),
				query)) : missing('id');
		} },
	list: { method: 'GET', path: ({ list: name }) => `/v1/${name}`,
		act: list },
};

// Only what did not reach the state machine leaves its key free.
const isKept = (answer) => answer.kept || answer.status < 400 ||
	[state, transition, tooLarge, notInitialized].includes(answer) ||
	answer.decline !== undefined;

// What the contract says of this call, at this moment: changes the shop.
export function apply(shop, call) {
	const action = actions[call.action];
	setClock(shop, call);
	if (action.testMode && shop.mode !== 'test')
		return notPermitted;
	const refused = action.check?.(call.json ?? {}, shop);
	return refused ?? keepOutcome(shop, call, { reused, isKept,
		act: () => action.act(shop, call), replay: (kept) => kept });
}

// All that can be seen, to look at when everything has ended; of the newest
// intents and customers also what belongs to them.
export function finalCalls({ pi, cus }) {
	const list = (name, query) => ({ action: 'list', list: name,
		query: { limit: 100, ...query } });
	return [...Object.keys(kindOf).map((name) => list(name)),
		...pi.slice(-2).flatMap((id) => ['charges', 'refunds'].map((name) =>
			list(name, { payment_intent: id }))),
		...cus.slice(-2).flatMap((id) => ['payment_intents', 'charges']
			.map((name) => list(name, { customer: id })))];
}
