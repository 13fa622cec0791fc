// What shoppers do: one request each, of both contracts, as a table.  Each is
// held against what must come of it, and what it has changed is written down.
import assert from 'node:assert/strict';

import { visa } from '../http/fixtures.mjs';

const cards = '/v1/payment_intents';
const coins = '/v1/payment-intents';
const coinHelpers = '/v1/test-helpers/payment-intents';

// How many payments of a kind wait for what comes next, and for how long a
// payment in coins is taken to wait for its coins: below its time to live.
const waitingMax = 2000;
const coinSeconds = 60;
const coinTakenMs = 30000;
const recentMax = 200;

export class Shop {
	#waiting = new Map(); // by what comes next: payments
	#recent = []; // requests with a key, and their answers
	#recentNext = 0;

	// world: {testKey, coinKey, merchantId}; random: of [0, 1); write(line):
	// into the book.
	constructor(client, world, random, write) {
		Object.assign(this, { client, world, random, write });
	}

	below(count) {
		return Math.floor(this.random() * count);
	}

	pick(list) {
		return list[this.below(list.length)];
	}

	// -- Payments between two requests -----------------------------------

	put(next, payment) {
		const list = this.#waiting.get(next) ?? [];
		this.#waiting.set(next, list);
		if (list.length < waitingMax)
			list.push(payment);
	}

	// It is nobody else's until it is put back.
	take(next) {
		const list = this.#waiting.get(next) ?? [];
		if (list.length === 0)
			return undefined;
		const at = this.below(list.length);
		const payment = list[at];
		list[at] = list.at(-1);
		list.pop();
		payment.isTaken ||= next === 'pay';
		if (next === 'pay' && Date.now() - payment.at > coinTakenMs)
			return this.take(next);
		return payment;
	}

	// What time has ended: at a jump of the server's clock.
	forget() {
		for (const next of ['pay', 'picture', 'look at an event'])
			this.#waiting.delete(next);
		this.#recent = [];
	}

	// -- Requests --------------------------------------------------------

	// Cards come as JSON or as a form, and with either scheme.
	async post(path, fields, { status = 200, key = this.world.testKey,
		...more } = {}) {
		const isForm = key === this.world.testKey && this.random() < 0.5;
		const request = { path, options: { key, ...more,
			[isForm ? 'form' : 'json']: fields, isBasic: isForm,
			idempotency: this.client.newKey() } };
		if (more.hangsUp)
			await this.client.hangUp('POST', path, request.options);
		const answer = await this.client.insist('POST', path,
			request.options);
		// A replay of the stable contract's 201 is a 200.
		assert.ok(answer.status === status ||
			(status === 201 && answer.status === 200),
		`${path}: ${answer.status} ${answer.text}`);
		request.text = answer.text;
		// A secret is told once, and a replay does not have it.
		if (!/"secret":/.test(answer.text))
			this.#recent[this.#recentNext++ % recentMax] = request;
		return JSON.parse(answer.text);
	}

	postCoin(path, fields, more = {}) {
		return this.post(path, fields,
			{ key: this.world.coinKey, ...more });
	}

	async get(path, key, expected = 200) {
		const answer = await this.client.insist('GET', path, { key });
		assert.equal(answer.status, expected, `${path}: ${answer.text}`);
		return answer;
	}

	// Somebody will look at it.
	show(path, id, next = 'look', key = this.world.testKey) {
		this.put(next, { path: `${path}/${id}`, key, id });
	}

	// Of a payment: what the store must say of it in the end.
	learn(payment, { id, status }) {
		Object.assign(payment, { id, status });
		this.write(`${id} ${status} ${payment.received ?? 0} ` +
			`${payment.refunded ?? 0}\n`);
		return payment;
	}

	async makeCard(more) {
		const isManual = this.random() < 0.3;
		const payment = { amount: 100 + this.below(100000), received: 0,
			refunded: 0, isManual };
		this.learn(payment, await this.post(cards, { currency: 'usd',
			amount: payment.amount, payment_method: visa,
			capture_method: isManual ? 'manual' : 'automatic' }, more));
		assert.equal(payment.status, 'requires_confirmation');
		this.put('confirm', payment);
		this.show(cards, payment.id);
	}

	async makeCoin() {
		const cents = 1 + this.below(100000);
		const payment = { cents, at: Date.now() };
		this.learn(payment, await this.postCoin(coins, { currency: 'usd',
			amount: cents / 100, ttl: coinSeconds,
			merchant_id: this.world.merchantId }, { status: 201 }));
		this.put('pay', payment);
		this.show(coins, payment.id, 'look', this.world.coinKey);
		this.put('picture', payment);
	}

	async makeCustomer() {
		const { id } = await this.post('/v1/customers',
			{ name: `Shopper ${this.below(1000)}` });
		this.put('change a customer', { id });
		this.show('/v1/customers', id);
	}

	// A key of its own, for one request.
	async useKey() {
		const { id, secret } = await this.post('/v1/api_keys',
			{ name: 'till', type: 'secret' });
		await this.get(`${cards}?limit=1`, secret);
		await this.post(`/v1/api_keys/${id}/revoke`, {});
		await this.get(`${cards}?limit=1`, secret, 401);
	}

	async replay() {
		const request = this.pick(this.#recent);
		if (!request)
			return this.makeCard();
		const { path, options, text } = request;
		const answer = await this.client.insist('POST', path, options);
		assert.equal(answer.headers['idempotent-replayed'], 'true', path);
		// In coins the answer shows the payment as it is now.
		if (options.key === this.world.coinKey)
			assert.equal(JSON.parse(answer.text).id, JSON.parse(text).id);
		else
			assert.equal(answer.text, text);
		return undefined;
	}

	async refuse([status, code, method, path, options]) {
		const answer = await this.client.insist(method, path, {
			key: this.world.testKey, ...options });
		assert.equal(answer.status, status, answer.text);
		assert.equal(JSON.parse(answer.text).error.code, code);
	}
}

// -- The table ---------------------------------------------------------------

const json = { amount: 2000, currency: 'usd' };
const refusals = [
	[400, 'parameter_invalid', 'POST', cards, { body: '{"amount":' }],
	[400, 'parameter_invalid', 'POST', cards,
		{ json: { ...json, currency: 'xxx' } }],
	[400, 'parameter_missing', 'POST', cards, { json: { amount: 1 } }],
	[401, 'authentication_failed', 'POST', cards, { json, key: null }],
	[404, 'route_not_found', 'GET', '/v1/nothing', {}],
	[404, 'resource_missing', 'GET', `${cards}/pi_${'0'.repeat(26)}`, {}],
	[405, 'method_not_allowed', 'DELETE', cards, {}],
	[413, 'request_too_large', 'POST', cards, { body: 'x'.repeat(70000) }],
	// Of which a worker keeps no memory.
	[400, 'parameter_invalid', 'POST', cards,
		{ json: { ...json, description: 'x'.repeat(60000) } }],
];

// Of a payment that waits for it, else a new one.
const ofWaiting = (next, act, otherwise = (shop) => shop.makeCard()) =>
	(shop) => {
		const payment = shop.take(next);
		return payment ? act(shop, payment) : otherwise(shop);
	};
const makeCoin = (shop) => shop.makeCoin();

const actions = {
	async confirm(shop, payment) {
		if (!payment.isManual)
			payment.received = payment.amount;
		const answer = await shop.post(`${cards}/${payment.id}/confirm`, {});
		shop.learn(payment, answer);
		assert.equal(payment.status,
			payment.isManual ? 'requires_capture' : 'succeeded');
		shop.show('/v1/charges', answer.latest_charge);
		shop.put(payment.isManual ? 'capture' : 'refund', payment);
	},
	async decline(shop, payment) {
		const { error } = await shop.post(`${cards}/${payment.id}/confirm`,
			{ payment_method: 'pm_card_declined' }, { status: 402 });
		assert.equal(error.code, 'card_declined');
		shop.learn(payment, { id: payment.id,
			status: 'requires_payment_method' });
		shop.put('cancel', payment);
	},
	async capture(shop, payment) {
		payment.received = 1 + shop.below(payment.amount);
		shop.learn(payment, await shop.post(
			`${cards}/${payment.id}/capture`,
			{ amount_to_capture: payment.received }));
		assert.equal(payment.status, 'succeeded');
		shop.put('refund', payment);
	},
	async refund(shop, payment) {
		const left = payment.received - payment.refunded;
		const amount = 1 + shop.below(left);
		const { id } = await shop.post('/v1/refunds',
			{ payment_intent: payment.id, amount });
		shop.show('/v1/refunds', id);
		payment.refunded += amount;
		shop.learn(payment, payment);
		if (amount < left)
			shop.put('refund', payment);
	},
	async update(shop, payment) {
		const description = `order ${shop.below(1e6)}`;
		const answer = await shop.post(`${cards}/${payment.id}`,
			{ description, metadata: { order: payment.id } });
		assert.equal(answer.description, description);
		assert.equal(answer.metadata.order, payment.id);
		shop.put('confirm', payment);
	},
	async changeCustomer(shop, customer) {
		const name = `Ada ${shop.below(1e6)}`;
		const answer = await shop.post(`/v1/customers/${customer.id}`,
			{ name });
		assert.equal(answer.name, name);
		shop.put('change a customer', customer);
	},
	async cancel(shop, payment) {
		shop.learn(payment, await shop.post(
			`${cards}/${payment.id}/cancel`, {}));
		assert.equal(payment.status, 'canceled');
	},
	async pay(shop, payment) {
		payment.received = payment.cents;
		shop.learn(payment, await shop.postCoin(
			`${coinHelpers}/${payment.id}/pay`, {}));
		assert.equal(payment.status, 'confirmed');
		shop.put('settle', payment);
	},
	async settle(shop, payment) {
		shop.learn(payment, await shop.postCoin(
			`${coinHelpers}/${payment.id}/settle`, {}));
		assert.equal(payment.status, 'settled');
	},
	async drop(shop, payment) {
		shop.learn(payment, await shop.postCoin(
			`${coins}/${payment.id}/cancel`, {}));
		assert.equal(payment.status, 'cancelled');
	},
	async look(shop, payment) {
		const { text } = await shop.get(payment.path, payment.key);
		assert.equal(JSON.parse(text).id, payment.id);
		shop.put('look', payment);
	},
	async lookAtEvent(shop, event) {
		const { text } = await shop.get(event.path, event.key);
		assert.equal(JSON.parse(text).id, event.id);
	},
	// There is one as long as anybody may pay.
	async picture(shop, payment) {
		const { status, text } = await shop.client.insist('GET',
			`/v1/qr/${payment.id}.png`);
		const isDue = !payment.isTaken &&
			Date.now() - payment.at < coinTakenMs;
		assert.ok(status === 200 || (status === 404 && !isDue),
			`${payment.id}, ${payment.status}: ${status} ${text}`);
		if (status !== 200)
			return;
		assert.equal(text.slice(1, 4), 'PNG');
		shop.put('picture', payment);
	},
};

const lists = [
	({ testKey }) => [`${cards}?limit=10`, testKey],
	({ testKey }) => ['/v1/refunds?limit=5', testKey],
	({ testKey }) => ['/v1/charges?limit=5', testKey],
	({ coinKey, merchantId }) =>
		[`${coins}?limit=10&merchant_id=${merchantId}`, coinKey],
	({ testKey }) => ['/v1/customers?limit=5', testKey],
	({ coinKey, merchantId }) =>
		[`/v1/transactions?limit=5&merchant_id=${merchantId}`, coinKey],
	({ coinKey, merchantId }) =>
		[`/v1/merchants/${merchantId}/balance`, coinKey],
];

async function listEvents(shop) {
	const { text } = await shop.get('/v1/events?limit=5', shop.world.testKey);
	for (const { id } of JSON.parse(text).data)
		shop.show('/v1/events', id, 'look at an event');
}

// `odd`: the client itself takes its time, so that how long it took says
// nothing of the server.
export const operations = [
	{ name: 'create', weight: 16, run: (shop) => shop.makeCard() },
	{ name: 'create, freshly connected', weight: 3,
		run: (shop) => shop.makeCard({ fresh: true }) },
	{ name: 'create, hanging up', weight: 1, odd: true,
		run: (shop) => shop.makeCard({ hangsUp: true }) },
	{ name: 'create, slowly', weight: 1, odd: true,
		run: (shop) => shop.makeCard({ way: 'slowly' }) },
	{ name: 'confirm', weight: 14, run: ofWaiting('confirm', actions.confirm) },
	{ name: 'decline', weight: 2, run: ofWaiting('confirm', actions.decline) },
	{ name: 'update', weight: 2, run: ofWaiting('confirm', actions.update) },
	{ name: 'capture', weight: 4, run: ofWaiting('capture', actions.capture) },
	{ name: 'refund', weight: 6, run: ofWaiting('refund', actions.refund) },
	{ name: 'cancel', weight: 2, run: ofWaiting('cancel', actions.cancel) },
	{ name: 'create in coins', weight: 8, run: makeCoin },
	{ name: 'pay', weight: 5, run: ofWaiting('pay', actions.pay, makeCoin) },
	{ name: 'settle', weight: 3,
		run: ofWaiting('settle', actions.settle, makeCoin) },
	{ name: 'cancel in coins', weight: 1,
		run: ofWaiting('pay', actions.drop, makeCoin) },
	{ name: 'create a customer', weight: 2,
		run: (shop) => shop.makeCustomer() },
	{ name: 'change a customer', weight: 2,
		run: ofWaiting('change a customer', actions.changeCustomer,
			(shop) => shop.makeCustomer()) },
	{ name: 'a key of its own', weight: 1, odd: true,
		run: (shop) => shop.useKey() },
	{ name: 'get', weight: 14, run: ofWaiting('look', actions.look) },
	{ name: 'get an event', weight: 2,
		run: ofWaiting('look at an event', actions.lookAtEvent,
			listEvents) },
	{ name: 'picture', weight: 3,
		run: ofWaiting('picture', actions.picture, makeCoin) },
	{ name: 'list', weight: 7, run: (shop) =>
		shop.get(...shop.pick(lists)(shop.world)) },
	{ name: 'replay', weight: 6, run: (shop) => shop.replay() },
	{ name: 'refusal', weight: 4, run: (shop) =>
		shop.refuse(shop.pick(refusals)) },
];

const weights = operations.reduce((sum, { weight }) => sum + weight, 0);

export function pickOperation(random) {
	let left = random() * weights;
	return operations.find(({ weight }) => (left -= weight) < 0);
}
