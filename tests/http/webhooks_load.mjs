// A load of payments of both contracts whose events are told to endpoints at a
// receiver, and the book that is closed over it: every event has arrived at
// everyone who asked for it, what came twice is the same, and all is signed.
//
//	const shop = await openShop(server, receiver, { '/good': ... });
//	shop.onAnswer = () => { ... shop.open = false; };
//	await shop.run(8);
//	await shop.whenQuiet();
//	const figures = await shop.assertAllArrived();
import assert from 'node:assert/strict';

import { until, visa } from './fixtures.mjs';
import { assertOk } from './harness.mjs';
import { behave } from './receiver.mjs';
import * as coins from './stable_fixtures.mjs';
import { verifyCard, verifyStable, verifyStandard } from './verifiers.mjs';
import { cardEndpoints, events, stableEndpoints } from './webhook_fixtures.mjs';

// What a server needs to reach a receiver.  The port is another one after a
// restart; links in events are not.
export const settingsFor = (receiver) => ({
	allow_private_webhooks: 'yes', webhook_ports: '*',
	webhook_ca_file: receiver.caFile, public_url: 'https://pay.example.com',
});

// What the client cannot tell from the network's failure.
const broken = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED'];

// Each event is refused once.  What comes first at a stable endpoint is its
// registration's ping, which is not.
export function refuseOnce(isCoin) {
	const refused = new Set();
	return Object.assign((exchange) => {
		const id = exchange.request.headers['webhook-id'];
		const takes = refused.has(id) || (isCoin && exchange.before === 0);
		if (!takes)
			refused.add(id);
		behave.status(takes ? 200 : 500)(exchange);
	}, { refused });
}

// Some answers take a while.
export const dawdle = (mostMs) => (exchange) =>
	setTimeout(behave.status(200), Math.random() * mostMs, exchange);

async function readAll(server, path, options) {
	const all = [];
	for (let after = '';;) {
		const mark = path.includes('?') ? '&' : '?';
		const { data, has_more: more } = assertOk(await server.request('GET',
			`${path}${mark}limit=100${after}`, options));
		all.push(...data);
		if (!more)
			return all;
		after = `&starting_after=${data.at(-1).id}`;
	}
}

// Two bags of texts are the same; says what is not, and not all of it.
function assertSame(found, wanted, what) {
	const missing = wanted.filter((one) => !found.has(one));
	const strange = [...found].filter((one) => !wanted.includes(one));
	assert.deepEqual({ missing: missing.slice(0, 5), of: missing.length,
		strange: strange.slice(0, 5) },
	{ missing: [], of: 0, strange: [] }, what);
	assert.equal(new Set(wanted).size, wanted.length, what);
}

class Shop {
	open = true; // shoppers go on
	answers = 0;
	refusals = new Map(); // 5xx and broken connections, counted
	onAnswer = () => {};
	endpoints = []; // {id, path, secret, isCoin, behaviour}

	constructor(server, receiver) {
		Object.assign(this, { server, receiver });
	}

	get coinOptions() {
		return { key: this.account.testKey,
			merchantId: this.account.merchantId };
	}

	// -- Endpoints -------------------------------------------------------

	async addCard(path, behaviour) {
		this.receiver.answer(path, behaviour);
		const { id, secret } = assertOk(await this.server.request('POST',
			cardEndpoints, { json: { url: this.receiver.url(path),
				enabled_events: ['*'] } }));
		this.endpoints.push(
			{ id, path, secret, isCoin: false, behaviour });
	}

	// The answer to the registration of a stable endpoint.
	register(path, behaviour, more = {}) {
		this.receiver.answer(path, behaviour);
		return this.server.request('POST', stableEndpoints,
			{ key: this.account.testKey,
				json: { url: this.receiver.url(path), ...more } });
	}

	async addCoin(path, behaviour) {
		const { id, secret } = assertOk(
			await this.register(path, behaviour), 201);
		this.endpoints.push(
			{ id, path, secret, isCoin: true, behaviour });
	}

	// -- The load --------------------------------------------------------

	// Null where there was no answer, or a 5xx.
	async post(path, options) {
		try {
			const answer = await this.server.request('POST', path, options);
			this.answers++;
			this.onAnswer();
			if (answer.status < 500)
				return assertOk(answer, answer.status === 201 ? 201 : 200);
			this.refuse(answer.status);
		} catch (error) {
			if (!broken.includes(error.code))
				throw error;
			this.refuse(error.code);
		}
		return null;
	}

	refuse(reason) {
		this.refusals.set(reason, 1 + (this.refusals.get(reason) ?? 0));
	}

	async payByCard() {
		const intents = '/v1/payment_intents';
		const made = await this.post(intents,
			{ json: { amount: 2000, currency: 'usd' } });
		if (made)
			await this.post(`${intents}/${made.id}/confirm`,
				{ json: { payment_method: visa } });
	}

	async payByCoin() {
		const { key, merchantId } = this.coinOptions;
		const made = await this.post(coins.intents, { key, json: { amount: 4.5,
			currency: 'usd', merchant_id: merchantId } });
		if (made)
			await this.post(`${coins.helpers}/${made.id}/pay`,
				{ key, json: {} });
	}

	async run(shoppers) {
		await Promise.all(Array.from({ length: shoppers }, async (_, i) => {
			for (; this.open; i++)
				await (i % 2 === 0 ? this.payByCard() : this.payByCoin());
		}));
	}

	// So many payments of each contract.
	async pay(count) {
		for (let i = 0; i < count; i++)
			await Promise.all([this.payByCard(), this.payByCoin()]);
	}

	// -- The book --------------------------------------------------------

	// What each endpoint of a contract is to be told, by its causes.
	async expected(isCoin) {
		const { server } = this;
		if (!isCoin)
			return (await readAll(server, events)).map(({ id }) => id);
		const { key, merchantId } = this.coinOptions;
		const of = (path) => readAll(server,
			`${path}?merchant_id=${merchantId}`, { key });
		const paid = (await of(coins.intents)).filter(({ status }) =>
			status === 'confirmed');
		return [...paid.map(({ id }) => `payment_intent.confirmed ${id}`),
			...(await of(coins.transactions)).map(({ id }) =>
				`transaction.created ${id}`)];
	}

	// Without the registration's ping.
	arrivals({ path, isCoin }) {
		return this.receiver.of(path).slice(isCoin ? 1 : 0);
	}

	// As expected() names them; and no event has two ids.
	#names(endpoint) {
		const names = new Map();
		for (const { body, headers } of this.arrivals(endpoint)) {
			const { id, type, data } = JSON.parse(body);
			const name = endpoint.isCoin ? `${type} ${data.id}` : id;
			assert.equal(headers['webhook-id'], id);
			assert.equal(names.get(name) ?? id, id, `${name} has two ids`);
			names.set(name, id);
		}
		return new Set(names.keys());
	}

	// Until every endpoint was sent all, whatever it has said.
	async whenArrived() {
		for (const isCoin of [false, true]) {
			const { length } = await this.expected(isCoin);
			const endpoints = this.endpoints.filter((one) =>
				one.isCoin === isCoin);
			const ids = (endpoint) => new Set(this.arrivals(endpoint)
				.map(({ headers }) => headers['webhook-id'])).size;
			await this.receiver.until(() => endpoints.every((one) =>
				this.receiver.count(one.path) >= length &&
				ids(one) >= length), 60000);
		}
	}

	// Rows of the queue: what waits, what is leased.
	async queued() {
		return (await this.server.ctl('stats')).tables.deliveries_due;
	}

	whenQuiet() {
		return until(() => this.queued(), (count) => count === 0, 2000);
	}

	// As of when it came; a server's clock may be a few minutes ahead.
	#verify() {
		const { now } = Date;
		const endpoints = new Map(this.endpoints.map((one) =>
			[one.path, one]));
		try {
			for (const request of this.receiver.requests) {
				const endpoint = endpoints.get(request.path);
				if (!endpoint)
					continue;
				const { isCoin, secret } = endpoint;
				Date.now = () => request.at;
				(isCoin ? verifyStable : verifyCard)(request, secret);
				verifyStandard(request, secret);
			}
		} finally {
			Date.now = now;
		}
	}

	// Another server on the data of the one that has ended.
	goOn(server) {
		Object.assign(this, { server, open: true });
	}

	#assertDoublesSame(endpoint) {
		const bodies = new Map();
		for (const { body, headers } of this.arrivals(endpoint)) {
			const id = headers['webhook-id'];
			assert.equal(body, bodies.get(id) ?? body, `${id} came otherwise`);
			bodies.set(id, body);
		}
		return bodies.size;
	}

	// Every event everywhere, nothing else, and nothing is left to be done.
	// Returns figures; doubles are what came again without a refusal.
	async assertAllArrived() {
		const figures = { events: 0, arrivals: 0, doubles: 0 };
		this.#verify();
		for (const isCoin of [false, true]) {
			const all = await this.expected(isCoin);
			figures.events += all.length;
			for (const endpoint of this.endpoints) {
				if (endpoint.isCoin !== isCoin)
					continue;
				assertSame(this.#names(endpoint), all, endpoint.path);
				const { length } = this.arrivals(endpoint);
				figures.arrivals += length;
				figures.doubles += length -
					this.#assertDoublesSame(endpoint) -
					(endpoint.behaviour.refused?.size ?? 0);
			}
		}
		assert.equal(await this.queued(), 0, 'the queue is empty');
		assert.deepEqual((await this.server.ctl('verify')).findings, []);
		return { ...figures,
			refusals: Object.fromEntries(this.refusals) };
	}
}

// With endpoints of both contracts for each behaviour, which is made by a
// function of whether it is for coins: at /card/NAME and /coin/NAME.
export async function openShop(server, receiver, behaviours) {
	const shop = new Shop(server, receiver);
	shop.account = await coins.createCoinAccount(server);
	for (const [name, make] of Object.entries(behaviours)) {
		await shop.addCard(`/card/${name}`, make(false));
		await shop.addCoin(`/coin/${name}`, make(true));
	}
	return shop;
}
