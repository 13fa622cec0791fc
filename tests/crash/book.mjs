// A client that retries what it has no answer to, with its keys, for as long as
// servers die; and the book of what must be there in the end: everything that
// was answered, once, and nothing else.  Beside payments by card (load.mjs) it
// has those in coins, keys, and endpoints, whose events it hears.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { until, visa } from '../http/fixtures.mjs';
import { assertOk } from '../http/harness.mjs';
import { errands as cards, helper, intents, Load, readList }
	from '../http/load.mjs';
import * as coins from '../http/stable_fixtures.mjs';
import { cardEndpoints, events, hook, stableEndpoints }
	from '../http/webhook_fixtures.mjs';

const apiKeys = '/v1/api_keys';
const hookPath = '/hook';
const pingPath = '/ping';
// A key that is in use for longer is stuck.
const inUseMsMax = 60000;

const order = { amount: 2000, currency: 'usd' };

async function payInCoins(book) {
	const { id } = await book.askCoin(coins.intents, { amount: 4.5,
		currency: 'usd', merchant_id: book.coin.merchantId });
	await book.askCoin(`${coins.helpers}/${id}/pay`, { amount: 1.5 });
	await book.askCoin(`${coins.helpers}/${id}/pay`, {});
	await book.askCoin(`${coins.helpers}/${id}/settle`, {});
}

async function thinkAgainInCoins(book) {
	const { id } = await book.askCoin(coins.intents, { amount: 1,
		currency: 'usd', merchant_id: book.coin.merchantId });
	await book.askCoin(`${coins.intents}/${id}/cancel`, {});
}

async function makeKeyAndEndpoint(book) {
	const old = await book.ask(apiKeys, { name: 'clerk' });
	await book.ask(`${apiKeys}/${old.id}/roll`, {});
	const { id } = await book.ask(cardEndpoints,
		{ url: hook, enabled_events: ['customer.deleted'] });
	await book.removeEndpoint(`${cardEndpoints}/${id}`);
}

// Nobody may have seen what the engine said; then it says it later.
async function confirmOutside(book) {
	const { id } = await book.ask(intents, { ...order, payment_method: visa });
	const { status } = await book.ask(`${intents}/${id}/confirm`);
	if (status === 'processing')
		await book.ask(`${helper}/${id}/transition`,
			{ status: 'succeeded' });
	await book.ask(`${intents}/${id}/refund`, { amount: 300 });
	await book.check(id);
}

async function registerOutside(book) {
	const { id } = await book.askCoin(stableEndpoints,
		{ url: book.receiver.url(pingPath) });
	if (id)
		await book.removeEndpoint(`${stableEndpoints}/${id}`,
			{ key: book.coin.testKey });
}

export const errandsOf = {
	inside: [...cards, payInCoins, thinkAgainInCoins, makeKeyAndEndpoint],
	outside: [confirmOutside, registerOutside],
};

export class Book extends Load {
	attempts = 0;
	replays = 0;
	inUseMs = 0; // the longest that a key was
	keys = new Map(); // ids, and their secrets
	rolled = new Set(); // ids of keys that have ended
	endpoints = new Map();
	removed = new Set(); // endpoints
	coinIntents = new Map(); // what each must be, by id
	transfers = new Map(); // micros, by what made them
	#inUse = new Map(); // since when, by key

	async attempt(method, path, options) {
		const key = options?.headers?.['Idempotency-Key'];
		this.attempts++;
		const answer = await super.attempt(method, path, options);
		if (answer?.body?.error?.code === 'idempotency_key_in_use')
			return this.#wait(key, path);
		this.#inUse.delete(key);
		if (answer?.headers['idempotent-replayed'])
			this.replays++;
		// The web server alone is there, and is quick to say so.
		if (answer === null)
			await pause(5);
		return answer;
	}

	async #wait(key, path) {
		const since = this.#inUse.get(key) ?? Date.now();
		const waited = Date.now() - since;
		this.#inUse.set(key, since);
		this.inUseMs = Math.max(this.inUseMs, waited);
		assert.ok(waited < inUseMsMax, `stuck key: ${path}, ${key}`);
		this.refuse('idempotency_key_in_use');
		await pause(50);
		return null;
	}

	// As ask(), with the coin account's key.
	async askCoin(path, json) {
		const request = { path, options: { json, key: this.coin.testKey,
			headers: { 'Idempotency-Key': `coin ${this.number++}` } } };
		this.pending.add(request);
		await this.finish(request);
		return request.answer.body;
	}

	// An account has room for few.  Asked for twice, it may be gone by then.
	async removeEndpoint(path, options) {
		const { status } = await this.insist('DELETE', path, options);
		assert.ok([200, 204, 404].includes(status), `${path}: ${status}`);
		this.removed.add(path.split('/').at(-1));
	}

	learn(request) {
		const { path, options: { json }, answer: { status, body } } = request;
		const once = (map, value) => {
			assert.ok(status === 200 || status === 201, JSON.stringify(body));
			assert.ok(!map.has(body.id), `${path}: ${body.id} given twice`);
			map.set(body.id, value);
		};
		// Who was to send the ping has died: nothing came of it, and the key
		// stands for nothing.
		if (body.error?.code === 'webhook_unreachable')
			this.answered.splice(this.answered.indexOf(request), 1);
		else if (path.startsWith(apiKeys)) {
			once(this.keys, body.secret);
			if (path.endsWith('/roll'))
				this.rolled.add(path.split('/').at(-2));
		}
		else if (path === cardEndpoints || path === stableEndpoints)
			once(this.endpoints, body.secret);
		else if (path === coins.intents)
			once(this.coinIntents, { status: 'awaiting_payment', paid: 0n });
		else if (path.startsWith(coins.intents) ||
			path.startsWith(coins.helpers))
			this.#learnCoin(path, json, status, body);
		else
			super.learn(request);
	}

	#learnCoin(path, json, status, body) {
		assert.equal(status, 200, JSON.stringify(body));
		const known = this.coinIntents.get(path.split('/').at(-2));
		const steps = {
			pay: () => {
				known.paid += json.amount ? 1500000n : 3000000n;
				if (!json.amount)
					known.status = 'confirmed';
			},
			settle: () => { known.status = 'settled'; },
			cancel: () => { known.status = 'cancelled'; },
		};
		steps[path.split('/').at(-1)]();
	}

	// What is in coins, and an endpoint, is shown as it now is; the store has
	// no key's secret (contract, section 3).
	assertSame(request, again) {
		if (request.options.key !== this.coin.testKey &&
			!request.path.startsWith(apiKeys) &&
			request.path !== cardEndpoints) {
			super.assertSame(request, again);
			return;
		}
		assert.ok([200, 201].includes(again.status), again.text);
		assert.equal(again.body.id, request.answer.body.id);
	}

	// -- Webhooks --------------------------------------------------------

	async prepare(receiver) {
		this.coin = await coins.createCoinAccount(this.server);
		this.receiver = receiver;
		const { id, secret } = assertOk(await this.server.request('POST',
			cardEndpoints, { json: { url: receiver.url(hookPath),
				enabled_events: ['*'] } }));
		this.endpoints.set(id, secret);
	}

	// What was made is told, and told of once.
	async assertEvents() {
		const all = await readList(this.server, events);
		const named = (type) => all.filter((one) => one.type === type)
			.map(({ data }) => (data.object.id ?? data.id)).sort();
		assert.deepEqual(named('payment_intent.created'),
			[...this.intents.keys()].sort());
		assert.deepEqual(named('refund.created'), [...this.refunds].sort());
		assert.deepEqual(named('payment_intent.succeeded'),
			[...this.intents].filter(([, { status }]) =>
				status === 'succeeded').map(([id]) => id).sort());
		const heard = () => new Set(this.receiver.of(hookPath)
			.map(({ headers }) => headers['webhook-id']));
		const told = all.filter(({ type }) => type !== 'endpoint.ping')
			.map(({ id }) => id).sort();
		// Beyond every lease of the dead: the clock is ahead.
		await until(() => pause(20), () => heard().size >= told.length, 1500);
		assert.deepEqual([...heard()].sort(), told);
		return { events: told.length,
			arrivals: this.receiver.count(hookPath) };
	}

	// -- Keys, endpoints and coins ---------------------------------------

	async assertSecrets() {
		const found = await readList(this.server, apiKeys);
		const clerks = found.filter(({ name }) => name === 'clerk');
		assert.deepEqual(clerks.map(({ id }) => id).sort(),
			[...this.keys.keys()].sort());
		// Null: the answer that had it did not arrive.
		const secrets = [...this.keys.values()].filter((one) => one);
		assert.equal(new Set(secrets).size, secrets.length);
		const isKnown = ([, secret]) => secret;
		for (const [id, key] of [...this.keys].filter(isKnown).slice(-8)) {
			const { status } = await this.server.request('GET',
				'/v1/customers', { key });
			assert.equal(status, this.rolled.has(id) ? 401 : 200, id);
		}
		// There are fewer than a page of them.
		const listed = await Promise.all([
			this.server.request('GET', cardEndpoints),
			this.server.request('GET', stableEndpoints,
				{ key: this.coin.testKey })]);
		assert.deepEqual(listed.flatMap((answer) => assertOk(answer).data)
			.map(({ id }) => id).sort(), [...this.endpoints.keys()]
			.filter((id) => !this.removed.has(id)).sort());
	}

	async assertCoins() {
		const { testKey: key, merchantId } = this.coin;
		const found = [];
		for (let after = {}, more = true; more;) {
			const page = await coins.listOf(this.server, coins.intents,
				{ limit: 100, ...after }, { key, merchantId });
			found.push(...page.data);
			more = page.has_more;
			after = { starting_after: page.data.at(-1)?.id };
		}
		assert.deepEqual(coins.idsOf({ data: found }).sort(),
			[...this.coinIntents.keys()].sort());
		for (const { id, status } of found)
			assert.equal(status, this.coinIntents.get(id).status, id);
		const paid = new Map();
		for (let after = {}, more = true; more;) {
			const page = await coins.listOf(this.server, coins.transactions,
				{ limit: 100, ...after }, { key, merchantId });
			for (const { payment_intent_id: id, amount } of page.data)
				paid.set(id, (paid.get(id) ?? 0n) + coins.micros(amount));
			more = page.has_more;
			after = { starting_after: page.data.at(-1)?.id };
		}
		for (const [id, { paid: wanted }] of this.coinIntents)
			assert.equal(paid.get(id) ?? 0n, wanted, `${id} was paid`);
	}
}
