// A load of cards and coins, and the book of who was told what: each answer
// stands in it by its Request-Id, with what it says of each object.
import assert from 'node:assert/strict';
import { rmSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { assertOk } from '../http/harness.mjs';
import { intents, Load } from '../http/load.mjs';
import * as stable from '../http/stable_fixtures.mjs';
import { cardEndpoints } from '../http/webhook_fixtures.mjs';

const listed = 20;

// What is compared of an object, as a text, whoever shows it.
export function factsOf(object) {
	if (object.object === 'refund')
		return `refund ${object.status} ${object.amount}`;
	if (object.object === 'customer')
		return `customer ${object.name}`;
	if (object.object === 'event')
		return `event ${object.type}`;
	if (object.object === 'api_key')
		return `key ${object.name}`;
	if (object.object !== 'payment_intent')
		return undefined;
	if (object.charges === undefined)
		return `coins ${object.status} ${object.amount} ` +
			`${object.amount_received}`;
	const [charge] = object.charges.data;
	return `card ${object.status} ${object.amount} ` +
		`${object.amount_received} ${object.charges.data.length} ` +
		`${charge?.amount_captured ?? 0} ${charge?.amount_refunded ?? 0}`;
}

export class BookedLoad extends Load {
	constructor(server) {
		super(server);
		this.told = []; // {request, id, facts}
		this.posts = 0;
	}

	// Whom every event is sent to.
	async hear(receiver) {
		await this.insist('POST', cardEndpoints, { json: {
			url: receiver.url('/hook'), enabled_events: ['*'] } });
	}

	async rollKey() {
		const { id } = await this.ask('/v1/api_keys', { name: 'clerk' });
		await this.ask(`/v1/api_keys/${id}/roll`, {});
	}

	tell(answer, object) {
		const facts = factsOf(object);
		if (facts !== undefined)
			this.told.push({ request: answer.headers['request-id'],
				id: object.id, facts });
	}

	learn(request) {
		this.posts++;
		if (!isCoin(request) && !isKeys(request))
			super.learn(request);
		else
			assert.ok([200, 201].includes(request.answer.status),
				request.answer.text);
		this.tell(request.answer, request.answer.body);
	}

	// Whoever reads something was told it, too.
	async insist(method, path, options) {
		const answer = await super.insist(method, path, options);
		if (method === 'GET')
			(answer.body.data ?? [answer.body]).forEach((object) =>
				this.tell(answer, object));
		return answer;
	}

	async payInCoins(number) {
		const { merchantId } = this.server;
		const { id } = await this.ask(stable.intents, { amount: 4.5,
			currency: 'usd', merchant_id: merchantId });
		if (number % 3 === 2) {
			await this.ask(`${stable.intents}/${id}/cancel`, {});
			return;
		}
		if (number % 3 === 1)
			await this.ask(`${stable.helpers}/${id}/pay`, { amount: 1 });
		await this.ask(`${stable.helpers}/${id}/pay`, {});
		await this.ask(`${stable.helpers}/${id}/settle`, {});
		await this.insist('GET', `${stable.intents}/${id}`);
	}

	// Until so many POSTs with keys were answered.
	async runPosts(posts, shoppers = 6) {
		const isDone = () => this.posts >= posts || !this.open;
		const coins = async () => {
			for (let number = 0; !isDone(); number++)
				await this.payInCoins(number);
		};
		const lister = async () => {
			while (!isDone())
				await this.insist('GET',
					`/v1/payment_intents?limit=${listed}`);
		};
		const clerk = async () => {
			while (!isDone())
				await this.rollKey();
		};
		await Promise.all([
			this.run(shoppers), coins(), coins(), lister(), clerk(),
			(async () => {
				while (!isDone())
					await new Promise((resolve) => setImmediate(resolve));
				this.open = false;
			})(),
		]);
		assert.equal(this.pending.size, 0);
		assert.equal(this.refused, 0, [...this.refusals.keys()].join());
	}
}

// -- What is in a store ------------------------------------------------------

// Its objects' facts by their ids, as intentctl exports them.
export async function readFacts(place, name) {
	const file = join(place.folder, 'export.json');
	rmSync(file, { force: true });
	const { status, stderr } = await place.ctl(name, 'export', file);
	assert.equal(status, 0, stderr);
	const objects = readFileSync(file, 'utf8').trim().split('\n')
		.map((line) => JSON.parse(line).data).filter((data) => data);
	return new Map(objects.map((object) => [object.id, factsOf(object)])
		.filter(([, facts]) => facts !== undefined));
}

// The history of the objects: what each was, from which transaction on.
export class History {
	constructor() {
		this.objects = new Map(); // id: [{from, facts}]
		this.last = 0;
	}

	// What there is after a transaction, the next one of all.
	add(number, facts) {
		assert.ok(number > this.last);
		this.last = number;
		for (const id of this.objects.keys())
			assert.ok(facts.has(id), `${id} is gone`);
		for (const [id, text] of facts) {
			const known = this.objects.get(id) ?? [];
			if (known.at(-1)?.facts !== text)
				known.push({ from: number, facts: text });
			this.objects.set(id, known);
		}
	}

	// The first transaction that has what was told.
	firstWith({ id, facts }) {
		const found = this.objects.get(id)
			?.find((one) => one.facts === facts);
		assert.ok(found, `${id} was never: ${facts}`);
		return found.from;
	}
}

// What somebody was told of at a place of the recording, and the transaction
// that has it.
export function needsOfTold(history, told, said) {
	return told.map((one) => {
		assert.ok(said.has(one.request), `${one.request} was not said`);
		return { at: said.get(one.request), number: history.firstWith(one) };
	});
}

// The same of all that has a line in the audit log, whatever it changed.
export function needsOfLines(heads, lines, said) {
	return lines.filter(({ request }) => said.has(request))
		.map(({ request, seq }) => ({ at: said.get(request),
			number: heads.find(({ head }) => head >= Number(seq)).number }));
}

// needed(at): the transaction that a cut there has at least.
export function neededBy(needs) {
	needs.sort((a, b) => a.at - b.at);
	let highest = 0;
	for (const need of needs)
		need.number = highest = Math.max(highest, need.number);
	return (at) => needs.filter((need) => need.at < at).at(-1)?.number ?? 0;
}

const isKeys = ({ path }) => path.startsWith('/v1/api_keys');
const isCoin = ({ path }) => path.startsWith(stable.intents) ||
	path.startsWith(stable.helpers);

// In the stable contract the payment is shown as it now is; the store has no
// key's secret.
function assertSame(request, { body, status, text }, again) {
	assert.equal(again.headers['idempotent-replayed'], 'true');
	if (isCoin(request) || isKeys(request)) {
		assert.ok([200, 201].includes(again.status), again.text);
		assert.equal(again.body.id, body.id);
	} else {
		assert.equal(again.text, text);
		assert.equal(again.status, status);
	}
}

// Sent once more with their keys, the requests are answered as the first time.
export async function assertReplayed(server, requests) {
	for (const request of requests) {
		const { path, options, answer } = request;
		assertSame(request, answer, await server.request('POST', path,
			options));
	}
	const { findings } = await server.ctl('verify');
	assert.deepEqual(findings, []);
}

// What a request is about: an object's id; none, where it makes one.
const objectOf = ({ path, options: { json } }) => json?.payment_intent ??
	path.split('/').find((part) => /^(pi|key|cus)_/.test(part));

// Of requests in the order of their answers, those that may have been under way
// at a cut before all of these: what comes later needs an answer of theirs.
function underWay(requests, known, most) {
	const touched = new Set();
	return requests.filter((request) => {
		const id = objectOf(request);
		const isFirst = id === undefined ||
			(known.has(id) && !touched.has(id));
		touched.add(id);
		return isFirst;
	}).slice(0, most);
}

const makers = [intents, stable.intents, '/v1/refunds', '/v1/customers',
	'/v1/api_keys'];
const makes = ({ path }) => makers.includes(path) ||
	/\/(refund|roll)$/.test(path);
const idsIn = async (server) => {
	const { tables } = await server.ctl('verify');
	return tables.intents + tables.coin_intents + tables.refunds +
		tables.customers + tables.api_keys;
};

// Who had no answer when the power failed sends it again, and once more: it has
// its effect once, whether or not it had it then.  Returns how many were sent,
// and how many had.
export async function assertRetried(server, requests, known, most) {
	const before = await idsIn(server);
	let fresh = 0;
	let there = 0;
	const all = underWay(requests, known, most);
	for (const request of all) {
		const { path, options } = request;
		const first = await server.request('POST', path, options);
		const was = first.headers['idempotent-replayed'] === 'true';
		assert.equal(first.status, request.answer.status, first.text);
		if (was)
			assertSame(request, request.answer, first);
		there += was;
		fresh += !was && first.status < 300 && makes(request);
		const second = await server.request('POST', path, options);
		assertSame(request, first, second);
	}
	assert.equal(await idsIn(server), before + fresh,
		'a request has had its effect twice, or never');
	return { all: all.length, there };
}

