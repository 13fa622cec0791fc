// What the random runs have found, shrunk, each under the name of its reason:
// first what the product did wrong, then what the models did.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount } from '../http/fixtures.mjs';
import { startServer } from '../http/harness.mjs';
import { card } from './card.mjs';
import { coin, coinAtOne } from './coin.mjs';
import { runParallel, runSequence } from './runs.mjs';
import { closeConnections, createAccounts, openWorld } from './world.mjs';

let server;
let stranger;

before(async () => {
	server = await startServer({ workers: 3 });
	stranger = await createAccount(server, 'Stranger');
});

after(async () => {
	closeConnections();
	await server?.stop();
});

async function inWorld(model, run) {
	const accounts = createAccounts(server, model, 0);
	const account = await accounts.take(true);
	await accounts.end();
	return run(await openWorld(server, model, stranger, account));
}

const sequence = (model, ...commands) => inWorld(model, (world) =>
	runSequence(world, model, commands));

const payment = { amount: 1000, currency: 'usd' };
const paid = { ...payment, payment_method: 'pm_card_visa', confirm: true };
const held = { ...paid, capture_method: 'manual' };
const act = (action, json = {}, more = {}) =>
	({ shop: 'test', ref: 0, action, json, ...more });
const list = (name, query) => ({ shop: 'test', action: 'list', list: name,
	query });

describe('the models learned that', () => {
	test('what a filter names comes before a cursor', () =>
		sequence(card, list('payment_intents',
			{ ending_before: 0, customer: 0 })));

	test('of two that a filter names, the table\'s first comes first', () =>
		sequence(card, list('charges', { customer: 0, payment_intent: 0 })));

	test('a charge has its intent\'s metadata, as that now is', () =>
		sequence(card, act('create', { ...paid, metadata: { a: '1' } }),
			act('update', { metadata: { a: '2' } }), list('charges', {})));

	test('live mode knows no names of the sandbox', () =>
		sequence(card, act('confirm', { payment_method: 'pm_card_nobody' },
			{ shop: 'live' })));

	test('a merchant without an address takes no live payment', () =>
		sequence(coin, act('create', { amount: 4.5, currency: 'usd' },
			{ shop: 'live' })));

	test('a bound key and an unbound one never make the same request', () => {
		const pay = act('pay', { amount: 1 }, { key: 0 });
		return sequence(coin, act('create', { amount: 4.5, currency: 'usd' }),
			pay, { ...pay, bound: true }, pay);
	});

	test('an amount that is taken leaves the key free', () => {
		const create = act('create', { amount: 4.5, currency: 'usd' });
		return sequence(coinAtOne, create, { ...create, key: 1 },
			act('cancel'), { ...create, key: 1 }, { ...create, key: 1 });
	});
});

// What must not break, whatever runs at the same time.
describe('at the same time', () => {
	const together = (model, first, ...pool) => inWorld(model, (world) =>
		runParallel(world, model, { first, pool,
			clients: [[0, 1], [1, 0], [0, 2], [2, 1]] }));

	test('capture, cancel and refund', () => together(card,
		[act('create', held)], act('capture', { amount_to_capture: 400 }),
		act('cancel'), act('refund', { amount: 400 })));

	test('refunds that are more than there is', () => together(card,
		[act('create', paid)], act('refund', { amount: 600 }),
		act('refundByBody', { payment_intent: 0, amount: 400 }),
		act('refund', { amount: 1 })));

	test('one key, the same request and another one', () => together(card,
		[act('create', paid)], act('refund', { amount: 1 }, { key: 0 }),
		act('refund', { amount: 1 }, { key: 0 }),
		act('refund', { amount: 2 }, { key: 0 })));

	test('pay, cancel and settle', () => together(coin,
		[act('create', { amount: 4.5, currency: 'usd' })], act('pay'),
		act('cancel'), act('settle')));

	test('one transfer from everywhere, and another one', () => together(coin,
		[act('create', { amount: 4.5, currency: 'usd' })],
		act('pay', { amount: 1, tx_hash: `0x${'1'.repeat(64)}` }),
		act('pay', { amount: 2, tx_hash: `0x${'1'.repeat(64)}` }),
		act('pay', { amount: 2.25 })));

	test('one amount at one address', () => together(coinAtOne, [],
		act('create', { amount: 4.5, currency: 'usd' }), act('cancel'),
		list('payment-intents', { status: 'awaiting_payment' })));

	test('and the store is whole after all of that', async () => {
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});
});
