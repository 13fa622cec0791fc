// Fifty clients at once on one intent, and with one idempotency key: one
// effect, or the parts that fit, and never a 5xx.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createCustomer, createIntent, createKey, getIntent, intentIn,
	visa } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { assertShape } from './shapes.mjs';

const clients = 50;
const intents = '/v1/payment_intents';
const unexpected = { status: 400, type: 'invalid_request_error',
	code: 'payment_intent_unexpected_state', param: null };
const servers = {};
let server;

before(async () => {
	servers.plain = await startServer({ workers: 4 });
	// As an engine outside: each confirmation takes two transactions.
	servers.outside = await startServer({ workers: 4,
		settings: { sandbox_latency_ms: 40 } });
	server = servers.plain;
});

after(() => Promise.all(Object.values(servers).map((one) => one.stop())));

// The answers of as many requests at once, none of them 5xx; `makeRequest`
// is told the number of its client and gives path, json and perhaps a key.
async function atOnce(on, makeRequest) {
	const answers = await Promise.all(Array.from({ length: clients },
		async (_, number) => {
			const { path, json, key } = makeRequest(number);
			const headers = key ? { 'Idempotency-Key': key } : {};
			return { number, ...await on.request('POST', path,
				{ json, headers }) };
		}));
	for (const { status, text } of answers)
		assert.ok(status < 500, text);
	return answers;
}

const succeeded = (answers) => answers.filter(({ status }) => status === 200);

// The one answer that succeeded; all others are refused as expected.
function theWinner(answers, expected) {
	const winners = succeeded(answers);
	assert.equal(winners.length, 1);
	for (const answer of answers)
		if (answer !== winners[0])
			assertRefused(answer, expected);
	return winners[0];
}

// The intent is as the last answer about it said.
async function assertStays(on, answer) {
	const found = await getIntent(on, answer.body.id);
	assertShape(found, 'payment_intent');
	assert.deepEqual(found, answer.body);
	return found;
}

describe('fifty clients confirm one intent', () => {
	for (const name of ['plain', 'outside'])
		for (const capture of ['automatic', 'manual'])
			test(`${capture}, with a ${name} engine: one does`, async () => {
				const on = servers[name];
				const { id } = await createIntent(on,
					{ payment_method: visa, capture_method: capture });
				const winner = theWinner(await atOnce(on,
					() => ({ path: `${intents}/${id}/confirm` })), unexpected);
				const found = await assertStays(on, winner);
				assert.equal(found.charges.data.length, 1);
				assert.equal(found.status,
					capture === 'manual' ? 'requires_capture' : 'succeeded');
			});

	test('each with a card of their own: one card pays', async () => {
		const { id } = await createIntent(server);
		const cards = ['pm_card_visa', 'pm_card_mastercard'];
		const winner = theWinner(await atOnce(server, (number) => ({
			path: `${intents}/${id}/confirm`,
			json: { payment_method: cards[number % 2] } })), unexpected);
		const found = await assertStays(server, winner);
		assert.equal(found.payment_method, cards[winner.number % 2]);
	});

	test('whose card is declined: each try is a failed charge', async () => {
		const { id } = await createIntent(server);
		const answers = await atOnce(server, () => ({
			path: `${intents}/${id}/confirm`,
			json: { payment_method: 'pm_card_declined' } }));
		for (const answer of answers)
			assertRefused(answer, { status: 402, code: 'card_declined' });
		const { data } = assertOk(await server.request('GET',
			`/v1/charges?payment_intent=${id}&limit=100`));
		assert.equal(data.length, clients);
		assert.equal(new Set(data.map((charge) => charge.id)).size, clients);
	});
});

describe('fifty clients capture one intent', () => {
	test('each another part: one part is taken', async () => {
		const { id } = await intentIn(server, 'requires_capture');
		const winner = theWinner(await atOnce(server, (number) => ({
			path: `${intents}/${id}/capture`,
			json: { amount_to_capture: 1 + number } })), unexpected);
		const found = await assertStays(server, winner);
		assert.equal(found.amount_received, 1 + winner.number);
		assert.equal(found.charges.data[0].amount_captured,
			1 + winner.number);
	});
});

describe('fifty clients cancel one intent', () => {
	for (const status of ['requires_payment_method', 'requires_action',
		'requires_capture'])
		test(`that is ${status}: one does`, async () => {
			const { id } = await intentIn(server, status);
			const winner = theWinner(await atOnce(server,
				() => ({ path: `${intents}/${id}/cancel` })), unexpected);
			await assertStays(server, winner);
		});
});

// What was given back, by the answers, the list and the charge alike.
async function assertRefunds(id, answers) {
	const { data } = assertOk(await server.request('GET',
		`/v1/refunds?payment_intent=${id}&limit=100`));
	const given = succeeded(answers).map(({ body }) => body);
	const byId = (a, b) => a.id < b.id ? -1 : 1;
	assert.deepEqual(data.sort(byId), given.sort(byId));
	const sum = data.reduce((total, { amount }) => total + amount, 0);
	const found = await getIntent(server, id);
	assertShape(found, 'payment_intent');
	assert.equal(found.charges.data[0].amount_refunded, sum);
	return sum;
}

describe('fifty clients give parts of one charge back', () => {
	const tooLarge = { status: 400, code: 'amount_too_large',
		param: 'amount' };
	const nothingLeft = { status: 400,
		code: 'payment_intent_unexpected_state' };

	async function giveBack(partOf) {
		const { id } = await intentIn(server, 'succeeded');
		const answers = await atOnce(server, (number) => ({
			path: number % 2 ? '/v1/refunds' : `${intents}/${id}/refund`,
			json: { amount: partOf(number),
				...number % 2 && { payment_intent: id } } }));
		const sum = await assertRefunds(id, answers);
		return { id, answers, left: 2000 - sum };
	}

	test('that fit exactly: all are given', async () => {
		const { id, answers, left } = await giveBack(() => 2000 / clients);
		assert.equal(succeeded(answers).length, clients);
		assert.equal(left, 0);
		assertRefused(await server.request('POST',
			`${intents}/${id}/refund`), nothingLeft);
	});

	test('of which 28 fit: 28 are given', async () => {
		const { answers, left } = await giveBack(() => 70);
		assert.equal(succeeded(answers).length, 28);
		assert.equal(left, 40);
		for (const answer of answers.filter(({ status }) => status !== 200))
			assertRefused(answer, tooLarge);
	});

	test('of all sizes: who is refused asked for more than was left',
		async () => {
			const partOf = (number) => 1 + number * 7 % 150;
			const { answers, left } = await giveBack(partOf);
			for (const { status, number } of answers)
				assert.ok(status === 200 || partOf(number) > left);
		});

	test('each all that is left: one gets it', async () => {
		const { answers, left } = await giveBack(() => undefined);
		assert.equal(theWinner(answers, nothingLeft).body.amount, 2000);
		assert.equal(left, 0);
	});
});

describe('fifty clients at odds over one intent', () => {
	test('who capture and cancel: one has its way', async () => {
		const { id } = await intentIn(server, 'requires_capture');
		const winner = theWinner(await atOnce(server, (number) => ({
			path: `${intents}/${id}/${number % 2 ? 'capture' : 'cancel'}` })),
		unexpected);
		const found = await assertStays(server, winner);
		assert.equal(found.status,
			winner.number % 2 ? 'succeeded' : 'canceled');
	});

	test('who confirm and cancel: one has its way', async () => {
		const { id } = await intentIn(server, 'requires_confirmation');
		const winner = theWinner(await atOnce(server, (number) => ({
			path: `${intents}/${id}/${number % 2 ? 'confirm' : 'cancel'}` })),
		unexpected);
		await assertStays(server, winner);
	});

	test('who say different things as the engine: one is believed',
		async () => {
			const { id } = await intentIn(server, 'processing');
			const says = ['succeeded', 'requires_payment_method'];
			const winner = theWinner(await atOnce(server, (number) => ({
				path: `/v1/test_helpers/payment_intents/${id}/transition`,
				json: { status: says[number % 2] } })),
			{ status: 400, code: 'invalid_state_transition' });
			const found = await assertStays(server, winner);
			assert.equal(found.status, says[winner.number % 2]);
		});

	// One of each in turn; each may succeed only where the table lets it.
	async function mix(round) {
		const { id } = await createIntent(server,
			{ payment_method: visa, capture_method: 'manual' });
		const turns = [
			{ action: 'confirm' },
			{ action: 'capture', json: { amount_to_capture: 900 } },
			{ action: 'refund', json: { amount: 200 } },
			{ action: 'update', json: { metadata: { round } } },
			{ action: 'cancel' },
		];
		const answers = await atOnce(server, (number) => {
			const { action, json } = turns[number % turns.length];
			return { json, path: action === 'update' ? `${intents}/${id}`
				: `${intents}/${id}/${action}` };
		});
		const won = turns.map((_, turn) => succeeded(answers
			.filter(({ number }) => number % turns.length === turn)).length);
		const found = await getIntent(server, id);
		return { found, won, answers };
	}

	for (const round of ['first', 'second', 'third', 'fourth'])
		test(`who do all of it, the ${round} time`, async () => {
			const { found, won, answers } = await mix(round);
			const [confirms, captures, refunds, updates, cancels] = won;
			assertShape(found, 'payment_intent');
			assert.ok(confirms <= 1 && captures <= confirms);
			assert.equal(captures + cancels, 1, 'one of them ends it');
			assert.equal(found.status, captures ? 'succeeded' : 'canceled');
			assert.equal(found.amount_received, 900 * captures);
			assert.equal(updates, clients / 5);
			assert.equal(found.metadata.round, round);
			assert.ok(refunds <= 4 * captures);
			assert.equal(await assertRefundsOf(found, answers), 200 * refunds);
		});

	async function assertRefundsOf(found, answers) {
		if (found.charges.data.length === 0)
			return 0;
		return assertRefunds(found.id, answers
			.filter(({ body }) => body.object === 'refund'));
	}

	test('who each add a word to the metadata: none is lost', async () => {
		const { id } = await createIntent(server);
		const answers = await atOnce(server, (number) => ({
			path: `${intents}/${id}`,
			json: { metadata: { [`word${number}`]: 'here' } } }));
		assert.equal(succeeded(answers).length, clients);
		const { metadata } = await getIntent(server, id);
		assert.equal(Object.keys(metadata).length, clients);
	});

	test('who delete one customer: one does', async () => {
		const { id } = await createCustomer(server, { name: 'Ada' });
		const answers = await Promise.all(Array.from({ length: clients },
			() => server.request('DELETE', `/v1/customers/${id}`)));
		const winner = theWinner(answers,
			{ status: 404, code: 'resource_missing', param: 'id' });
		assert.deepEqual(winner.body, { id, object: 'customer',
			deleted: true });
	});
});

// All answers are the same, and all but one of them replayed.
function assertOneOutcome(answers) {
	const [text, ...others] = new Set(answers.map((answer) => answer.text));
	assert.deepEqual(others, []);
	assert.equal(new Set(answers.map(({ status }) => status)).size, 1);
	const firsts = answers.filter(({ headers }) =>
		headers['idempotent-replayed'] !== 'true');
	assert.equal(firsts.length, 1);
	return JSON.parse(text);
}

async function countOf(on, path) {
	let count = 0, after = '';
	for (;;) {
		const { data, has_more: more } = assertOk(await on.request('GET',
			`${path}?limit=100${after}`));
		count += data.length;
		if (!more)
			return count;
		after = `&starting_after=${data.at(-1).id}`;
	}
}

describe('fifty clients send one idempotency key', () => {
	for (const name of ['plain', 'outside'])
		test(`to create and confirm, with a ${name} engine`, async () => {
			const on = servers[name];
			const before = await countOf(on, intents);
			const found = assertOneOutcome(await atOnce(on, () => ({
				path: intents, key: 'create', json: { amount: 2000,
					currency: 'usd', payment_method: visa,
					confirm: true } })));
			assert.equal(found.status, 'succeeded');
			assert.equal(await countOf(on, intents), before + 1);
			assert.deepEqual(await getIntent(on, found.id), found);
		});

	test('to give a part back', async () => {
		const { id } = await intentIn(server, 'succeeded');
		const refund = assertOneOutcome(await atOnce(server, () => ({
			path: '/v1/refunds', key: 'refund',
			json: { payment_intent: id, amount: 3 } })));
		const { charges } = await getIntent(server, id);
		assert.equal(charges.data[0].amount_refunded, refund.amount);
	});

	test('to confirm with a card that is declined', async () => {
		const { id } = await createIntent(server);
		const { error } = assertOneOutcome(await atOnce(server, () => ({
			path: `${intents}/${id}/confirm`, key: 'decline',
			json: { payment_method: 'pm_card_lost' } })));
		assert.equal(error.decline_code, 'lost_card');
		const { charges } = await getIntent(server, id);
		assert.equal(charges.data.length, 1);
	});

	test('for two different customers: one is made', async () => {
		const before = await countOf(server, '/v1/customers');
		const answers = await atOnce(server, (number) => ({
			path: '/v1/customers', key: 'customer',
			json: { name: number % 2 ? 'Ada' : 'Grace' } }));
		const same = succeeded(answers);
		assertOneOutcome(same);
		assert.equal(same.length, clients / 2);
		for (const answer of answers.filter((one) => !same.includes(one)))
			assertRefused(answer,
				{ status: 422, code: 'idempotency_key_reuse' });
		assert.equal(await countOf(server, '/v1/customers'), before + 1);
	});

	test('for an API key: one is shown its secret', async () => {
		const answers = await atOnce(server, () => ({
			path: '/v1/api_keys', key: 'key', json: { name: 'one' } }));
		const ids = new Set(answers.map((one) => assertOk(one).id));
		assert.equal(ids.size, 1);
		const secrets = answers.map(({ body }) => body.secret)
			.filter((secret) => secret !== null);
		assert.equal(secrets.length, 1);
		assertOk(await server.request('GET', intents, { key: secrets[0] }));
	});
});

test('fifty clients revoke one API key', async () => {
	const { id, secret } = await createKey(server, { name: 'gone' });
	const answers = await atOnce(server,
		() => ({ path: `/v1/api_keys/${id}/revoke` }));
	assert.equal(new Set(answers.map((one) => assertOk(one).revoked_at)).size,
		1);
	assertRefused(await server.request('GET', intents, { key: secret }),
		{ status: 401 });
});

for (const name of ['plain', 'outside'])
	test(`the store of the ${name} engine is sound in the end`, async () => {
		const { findings } = await servers[name].ctl('verify');
		assert.deepEqual(findings, []);
	});
