// intentctl and payments in coins that a server has made: shown, listed,
// swept at a time that is given, and verified.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startServer } from './harness.mjs';
import { assertRefused, operatorOf, readLines, time } from './operator.mjs';
import { cancel, createCoin, createCoinAccount, fixedAddress, getCoin, pay,
	settle, twinExtendedKeys } from './stable_fixtures.mjs';

const shiftTime = (iso, seconds) =>
	new Date(Date.parse(iso) + seconds * 1000).toISOString()
		.replace('.000Z', 'Z');

describe('payments in coins, to the operator', () => {
	let server;
	let operator;
	let account;
	let options;
	const coins = {}; // by status

	before(async () => {
		server = await startServer({ settings: { sweepers: 0 } });
		operator = operatorOf('--store', server.store);
		account = await createCoinAccount(server, '--fee-rate', '0.029',
			'--payment-address', fixedAddress);
		options = { key: account.testKey, merchantId: account.merchantId };
		for (const status of ['settled', 'confirmed', 'cancelled',
			'awaiting_payment'])
			coins[status] = await createCoin(server,
				{ amount: 4.5 + Object.keys(coins).length }, options);
		for (const { id } of [coins.settled, coins.confirmed])
			await pay(server, id, {}, options);
		await settle(server, coins.settled.id, {}, options);
		await cancel(server, coins.cancelled.id, {}, options);
	});
	after(() => server.stop());

	// But for links: this operator knows no public_url.
	test('are shown as the API shows them', async () => {
		for (const [status, { id }] of Object.entries(coins)) {
			const shown = operator.json('intent', 'show', id);
			assert.equal(shown.status, status);
			assert.deepEqual({ ...shown, qr_image_url: '' },
				{ ...await getCoin(server, id, options), qr_image_url: '' });
		}
	});

	test('are shown to people, in dollars', () => {
		const lines = readLines(
			operator.text('intent', 'show', coins.settled.id));
		assert.equal(lines.id, coins.settled.id);
		assert.equal(lines.status, 'settled');
		assert.equal(lines.amount, '4.50 usd');
		assert.equal(lines.received, '4.50 usd');
		assert.equal(lines.fee, '0.1305 usd');
		assert.equal(lines['fee rate'], '0.029');
		assert.equal(lines['paid to'], fixedAddress);
		assert.equal(lines.merchant, account.merchantId);
		for (const label of ['created', 'expires', 'confirmed', 'settled'])
			assert.match(lines[label], time, label);
		assert.equal(lines.cancelled, '-');
	});

	test('are not found by another id', () => {
		assertRefused(operator.call('intent', 'show',
			coins.settled.id.replace(/.$/, (last) => last === '0' ? '1' : '0')),
		/No such payment intent/i);
	});

	test('are listed with --coins, newest first, and in pages', () => {
		const list = (...words) => operator.json('intent', 'list', '--coins',
			'--mode', 'test', '--account', account.id, ...words);
		const ids = Object.values(coins).map(({ id }) => id).reverse();
		assert.deepEqual(list().data.map(({ id }) => id), ids);
		const first = list('--limit', 3);
		assert.deepEqual(first.data.map(({ id }) => id), ids.slice(0, 3));
		assert.equal(first.has_more, true);
		assert.equal(first.next_cursor, ids[2]);
		assert.deepEqual(list('--starting-after', ids[2]).data
			.map(({ id }) => id), ids.slice(3));
		assert.match(operator.text('intent', 'list', '--coins', '--mode',
			'test', '--account', account.id), new RegExp(
			`^${coins.confirmed.id}  confirmed +5\\.50 usd +5\\.50 usd `, 'm'));
		assert.equal(operator.json('intent', 'list', '--coins', '--mode',
			'live', '--account', account.id).data.length, 0);
		assert.equal(operator.json('intent', 'list', '--mode', 'test',
			'--account', account.id).data.length, 0);
	});

	test('an extended key shows how many addresses were given', async () => {
		const other = await createCoinAccount(server);
		const by = { key: other.testKey, merchantId: other.merchantId };
		await createCoin(server, {}, by);
		await createCoin(server, {}, by);
		const [merchant] = operator.json('merchant', 'list', '--account',
			other.id).data;
		assert.equal(merchant.next_child, 2);
	});

	test('no address is given twice, whatever keys look like', async () => {
		const owners = await Promise.all(twinExtendedKeys().map((key) =>
			createCoinAccount(server, '--extended-key', key)));
		const addresses = [];
		for (let i = 0; i < 6; i++) {
			const { testKey, merchantId } = owners[i % 2];
			addresses.push((await createCoin(server, {},
				{ key: testKey, merchantId })).payment_address);
		}
		assert.equal(new Set(addresses).size, addresses.length);
		assertRefused(operator.call('merchant', 'create', '--account',
			account.id, '--name', 'Rival', '--payment-address',
			addresses[0]), /is another merchant's already/);
	});

	test('a merchant in each status but active gets no payment', async () => {
		for (const action of ['suspend', 'deactivate', 'onboard']) {
			const { status } = operator.json('merchant', action,
				account.merchantId);
			const answer = await server.request('POST', '/v1/payment-intents', {
				key: account.testKey,
				json: { amount: 1, currency: 'usd',
					merchant_id: account.merchantId },
			});
			assert.equal(answer.body.error.code, 'merchant_not_active');
			assert.ok(answer.body.error.message.includes(status));
		}
		operator.text('merchant', 'activate', account.merchantId);
		await createCoin(server, { amount: 99 }, options);
	});

	test('are swept once their time has come, and not before', async () => {
		const due = await createCoin(server, { amount: 1, ttl: 60 }, options);
		const sweep = (at) => operator.json('sweep', '--until-idle', '--at',
			at).expired;
		assert.equal(sweep(shiftTime(due.expires_at, -1)), 0);
		assert.equal((await getCoin(server, due.id, options)).status,
			'awaiting_payment');
		assert.equal(sweep(due.expires_at), 1);
		assert.equal(sweep(due.expires_at), 0);
		assert.equal((await getCoin(server, due.id, options)).status,
			'expired');
		assert.equal(operator.json('intent', 'show', due.id).status, 'expired');
		assert.match(operator.text('sweep', '--until-idle', '--at',
			shiftTime(due.expires_at, 3600)), /^sweep: [1-9]\d* expired\n$/);
	});

	test('leave a store that is whole', () => {
		const { findings, tables } = operator.json('verify');
		assert.deepEqual(findings, []);
		assert.ok(tables.coin_intents > 5 && tables.transfers === 2);
	});
});
