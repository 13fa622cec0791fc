// A model of the stable contract, written from its text alone: what a
// merchant's program may see of one merchant in one mode.  Money is whole
// millionths of a dollar.
import { keepOutcome, pageOf, refusal, setClock } from './model.mjs';
import { createNames, freshName, nameOf } from './names.mjs';

const invalid = (param) => refusal(400, 'invalid_request_error',
	'parameter_invalid', param);
const absent = (param) => refusal(400, 'invalid_request_error',
	'parameter_missing', param);
const outOfRange = refusal(400, 'invalid_request_error',
	'amount_out_of_range', 'amount');
const badCurrency = refusal(400, 'invalid_request_error', 'invalid_currency',
	'currency');
const badTtl = refusal(400, 'invalid_request_error', 'ttl_out_of_range',
	'ttl');
const noMerchant = refusal(404, 'not_found_error', 'merchant_not_found',
	'merchant_id');
const noIntent = refusal(404, 'not_found_error', 'intent_not_found', 'id');
const noTransaction = refusal(404, 'not_found_error',
	'transaction_not_found', 'id');
const noAddress = refusal(422, 'invalid_request_error',
	'merchant_not_active', 'merchant_id');
const otherMode = refusal(403, 'authorization_error', 'environment_mismatch',
	null);
const notPermitted = refusal(403, 'authorization_error',
	'insufficient_permissions', null);
const notCancellable = refusal(409, 'conflict_error',
	'intent_not_cancellable', null);
const notConfirmed = { ...invalid('id'), kept: true };
const reused = refusal(409, 'conflict_error', 'idempotency_key_conflict',
	'idempotency_key');

const chains = {
	test: { chain: 'base-sepolia', id: 84532,
		token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' },
	live: { chain: 'base', id: 8453,
		token: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913' },
};

// sharesAddress: the merchant has one address for all payments.  isForeign: the
// key is of another account.
export function createShop({ mode, merchantId, publicUrl, feeRate,
	sharesAddress, isForeign }) {
	const shop = { mode, merchantId, publicUrl, feeRate, isForeign, keys: {},
		names: createNames(), address: null, intents: [], transactions: [],
		moved: null };
	if (sharesAddress)
		shop.address = freshName(shop.names, 'address');
	return shop;
}

const fresh = (shop, kind) => freshName(shop.names, kind);

// -- Money -------------------------------------------------------------------

const million = 1000000n;

// amount x rate in millionths, rounded half to even.
function feeOf(amount, rate) {
	const product = BigInt(amount) *
		BigInt(Math.round(Number(rate) * 1000000));
	const [down, rest] = [product / million, product % million];
	const up = rest * 2n > million || (rest * 2n === million && down % 2n);
	return Number(up ? down + 1n : down);
}

const dollars = (micros) => micros / 1000000;
const microsOf = (amount) => Math.round(amount * 1000000);
const netOf = (shop, amount) => amount - feeOf(amount, shop.feeRate);

// -- Objects as they are shown -----------------------------------------------

function showMoney(shop, amount) {
	const fee = feeOf(amount, shop.feeRate);
	return { amount: dollars(amount), currency: 'usd',
		net_amount: dollars(amount - fee), fee: dollars(fee),
		fee_rate: Number(shop.feeRate) };
}

function showIntent(shop, { amount, amount_received: received, due,
	...intent }) {
	const { chain, id, token } = chains[shop.mode];
	return { ...intent, ...showMoney(shop, amount),
		object: 'payment_intent', amount_received: dollars(received),
		merchant_id: shop.merchantId, chain, token: 'USDC',
		qr_payload: `ethereum:${token}@${id}/transfer?address=${
			intent.payment_address}&uint256=${amount}`,
		qr_image_url: `${shop.publicUrl}/v1/qr/${intent.id}.png`,
		expired_at: intent.status === 'expired' ? intent.expires_at : null };
}

const settlementOf = { confirmed: 'pending', settled: 'completed' };

function showTransaction(shop, { amount, ...transaction }) {
	return { ...transaction, ...showMoney(shop, amount),
		object: 'transaction', merchant_id: shop.merchantId,
		chain: chains[shop.mode].chain, token: 'USDC',
		settlement_status: settlementOf[transaction.status] };
}

const shows = { intents: showIntent, transactions: showTransaction };
const ok = (shop, intent, status = 200) =>
	({ status, body: structuredClone(showIntent(shop, intent)) });

function find(shop, kind, id) {
	const name = nameOf(shop.names, id);
	return name && shop[kind].find((one) => one.id === name);
}

// -- What can be done --------------------------------------------------------

// Expiry is decided, not awaited.
function expire(shop) {
	for (const intent of shop.intents)
		if (isAwaited(intent) && shop.ahead >= intent.due)
			intent.status = 'expired';
}

const isAwaited = ({ status }) => status === 'awaiting_payment';

// Two open payments of one amount at one address could not be told apart.
function isTaken(shop, amount) {
	return shop.address !== null && shop.intents.some((one) =>
		isAwaited(one) && one.amount === amount);
}

function create(shop, { json }) {
	const amount = microsOf(json.amount);
	if (shop.isForeign)
		return noMerchant;
	// Nobody has the key of the addresses that the sandbox makes up.
	if (shop.mode === 'live' && shop.address === null)
		return noAddress;
	if (isTaken(shop, amount))
		return invalid('amount');
	const intent = { id: fresh(shop, 'pi'), status: 'awaiting_payment',
		amount, amount_received: 0, due: shop.ahead + (json.ttl ?? 300),
		payment_address: shop.address ?? fresh(shop, 'address'),
		tx_hash: null, sender_address: null, block_number: null,
		confirmed_at: null, expires_at: fresh(shop, 'time'),
		cancelled_at: null, settled_at: null,
		metadata: json.metadata ?? {}, created_at: fresh(shop, 'time') };
	shop.intents.push(intent);
	return ok(shop, intent, 201);
}

function cancel(shop, intent) {
	if (!isAwaited(intent))
		return notCancellable;
	Object.assign(intent, { status: 'cancelled',
		cancelled_at: fresh(shop, 'time') });
	return ok(shop, intent);
}

// Without an amount it is what is due, and where nothing is, all of it again.
function amountOf(intent, json) {
	const due = intent.amount - intent.amount_received;
	if (json.amount !== undefined)
		return microsOf(json.amount);
	return due > 0 ? due : intent.amount;
}

function pay(shop, intent, json = {}) {
	// A transfer that is known has no second effect.
	if (json.tx_hash && shop.transactions.some(({ tx_hash: hash }) =>
		hash === json.tx_hash))
		return ok(shop, intent);
	const late = !isAwaited(intent);
	const transaction = { id: fresh(shop, 'txn'),
		payment_intent_id: intent.id, status: 'confirmed',
		amount: amountOf(intent, json),
		tx_hash: json.tx_hash ?? fresh(shop, 'hash'),
		log_index: fresh(shop, 'number'),
		block_number: fresh(shop, 'number'),
		sender_address: fresh(shop, 'sender'),
		payment_address: intent.payment_address, late,
		confirmed_at: fresh(shop, 'time'), metadata: intent.metadata };
	shop.transactions.push(transaction);
	shop.moved = fresh(shop, 'time');
	intent.amount_received += transaction.amount;
	if (!late && intent.amount_received >= intent.amount) {
		const { tx_hash, sender_address, block_number, confirmed_at } =
			transaction;
		Object.assign(intent, { status: 'confirmed', tx_hash,
			sender_address, block_number, confirmed_at });
	}
	return ok(shop, intent);
}

function settle(shop, intent) {
	if (intent.status !== 'confirmed')
		return notConfirmed;
	Object.assign(intent, { status: 'settled',
		settled_at: fresh(shop, 'time') });
	for (const one of shop.transactions)
		if (one.payment_intent_id === intent.id)
			one.status = 'settled';
	shop.moved = fresh(shop, 'time');
	return ok(shop, intent);
}

function balance(shop) {
	const sum = (status) => dollars(shop.transactions
		.filter((one) => one.status === status)
		.reduce((all, { amount }) => all + netOf(shop, amount), 0));
	if (shop.isForeign)
		return noMerchant;
	return { status: 200, body: { object: 'balance',
		merchant_id: shop.merchantId, available: sum('settled'),
		pending_settlement: sum('confirmed'), currency: 'usd',
		payment_address: shop.address, chain: chains[shop.mode].chain,
		last_updated: shop.moved } };
}

const kindOf = { 'payment-intents': 'intents', transactions: 'transactions' };

function list(shop, { list: name, query = {} }) {
	const kind = kindOf[name];
	const { status } = query;
	const lets = (one) => status === undefined || one.status === status;
	if ('starting_after' in query && 'ending_before' in query)
		return invalid('ending_before');
	if (shop.isForeign)
		return noMerchant;
	for (const cursor of ['starting_after', 'ending_before'])
		if (cursor in query && !find(shop, kind, query[cursor]))
			return invalid(cursor);
	const { data, more } = pageOf(shop, shop[kind], query, 25, lets);
	return { status: 200, body: structuredClone({ object: 'list',
		data: data.map((one) => shows[kind](shop, one)), has_more: more,
		total_count: shop[kind].filter(lets).length }) };
}

// -- The endpoints -----------------------------------------------------------

function checkCreate({ amount, currency, ttl }) {
	if (amount === undefined)
		return absent('amount');
	if (amount < 0.01 || amount > 10000)
		return outOfRange;
	if (Math.round(amount * 100) / 100 !== amount)
		return invalid('amount');
	if (currency === undefined)
		return absent('currency');
	if (currency !== 'usd')
		return badCurrency;
	return ttl !== undefined && (ttl < 60 || ttl > 3600) ? badTtl : null;
}

const missing = { intents: noIntent, transactions: noTransaction };

// An action on the object that the path names.
const on = (kind, act) => (shop, call, shops) => {
	const found = find(shop, kind, call.id);
	const elsewhere = shop.mode === 'live' ? shops.test : shops.live;
	if (found)
		return act(shop, found, call.json);
	return !shop.isForeign && find(elsewhere, kind, call.id)
		? otherMode : missing[kind];
};

const intents = '/v1/payment-intents';
const helpers = '/v1/test-helpers/payment-intents';
const post = (path, act, more) => ({ method: 'POST', path, act, ...more });
const get = (path, act) => ({ method: 'GET', path, act });

export const actions = {
	create: post(() => intents, create, { check: checkCreate }),
	cancel: post(({ id }) => `${intents}/${id}/cancel`,
		on('intents', cancel)),
	pay: post(({ id }) => `${helpers}/${id}/pay`, on('intents', pay),
		{ testMode: true, check: ({ amount }) => amount !== undefined &&
			amount <= 0 ? invalid('amount') : null }),
	settle: post(({ id }) => `${helpers}/${id}/settle`,
		on('intents', settle), { testMode: true }),
	get: get(({ list: name, id }) => `/v1/${name}/${id}`,
		(shop, call, shops) => on(kindOf[call.list], (_, one) =>
			({ status: 200, body: structuredClone(
				shows[kindOf[call.list]](shop, one)) }))(shop, call, shops)),
	list: get(({ list: name }) => `/v1/${name}`, list),
	balance: get(({ merchantId }) => `/v1/merchants/${merchantId}/balance`,
		balance),
};

const isKept = (answer) => answer.kept || answer.status < 400 ||
	answer === notCancellable;

// What the contract says of this call, at this moment: changes the shop.
export function apply(shop, call, shops) {
	const action = actions[call.action];
	setClock(shop, call);
	expire(shop);
	if (action.testMode && shop.mode !== 'test')
		return notPermitted;
	const refused = action.check?.(call.json ?? {});
	return refused ?? keepOutcome(shop, call, { reused, isKept,
		act: () => action.act(shop, call, shops),
		// A success is answered with the intent as it now is.
		replay: (kept) => kept.status < 400 ? ok(shop, shop.intents.find(
			({ id }) => id === kept.body.id)) : kept });
}

// All that can be seen, to look at when everything has ended.
export const finalCalls = [
	...Object.keys(kindOf).map((name) =>
		({ action: 'list', list: name, query: { limit: 100 } })),
	...['awaiting_payment', 'confirmed', 'expired', 'cancelled', 'settled']
		.map((status) => ({ action: 'list', list: 'payment-intents',
			query: { limit: 100, status } })),
	{ action: 'balance' },
];
