// intentctl beside a running server: the same store, at the same time.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createIntent, createRefund, getIntent, intentIn, visa }
	from './fixtures.mjs';
import { assertOk, assertRefused as assertNoAnswer, startServer }
	from './harness.mjs';
import { assertMisused, assertRefused, makeKey, operatorOf, readLines, time }
	from './operator.mjs';

describe('beside a running server', () => {
	let server;
	let operator;
	let intents; // newest first

	before(async () => {
		server = await startServer();
		operator = operatorOf('--store', server.store);
		intents = [];
		for (const status of ['succeeded', 'requires_capture', 'canceled',
			'processing', 'requires_action'])
			intents.unshift(await intentIn(server, status));
		await createRefund(server,
			{ payment_intent: intents.at(-1).id, amount: 500 });
	});
	after(() => server.stop());

	// But for links: this operator knows no public_url.
	test('an intent is shown as the API shows it', async () => {
		for (const { id: intent } of intents)
			assert.deepEqual(
				{ ...operator.json('intent', 'show', intent),
					next_action: null },
				{ ...await getIntent(server, intent), next_action: null });
	});

	test('an intent is shown to people', () => {
		const { id: intent, latest_charge: charge } = intents.at(-1);
		const text = operator.text('intent', 'show', intent);
		const lines = readLines(text);
		assert.equal(lines.id, intent);
		assert.equal(lines.status, 'succeeded');
		assert.equal(lines.amount, '20.00 usd');
		assert.match(lines.created, time);
		assert.match(text, new RegExp(`^${charge}  succeeded  20\\.00 usd +` +
			'20\\.00 usd +5\\.00 usd ', 'm'));
		assert.doesNotMatch(text, /_secret_/);
	});

	test('amounts have the digits of their currency', async () => {
		for (const [currency, amount] of [['jpy', '2000 jpy'],
			['kwd', '2.000 kwd'], ['eur', '20.00 eur']]) {
			const { id: intent } = await createIntent(server,
				{ currency, payment_method: visa }, { key: server.liveKey });
			assert.equal(
				readLines(operator.text('intent', 'show', intent)).amount,
				amount);
			assert.equal(
				operator.json('intent', 'show', intent).livemode, true);
		}
	});

	test('intents are listed page by page, as the API lists them', async () => {
		const list = (...words) =>
			operator.json('intent', 'list', '--mode', 'test', ...words);
		const all = assertOk(
			await server.request('GET', '/v1/payment_intents'));
		const plain = (page) => page.data.map((intent) =>
			({ ...intent, next_action: null }));
		assert.deepEqual(plain(list()), plain(all));
		const seen = [];
		let page = list('--limit', '2');
		while (page.has_more) {
			seen.push(...page.data);
			assert.equal(page.next_cursor, page.data.at(-1).id);
			page = list('--limit', '2', '--starting-after', page.next_cursor);
		}
		assert.equal(page.next_cursor, null);
		assert.deepEqual([...seen, ...page.data].map((intent) => intent.id),
			intents.map((intent) => intent.id));
	});

	test('a list for people says how it goes on', () => {
		const text = operator.text('intent', 'list', '--mode', 'test',
			'--limit', '3');
		const [head, ...rows] = text.trimEnd().split('\n');
		assert.match(head, /^id +status +amount +created +description$/);
		assert.equal(rows.length, 4);
		assert.match(rows[0], /^pi_\S+  requires_action +20\.00 usd +20\d\d-/);
		assert.equal(rows[3],
			`There are more: --starting-after ${intents[2].id}`);
	});

	test('an intent that is not there is refused', () => {
		assertRefused(operator.call('intent', 'show', 'pi_nonexistent'),
			/No such payment intent: 'pi_nonexistent'/);
		assertRefused(operator.call('intent', 'list', '--mode', 'live',
			'--starting-after', intents[0].id),
		/--starting-after: must be the id of an object of this list/);
		assertMisused(operator.call('intent', 'show',
			intents.at(-1).latest_charge),
		/PI: must be an id that begins with pi_/, 'intent show');
	});

	test('what is done holds at once for the server', async () => {
		const create = (key) => server.request('POST', '/v1/payment_intents',
			{ key, json: { amount: 1, currency: 'usd' } });
		const key = makeKey(operator);
		assertOk(await create(key.secret));
		operator.text('merchant', 'suspend', server.merchantId);
		assertNoAnswer(await create(key.secret),
			{ status: 403, code: 'insufficient_permissions' });
		operator.text('merchant', 'activate', server.merchantId);
		assertOk(await create(key.secret));
		const rolled = operator.json('key', 'roll', key.id);
		assertNoAnswer(await create(key.secret), { status: 401 });
		assertOk(await create(rolled.secret));
		operator.text('key', 'revoke', rolled.id);
		assertNoAnswer(await create(rolled.secret), { status: 401 });
	});

	test('all that the server wrote is verified', () => {
		const { finding_count: findings, tables } = operator.json('verify');
		assert.equal(findings, 0);
		assert.ok(tables.events > 0 && tables.refunds > 0);
	});
});
