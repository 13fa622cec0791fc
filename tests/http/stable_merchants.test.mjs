// Merchants of the stable contract: what the operator says of them, the
// addresses their payments are given, their statuses and their balances.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertOk, assertRefused, startServer } from './harness.mjs';
import { balanceOf, cancel, childAddresses, coinIn, createCoin,
	createCoinAccount, createMerchant, dollars, extendedKey, feeOf,
	fixedAddress, freshAddress, freshExtendedKey, getCoin, helpers,
	intents, listOf, merchants, micros, pay, postCoin, rawNumber, refusal,
	settle, transactions, transfersOf } from './stable_fixtures.mjs';
import { assertStableShape } from './stable_shapes.mjs';

const amountTaken = { ...refusal.invalid, param: 'amount' };

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

// Options of the fixtures that stand for an account made here.
function as(account, key = account.testKey) {
	return { key, merchantId: account.merchantId };
}

describe('a merchant', () => {
	const read = async (id, key) => assertOk(await request('GET',
		`${merchants}/${id}`, { key }));

	test('is what the operator said', async () => {
		const account = await createCoinAccount(server, '--payment-address',
			fixedAddress.toLowerCase(), '--chain', 'base', '--fee-rate', '0.01',
			'--settlement-schedule', 'daily', '--email', 'shop@example.com');
		const found = await read(account.merchantId, account.testKey);
		assertStableShape(found, 'merchant');
		assert.deepEqual({ ...found, created_at: null }, {
			id: account.merchantId,
			object: 'merchant',
			business_name: 'Coin shop',
			email: 'shop@example.com',
			status: 'active',
			payment_address: fixedAddress,
			chain: 'base-sepolia',
			settlement_schedule: 'daily',
			fee_rate: 0.01,
			created_at: null,
		});
	});

	test('is on the chain of the key\'s mode', async () => {
		const account = await createCoinAccount(server);
		for (const [key, chain] of [[account.testKey, 'base-sepolia'],
			[account.liveKey, 'base']]) {
			const found = await read(account.merchantId, key);
			assert.equal(found.chain, chain);
			const balance = await balanceOf(server, account.merchantId,
				{ key });
			assert.equal(balance.chain, chain);
		}
	});

	test('with an extended key shows no address, and never the key',
		async () => {
			const account = await createCoinAccount(server);
			const answer = await request('GET',
				`${merchants}/${account.merchantId}`, { key: account.testKey });
			assert.equal(assertOk(answer).payment_address, null);
			assert.ok(!answer.text.includes('xpub'));
		});

	test('has no other parameters and no other actions', async () => {
		const path = `${merchants}/${server.merchantId}`;
		assertRefused(await request('GET', `${path}?expand=x`),
			{ ...refusal.invalid, param: 'expand' });
		for (const [method, where] of [['POST', merchants], ['POST', path],
			['DELETE', path], ['GET', merchants],
			['POST', `${path}/balance`]])
			assert.ok([404, 405].includes(
				(await request(method, where)).status), where);
	});
});

describe('its status', () => {
	let account;
	let open;

	before(async () => {
		account = await createCoinAccount(server);
		open = await createCoin(server, { amount: 7 }, as(account));
	});

	const ctl = (word) => server.ctl('merchant', word, account.merchantId);
	const words = { suspend: 'suspended', deactivate: 'deactivated' };
	for (const [word, status] of Object.entries(words))
		test(`${status}: no new payments, all the rest goes on`, async () => {
			await ctl(word);
			const error = assertRefused(
				await postCoin(server, {}, as(account)), refusal.notActive);
			assert.ok(error.message.includes(status), error.message);
			const found = assertOk(await request('GET',
				`${merchants}/${account.merchantId}`,
				{ key: account.testKey }));
			assert.equal(found.status, status);
			await getCoin(server, open.id, as(account));
			await pay(server, open.id, { amount: 1 },
				{ key: account.testKey });
			await ctl('activate');
			await createCoin(server, {}, as(account));
		});

	test('onboarding: no payments yet', async () => {
		const one = await createCoinAccount(server);
		await server.ctl('merchant', 'onboard', one.merchantId);
		const error = assertRefused(await postCoin(server, {}, as(one)),
			refusal.notActive);
		assert.ok(error.message.includes('onboarding'), error.message);
		await server.ctl('merchant', 'activate', one.merchantId);
		await createCoin(server, {}, as(one));
	});

	test('without an address, live mode is refused', async () => {
		const options = { key: server.liveKey };
		assertRefused(await postCoin(server, {}, options), refusal.notActive);
		const { total_count: count } = await listOf(server, intents, {},
			options);
		assert.equal(count, 0);
	});

	test('a replay does not ask for it again', async () => {
		const json = { idempotency_key: 'before it was suspended' };
		const intent = await createCoin(server, json, as(account));
		await ctl('suspend');
		const again = await postCoin(server, json, as(account));
		await ctl('activate');
		assert.deepEqual(assertOk(again), intent);
	});
});

describe('the addresses of an extended key', () => {
	let account;

	before(async () => {
		account = await createCoinAccount(server,
			'--extended-key', extendedKey);
	});

	test('are its children 0/i, one for each payment', async () => {
		const addresses = [];
		for (let i = 0; i < 3; i++)
			addresses.push((await createCoin(server, {}, as(account)))
				.payment_address);
		assert.deepEqual(addresses, childAddresses.slice(0, 3));
	});

	test('what is refused or replayed uses none up', async () => {
		const json = { idempotency_key: 'fourth' };
		await postCoin(server, { amount: 0 }, as(account));
		const fourth = await createCoin(server, json, as(account));
		await postCoin(server, json, as(account));
		await postCoin(server, { ...json, amount: 5 }, as(account));
		const fifth = await createCoin(server, {}, as(account));
		assert.deepEqual([fourth.payment_address, fifth.payment_address],
			childAddresses.slice(3));
	});

	test('are not used again after a cancellation', async () => {
		const one = await coinIn(server, 'cancelled', as(account));
		const other = await createCoin(server, {}, as(account));
		assert.notEqual(one.payment_address, other.payment_address);
	});

	test('are of both modes together', async () => {
		const test = await createCoin(server, {}, as(account));
		const live = await createCoin(server, {},
			as(account, account.liveKey));
		assert.notEqual(test.payment_address, live.payment_address);
		assert.equal(live.chain, 'base');
		assert.equal(live.qr_payload, 'ethereum:' +
			'0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913@8453/transfer' +
			`?address=${live.payment_address}&uint256=4500000`);
	});

	test('differ when many are made at once', async () => {
		const made = await Promise.all(Array.from({ length: 20 }, () =>
			createCoin(server, {}, as(account))));
		const found = new Set(made.map((one) => one.payment_address));
		assert.equal(found.size, 20);
	});

	test('are one merchant\'s alone', async () => {
		const one = ['--extended-key', freshExtendedKey()];
		const other = ['--payment-address', freshAddress()];
		for (const words of [one, other]) {
			await createMerchant(server, account.id, ...words);
			for (const owner of [account.id, server.accountId])
				await assert.rejects(
					createMerchant(server, owner, ...words),
					/is another merchant's already/);
		}
	});
});

describe('one address for all payments', () => {
	const address = freshAddress();
	let account;

	before(async () => {
		account = await createCoinAccount(server,
			'--payment-address', address);
	});

	const post = (amount, key) =>
		postCoin(server, { amount }, as(account, key));
	const create = (amount) => createCoin(server, { amount }, as(account));

	test('is shown by each', async () => {
		for (const amount of [1, 2])
			assert.equal((await create(amount)).payment_address
				.toLowerCase(), address);
	});

	test('a second open payment of one amount is refused', async () => {
		await create(5);
		const error = assertRefused(await post(5), amountTaken);
		assert.match(error.message, /another payment of this amount/);
		await create(5.01);
	});

	const ends = { paid: pay, cancelled: cancel };
	for (const [what, end] of Object.entries(ends))
		test(`until the first is ${what}`, async () => {
			const amount = what.length;
			const { id } = await create(amount);
			assertRefused(await post(amount), amountTaken);
			await end(server, id, {}, { key: account.testKey });
			await create(amount);
			assertRefused(await post(amount), amountTaken);
		});

	test('a payment in part does not free it', async () => {
		const { id } = await create(70);
		await pay(server, id, { amount: 1 }, { key: account.testKey });
		assertRefused(await post(70), amountTaken);
	});

	test('the other mode is another chain', async () => {
		await create(80);
		assertOk(await post(80, account.liveKey), 201);
		assertRefused(await post(80, account.liveKey), amountTaken);
	});

	test('of many at once, one is made', async () => {
		const answers = await Promise.all(Array.from({ length: 8 },
			() => post(90)));
		const made = answers.filter(({ status }) => status === 201);
		assert.equal(made.length, 1);
		for (const answer of answers)
			if (answer !== made[0])
				assertRefused(answer, amountTaken);
	});
});

describe('a balance', () => {
	const address = freshAddress();
	let account;

	before(async () => {
		account = await createCoinAccount(server, '--fee-rate', '0.01',
			'--payment-address', address);
	});

	const balance = (key = account.testKey) =>
		balanceOf(server, account.merchantId, { key });
	const options = () => as(account);
	const key = () => ({ key: account.testKey });

	test('is nothing at first', async () => {
		const found = await balance();
		assertStableShape(found, 'balance');
		assert.deepEqual(found, { object: 'balance',
			merchant_id: account.merchantId, available: 0,
			pending_settlement: 0, currency: 'usd',
			payment_address: found.payment_address, chain: 'base-sepolia',
			last_updated: null });
		assert.equal(found.payment_address.toLowerCase(), address);
	});

	// The sum of what the transactions say; the balance must say the same.
	async function expected() {
		const { data } = await listOf(server, transactions, { limit: 100 },
			options());
		const sums = { confirmed: 0n, settled: 0n };
		for (const { status, amount } of data)
			sums[status] += micros(feeOf(String(amount), '0.01').net);
		return [dollars(sums.confirmed), dollars(sums.settled)];
	}

	async function shown() {
		const { text } = await request('GET',
			`${merchants}/${account.merchantId}/balance`, key());
		return [rawNumber(text, 'pending_settlement'),
			rawNumber(text, 'available')];
	}

	test('has the net of what came in pending, settled available',
		async () => {
			const { id } = await createCoin(server, {}, options());
			assert.deepEqual(await shown(), ['0.00', '0.00']);
			await pay(server, id, { amount: 1.5 }, key());
			assert.deepEqual(await shown(), ['1.485', '0.00']);
			await pay(server, id, {}, key());
			assert.deepEqual(await shown(), ['4.455', '0.00']);
			await settle(server, id, {}, key());
			assert.deepEqual(await shown(), ['0.00', '4.455']);
			assert.ok((await balance()).last_updated);
		});

	test('has late money, too, and no other mode\'s', async () => {
		const late = await coinIn(server, 'cancelled', options(),
			{ amount: 3 });
		await pay(server, late.id, { amount: 1 }, key());
		assert.deepEqual(await shown(), ['0.99', '4.455']);
		const live = await balance(account.liveKey);
		assert.equal(live.pending_settlement, 0);
		assert.equal(live.available, 0);
	});

	test('is right after many at once', async () => {
		const made = await Promise.all(Array.from({ length: 10 },
			(_, i) => createCoin(server, { amount: 20 + i }, options())));
		await Promise.all(made.flatMap(({ id }) => [
			pay(server, id, { amount: 0.03 }, key()),
			pay(server, id, { amount: 30 }, key())]));
		await Promise.all(made.slice(0, 5).map(({ id }) =>
			settle(server, id, {}, key())));
		assert.deepEqual(await shown(), await expected());
	});
});

describe('a transaction that does not settle', () => {
	test('stays pending where it came after the settlement', async () => {
		const { id } = await coinIn(server, 'settled');
		await pay(server, id, { amount: 1 });
		const transfers = await transfersOf(server, id);
		assert.deepEqual(transfers.map(({ settlement_status: is }) => is),
			['completed', 'pending']);
		assertRefused(await request('POST', `${helpers}/${id}/settle`),
			{ ...refusal.invalid, param: 'id' });
	});
});
