// A load of many shoppers, and the book of what was answered to whom: a
// request is sent again, with its idempotency key, until it has an answer,
// and what was answered must be there in the end, once.
import assert from 'node:assert/strict';

import { visa } from './fixtures.mjs';
import { assertOk } from './harness.mjs';
import { assertShape } from './shapes.mjs';

export const intents = '/v1/payment_intents';
export const helper = '/v1/test_helpers/payment_intents';
const triesMax = 5000;

// Thrown to a shopper when the server does not listen any more.
export class Gone extends Error {}

// What the client cannot tell from the network's failure.
const broken = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED'];

export class Load {
	constructor(server) {
		this.server = server;
		this.errands = errands;
		this.open = true; // shoppers go on
		this.answered = []; // requests with their first answer
		this.pending = new Set(); // requests without one
		this.refusals = new Map(); // 5xx and broken connections, counted
		this.intents = new Map(); // what each must be, by id
		this.refunds = new Set(); // ids
		this.customers = new Set(); // ids of those made with a key
		this.names = new Map(); // of those made without: answered or not
		this.onAnswer = () => {};
		this.number = 0;
		this.refused = 0;
	}

	// One attempt; null where there was no answer, or a 5xx.
	async attempt(method, path, options) {
		let answer;
		try {
			answer = await this.server.request(method, path, options);
		} catch (error) {
			if (!broken.includes(error.code))
				throw error;
			this.refuse(error.code);
			if (error.code === 'ECONNREFUSED')
				throw new Gone();
			return null;
		}
		this.onAnswer();
		if (answer.status < 500)
			return answer;
		this.refuse(answer.status);
		return null;
	}

	refuse(reason) {
		this.refused++;
		this.refusals.set(reason, 1 + (this.refusals.get(reason) ?? 0));
	}

	async insist(method, path, options) {
		for (let i = 0; i < triesMax; i++) {
			const answer = await this.attempt(method, path, options);
			if (answer)
				return answer;
		}
		throw new Error(`no answer to ${method} ${path}`);
	}

	// A POST with a key; its body, once it has one.
	async ask(path, json) {
		const request = { path, options: { json,
			headers: { 'Idempotency-Key': `request ${this.number++}` } } };
		this.pending.add(request);
		await this.finish(request);
		return request.answer.body;
	}

	// `again`: it may have been sent before, and have had its effect.
	async finish(request, again = false) {
		const refused = this.refused;
		request.answer = await this.insist('POST', request.path,
			request.options);
		// Sent once, it is nobody's second time.
		if (this.refused === refused && !again)
			assert.equal(request.answer.headers['idempotent-replayed'],
				undefined, 'the first answer is a replay');
		this.pending.delete(request);
		this.answered.push(request);
		this.learn(request);
	}

	// What the answer says that must be there from now on.
	learn({ path, answer: { status, body } }) {
		if (status === 402) {
			const known = this.intents.get(path.split('/')[3]);
			known.status = 'requires_payment_method';
			known.charges++;
			return;
		}
		assert.equal(status, 200, JSON.stringify(body));
		if (body.object === 'refund') {
			assert.ok(!this.refunds.has(body.id), 'a refund given twice');
			this.refunds.add(body.id);
			this.intents.get(body.payment_intent).refunded += body.amount;
		} else if (body.object === 'customer') {
			this.customers.add(body.id);
		} else {
			this.intents.set(body.id, { ...facts(body) });
		}
	}

	// Of a replay: as it was.
	assertSame({ answer }, again) {
		assert.equal(again.text, answer.text);
		assert.equal(again.status, answer.status);
	}

	// Without a key: sent once, and perhaps never answered.
	async makeNameless() {
		const name = `shopper ${this.number++}`;
		this.names.set(name, false);
		const answer = await this.attempt('POST', '/v1/customers',
			{ json: { name } });
		if (answer)
			this.names.set(name, assertOk(answer).name === name);
	}

	async check(id) {
		const expected = { ...this.intents.get(id) };
		const answer = await this.insist('GET', `${intents}/${id}`);
		assert.deepEqual(facts(assertOk(answer)), expected);
	}

	// Shoppers, until the load is no longer open or the server is gone.
	async run(shoppers) {
		await Promise.all(Array.from({ length: shoppers },
			async (_, number) => {
				try {
					for (let i = number; this.open; i++)
						await this.errands[i % this.errands.length](this);
				} catch (error) {
					if (!(error instanceof Gone))
						throw error;
				}
			}));
	}
}

// What the checks compare of an intent.
function facts({ status, amount_received: received, charges }) {
	return {
		status,
		received,
		charges: charges.data.length,
		refunded: charges.data[0]?.amount_refunded ?? 0,
	};
}

const order = { amount: 2000, currency: 'usd' };

// What shoppers do; each leads over several states.
export const errands = [
	async function buyAndReturn(load) {
		const { id } = await load.ask(intents,
			{ ...order, payment_method: visa, confirm: true });
		await load.ask('/v1/refunds', { payment_intent: id, amount: 700 });
		await load.ask(`${intents}/${id}/refund`);
		await load.check(id);
	},
	async function reserveAndTakePart(load) {
		const { id } = await load.ask(intents,
			{ ...order, payment_method: visa, capture_method: 'manual' });
		await load.ask(`${intents}/${id}/confirm`);
		await load.ask(`${intents}/${id}/capture`,
			{ amount_to_capture: 1500 });
		await load.ask(`${intents}/${id}/refund`, { amount: 100 });
		await load.check(id);
	},
	async function tryTwice(load) {
		const { id } = await load.ask(intents, order);
		await load.ask(`${intents}/${id}/confirm`,
			{ payment_method: 'pm_card_declined' });
		await load.ask(`${intents}/${id}/confirm`, { payment_method: visa });
		await load.check(id);
	},
	async function thinkAgain(load) {
		const { id } = await load.ask(intents, order);
		await load.ask(`${intents}/${id}`,
			{ amount: 1, metadata: { a: 'b' } });
		await load.ask(`${intents}/${id}/cancel`);
		await load.check(id);
	},
	async function authenticate(load) {
		const { id } = await load.ask(intents, { ...order, confirm: true,
			payment_method: 'pm_card_3ds_required' });
		await load.ask(`${helper}/${id}/transition`, { status: 'succeeded' });
		await load.check(id);
	},
	async function register(load) {
		const { id } = await load.ask('/v1/customers', { name: 'Ada' });
		await load.ask(`/v1/customers/${id}`, { phone: '1' });
		await load.makeNameless();
	},
];

export async function readList(server, path) {
	const all = [];
	let after = '';
	for (;;) {
		const { data, has_more: more } = assertOk(await server.request('GET',
			`${path}?limit=100${after}`));
		all.push(...data);
		if (!more)
			return all;
		after = `&starting_after=${data.at(-1).id}`;
	}
}

const ids = (objects) => objects.map(({ id }) => id).sort();

// Each request, sent once more with its key, is answered as the first time.
async function assertReplays(load) {
	const left = [...load.answered];
	await Promise.all(Array.from({ length: 8 }, async () => {
		for (let each = left.pop(); each; each = left.pop()) {
			const again = await load.server.request('POST', each.path,
				each.options);
			assert.equal(again.headers['idempotent-replayed'], 'true');
			load.assertSame(each, again);
		}
	}));
}

async function assertIntents(load) {
	const found = await readList(load.server, intents);
	assert.deepEqual(ids(found), [...load.intents.keys()].sort());
	for (const intent of found) {
		assertShape(intent, 'payment_intent');
		assert.deepEqual(facts(intent), load.intents.get(intent.id));
	}
	const refunds = await readList(load.server, '/v1/refunds');
	assert.deepEqual(ids(refunds), [...load.refunds].sort());
	const charges = await readList(load.server, '/v1/charges');
	assert.deepEqual(ids(charges),
		ids(found.flatMap((intent) => intent.charges.data)));
}

async function assertCustomers(load) {
	const found = await readList(load.server, '/v1/customers');
	const nameless = found.filter(({ id }) => !load.customers.has(id));
	assert.equal(found.length - nameless.length, load.customers.size);
	const names = nameless.map(({ name }) => name);
	assert.equal(new Set(names).size, names.length, 'one was made twice');
	for (const name of names)
		assert.ok(load.names.has(name), name);
	for (const [name, answered] of load.names)
		assert.ok(!answered || names.includes(name), `${name} is missing`);
}

// All that was answered is there, nothing twice, and the store is sound.
export async function assertAllThere(load) {
	assert.equal(load.pending.size, 0);
	await assertReplays(load);
	await assertIntents(load);
	await assertCustomers(load);
	const { findings } = await load.server.ctl('verify');
	assert.deepEqual(findings, []);
}

// What had no answer when the server went is sent again, to another one.
export async function goOn(load, server) {
	load.server = server;
	for (const request of [...load.pending])
		await load.finish(request, true);
}
