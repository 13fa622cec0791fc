// Payment intents of the stable contract: what is taken and refused, what the
// answers say to the byte, and the actions that need no time.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertOk, assertRefused, startServer } from './harness.mjs';
import { cancel, coinIn, createCoin, createCoinAccount, dollars, feeOf,
	getCoin, hashOf, helpers, intents, listOf, micros, pay, postAmount,
	postCoin, rawNumber, refusal, settle, transactions,
	transfersOf } from './stable_fixtures.mjs';
import { assertStableShape } from './stable_shapes.mjs';

const outOfRange = { status: 400, type: 'invalid_request_error',
	code: 'amount_out_of_range', param: 'amount' };
const badTtl = { status: 400, type: 'invalid_request_error',
	code: 'ttl_out_of_range', param: 'ttl' };
const badCurrency = { status: 400, type: 'invalid_request_error',
	code: 'invalid_currency', param: 'currency' };
const secondsOf = (time) => Date.parse(time) / 1000;

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

describe('an amount is taken from the number\'s own text', () => {
	const taken = {
		'4.5': '4.50',
		'4.50': '4.50',
		'0.01': '0.01',
		'10000': '10000.00',
		'10000.0': '10000.00',
		'10000.00': '10000.00',
		'1': '1.00',
		'0.1': '0.10',
		'0.29': '0.29',
		'9999.99': '9999.99',
		'4503.99': '4503.99',
	};
	for (const [given, shown] of Object.entries(taken))
		test(`${given} in JSON and in a form is ${shown}`, async () => {
			const form = { amount: given, currency: 'usd',
				merchant_id: server.merchantId };
			for (const answer of [await postAmount(server, given),
				await request('POST', intents, { form })]) {
				assertOk(answer, 201);
				assert.equal(rawNumber(answer.text, 'amount'), shown);
				assert.ok(answer.body.qr_payload.endsWith(
					`&uint256=${micros(given)}`));
			}
		});

	const refused = {
		'0.009': outOfRange,
		'0.00': outOfRange,
		0: outOfRange,
		'-0': outOfRange,
		'-4.50': outOfRange,
		'10000.01': outOfRange,
		'10000.001': outOfRange,
		10001: outOfRange,
		99999999999999999999: outOfRange,
		'99999999999999999999.99': outOfRange,
		'4.505': { ...refusal.invalid, param: 'amount' },
		'4.500': { ...refusal.invalid, param: 'amount' },
		'"4.50"': { ...refusal.invalid, param: 'amount' },
		'1e3': { ...refusal.invalid, param: 'amount' },
		'1E3': { ...refusal.invalid, param: 'amount' },
		'1e-1': { ...refusal.invalid, param: 'amount' },
		'1e400': { ...refusal.invalid, param: 'amount' },
		null: { ...refusal.invalid, param: 'amount' },
		true: { ...refusal.invalid, param: 'amount' },
		'{}': { ...refusal.invalid, param: 'amount' },
		'[]': { ...refusal.invalid, param: 'amount' },
		'+1': { ...refusal.invalid, param: null },
		'.5': { ...refusal.invalid, param: null },
		'5.': { ...refusal.invalid, param: null },
		'04.50': { ...refusal.invalid, param: null },
		'4,50': { ...refusal.invalid, param: null },
		NaN: { ...refusal.invalid, param: null },
		Infinity: { ...refusal.invalid, param: null },
		'0x10': { ...refusal.invalid, param: null },
	};
	for (const [given, expected] of Object.entries(refused))
		test(`${given} is refused: ${expected.code}`, async () => {
			assertRefused(await postAmount(server, given), expected);
		});

	const forms = {
		'0.009': outOfRange,
		'10000.01': outOfRange,
		'4.505': { ...refusal.invalid, param: 'amount' },
		'1e3': { ...refusal.invalid, param: 'amount' },
		'04.50': { ...refusal.invalid, param: 'amount' },
		' 4.50': { ...refusal.invalid, param: 'amount' },
		'4,50': { ...refusal.invalid, param: 'amount' },
		'': { ...refusal.invalid, param: 'amount' },
	};
	for (const [amount, expected] of Object.entries(forms))
		test(`the form's "${amount}" is refused`, async () => {
			assertRefused(await request('POST', intents, { form: { amount,
				currency: 'usd', merchant_id: server.merchantId } }), expected);
		});

	test('the refusal says the contract\'s sentence', async () => {
		const error = assertRefused(await postAmount(server, '0.009'),
			outOfRange);
		assert.equal(error.message, 'Amount must be between 0.01 and 10000');
	});

	test('what is refused makes nothing', async () => {
		const before = await listOf(server, intents);
		for (const amount of ['0.009', '4.505', '1e3'])
			await postAmount(server, amount);
		const after = await listOf(server, intents);
		assert.equal(after.total_count, before.total_count);
	});
});

describe('the other parameters of a payment intent', () => {
	for (const currency of ['eur', 'USD', 'usdc', 'us', '', 840, null])
		test(`the currency ${JSON.stringify(currency)} is refused`, async () => {
			assertRefused(await postCoin(server, { currency }), badCurrency);
		});

	for (const name of ['amount', 'currency', 'merchant_id'])
		test(`${name} is required`, async () => {
			assertRefused(await postCoin(server, { [name]: undefined }),
				{ ...refusal.missing, param: name });
		});

	for (const id of ['mer_', 'mer_1', 'merchant-1', '', 'mer_x y', 7,
		'pi_0t40xz8zsw9hvye44hyhzk0fm1'])
		test(`the merchant ${JSON.stringify(id)} is malformed`, async () => {
			assertRefused(await postCoin(server, { merchant_id: id }),
				refusal.badMerchant);
		});

	for (const ttl of [60, 61, 300, 3600])
		test(`a ttl of ${ttl} s is taken`, async () => {
			const intent = await createCoin(server, { ttl });
			assert.equal(secondsOf(intent.expires_at) -
				secondsOf(intent.created_at), ttl);
		});

	for (const ttl of [59, 3601, 0, -1, 86400])
		test(`a ttl of ${ttl} s is out of range`, async () => {
			assertRefused(await postCoin(server, { ttl }), badTtl);
		});

	for (const ttl of ['300', 300.5, true, null, [300]])
		test(`a ttl of ${JSON.stringify(ttl)} is no integer`, async () => {
			const error = assertRefused(await postCoin(server, { ttl }),
				refusal.invalid);
			assert.match(error.param, /^ttl\b/);
		});

	test('without a ttl it is awaited for 300 s', async () => {
		const intent = await createCoin(server);
		assert.equal(secondsOf(intent.expires_at) -
			secondsOf(intent.created_at), 300);
	});

	test('a parameter that there is not is refused', async () => {
		for (const name of ['Amount', 'description', 'confirm', 'customer'])
			assertRefused(await postCoin(server, { [name]: 'x' }),
				{ ...refusal.invalid, param: name });
	});

	test('parameters are looked at in the order of the table', async () => {
		const all = { amount: 0, currency: 'x', merchant_id: 'x',
			metadata: 'x', ttl: 0, idempotency_key: '' };
		const codes = [];
		for (const [name, good] of Object.entries({ amount: 1,
			currency: 'usd', merchant_id: server.merchantId, metadata: {},
			ttl: 60, idempotency_key: 'order of parameters' })) {
			const { error } = (await request('POST', intents,
				{ json: all })).body;
			codes.push([error.code, error.param]);
			all[name] = good;
		}
		assert.deepEqual(codes, [['amount_out_of_range', 'amount'],
			['invalid_currency', 'currency'],
			['invalid_merchant', 'merchant_id'],
			['parameter_invalid', 'metadata'], ['ttl_out_of_range', 'ttl'],
			['parameter_invalid', 'idempotency_key']]);
		assertOk(await request('POST', intents, { json: all }), 201);
	});
});

describe('metadata', () => {
	const pairs = (count) => Object.fromEntries(Array.from({ length: count },
		(_, i) => [`key ${i}`, `value ${i}`]));

	const taken = {
		'no pairs': {},
		'10 pairs': pairs(10),
		'a key of 40 and a value of 500 characters': {
			['k'.repeat(40)]: 'v'.repeat(500) },
		'characters beyond ASCII': { ['\u{1f95c}'.repeat(40)]:
			'\u{1f95c}'.repeat(500) },
		'an empty value': { note: '' },
	};
	for (const [what, metadata] of Object.entries(taken))
		test(`${what}`, async () => {
			const intent = await createCoin(server, { metadata });
			assert.deepEqual(intent.metadata, metadata);
			const again = await getCoin(server, intent.id);
			assert.deepEqual(again.metadata, metadata);
		});

	const refused = {
		'11 pairs': pairs(11),
		'a key of 41 characters': { ['k'.repeat(41)]: 'v' },
		'a value of 501 characters': { k: 'v'.repeat(501) },
		'an empty key': { '': 'v' },
		'a number': { k: 1 },
		'an object in it': { k: { a: 'b' } },
		'null in it': { k: null },
		'a text': 'k=v',
		'a list': ['v'],
	};
	for (const [what, metadata] of Object.entries(refused))
		test(`${what} is refused`, async () => {
			const error = assertRefused(await postCoin(server, { metadata }),
				refusal.invalid);
			assert.match(error.param, /^metadata\b/);
		});

	test('it comes with the transaction, too', async () => {
		const metadata = { order_id: '6735' };
		const { id } = await createCoin(server, { metadata });
		await pay(server, id);
		const [transfer] = await transfersOf(server, id);
		assert.deepEqual(transfer.metadata, metadata);
	});
});

describe('the objects', () => {
	test('an intent has the contract\'s members in each status', async () => {
		for (const status of ['awaiting_payment', 'confirmed', 'cancelled',
			'settled']) {
			const intent = await coinIn(server, status);
			assertStableShape(intent, 'payment_intent');
			assert.deepEqual(await getCoin(server, intent.id), intent);
		}
	});

	test('it is made with 201, anything else answers 200', async () => {
		const made = await postCoin(server);
		assert.equal(made.status, 201);
		const { id } = made.body;
		for (const [method, path] of [['GET', `${intents}/${id}`],
			['POST', `${helpers}/${id}/pay`], ['POST', `${helpers}/${id}/settle`],
			['GET', `${intents}?merchant_id=${server.merchantId}`]])
			assert.equal((await request(method, path)).status, 200, path);
	});

	test('a transaction has the contract\'s members', async () => {
		const { id } = await coinIn(server, 'settled');
		const [transfer] = await transfersOf(server, id);
		assertStableShape(transfer, 'transaction');
		const answer = await request('GET', `${transactions}/${transfer.id}`);
		assert.deepEqual(assertOk(answer), transfer);
	});

	test('test mode pays on base-sepolia, in its coin', async () => {
		const intent = await createCoin(server, { amount: 12.34 });
		assert.equal(intent.chain, 'base-sepolia');
		assert.equal(intent.token, 'USDC');
		assert.equal(intent.qr_payload, 'ethereum:' +
			'0x036CbD53842c5426634e7929541eC2318f3dCF7e@84532/transfer' +
			`?address=${intent.payment_address}&uint256=12340000`);
		assert.equal(intent.qr_image_url,
			`${server.publicUrl}/v1/qr/${intent.id}.png`);
	});

	test('times are whole seconds in UTC', async () => {
		const before = Math.floor(Date.now() / 1000);
		const { created_at: created } = await createCoin(server);
		const after = Math.floor(Date.now() / 1000);
		assert.ok(secondsOf(created) >= before && secondsOf(created) <= after);
	});
});

describe('fees', () => {
	const rates = ['0.01', '0.005', '0.029', '0', '0.00005'];
	const amounts = ['4.50', '0.01', '0.02', '0.03', '0.05', '0.50', '1.00',
		'33.33', '9999.99', '10000'];
	const owners = {};

	before(async () => {
		for (const rate of rates)
			owners[rate] = await createCoinAccount(server,
				'--fee-rate', rate);
	});

	const options = (rate) => ({ key: owners[rate].testKey,
		merchantId: owners[rate].merchantId });

	test('of 4.50 at 1 % are printed as 0.045', async () => {
		const { text } = await postAmount(server, '4.5', options('0.01'));
		const shown = ['amount', 'fee', 'net_amount', 'fee_rate',
			'amount_received'].map((name) => rawNumber(text, name));
		assert.deepEqual(shown, ['4.50', '0.045', '4.455', '0.01', '0.00']);
	});

	for (const rate of rates)
		test(`at a rate of ${rate} they are exact to the millionth`,
			async () => {
				for (const amount of amounts) {
					const answer = await postAmount(server, amount,
						options(rate));
					const { fee, net } = feeOf(amount, rate);
					assert.equal(rawNumber(answer.text, 'fee'), fee);
					assert.equal(rawNumber(answer.text, 'net_amount'), net);
					assert.equal(rawNumber(answer.text, 'fee_rate'),
						dollars(micros(rate)));
				}
			});

	test('a transaction has those of its own amount', async () => {
		const { key, merchantId } = options('0.029');
		const { id } = await createCoin(server, { amount: 10 },
			{ key, merchantId });
		await request('POST', `${helpers}/${id}/pay`, { key,
			body: '{"amount":0.000001}',
			headers: { 'Content-Type': 'application/json' } });
		await pay(server, id, {}, { key });
		const transfers = await transfersOf(server, id, { key, merchantId });
		assert.deepEqual(transfers.map(({ amount }) => amount),
			[0.000001, 9.999999]);
		const { text } = await request('GET',
			`${transactions}/${transfers[1].id}`, { key });
		const { fee, net } = feeOf('9.999999', '0.029');
		assert.equal(rawNumber(text, 'fee'), fee);
		assert.equal(rawNumber(text, 'net_amount'), net);
	});
});

describe('to cancel', () => {
	test('what is awaited', async () => {
		const { id } = await createCoin(server);
		const intent = await cancel(server, id);
		assert.equal(intent.status, 'cancelled');
		assert.ok(secondsOf(intent.cancelled_at) >=
			secondsOf(intent.created_at));
	});

	for (const status of ['confirmed', 'cancelled', 'settled'])
		test(`what is ${status} is refused`, async () => {
			const intent = await coinIn(server, status);
			const error = assertRefused(await request('POST',
				`${intents}/${intent.id}/cancel`), refusal.notCancellable);
			assert.ok(error.message.includes(status), error.message);
			assert.deepEqual(await getCoin(server, intent.id), intent);
		});

	test('what is partly paid keeps its money', async () => {
		const { id } = await createCoin(server);
		await pay(server, id, { amount: 1 });
		const intent = await cancel(server, id);
		assert.equal(intent.status, 'cancelled');
		assert.equal(intent.amount_received, 1);
		assert.equal((await transfersOf(server, id)).length, 1);
	});
});

describe('to pay', () => {
	test('what is due, where nothing is said', async () => {
		const { id } = await createCoin(server);
		const intent = await pay(server, id);
		assert.equal(intent.status, 'confirmed');
		assert.equal(intent.amount_received, 4.5);
		const [transfer, ...more] = await transfersOf(server, id);
		assert.deepEqual(more, []);
		for (const name of ['amount', 'tx_hash', 'sender_address',
			'block_number', 'payment_address', 'confirmed_at'])
			assert.equal(transfer[name], intent[name], name);
		assert.equal(transfer.late, false);
	});

	test('in parts, which add up', async () => {
		const { id } = await createCoin(server);
		const steps = [[1, 1], [0.000001, 1.000001], [3.49, 4.490001]];
		for (const [amount, sum] of steps) {
			const intent = await pay(server, id, { amount });
			assert.equal(intent.status, 'awaiting_payment');
			assert.equal(intent.amount_received, sum);
			assert.equal(intent.tx_hash, null);
		}
		const intent = await pay(server, id);
		assert.equal(intent.status, 'confirmed');
		assert.equal(intent.amount_received, 4.5);
		const transfers = await transfersOf(server, id);
		assert.deepEqual(transfers.map(({ amount }) => amount),
			[1, 0.000001, 3.49, 0.009999]);
		assert.equal(intent.tx_hash, transfers[3].tx_hash);
	});

	test('more than is due', async () => {
		const { id } = await createCoin(server);
		const intent = await pay(server, id, { amount: 20000.000001 });
		assert.equal(intent.status, 'confirmed');
		assert.equal(intent.amount, 4.5);
		assert.equal(intent.amount_received, 20000.000001);
	});

	for (const status of ['confirmed', 'cancelled', 'settled'])
		test(`late: the ${status} stays, the money is recorded`, async () => {
			const intent = await coinIn(server, status);
			const paid = intent.amount_received;
			const after = await pay(server, intent.id, { amount: 2 });
			assert.deepEqual(after, { ...intent, amount_received: paid + 2 });
			const late = (await transfersOf(server, intent.id)).at(-1);
			assert.equal(late.late, true);
			assert.equal(late.amount, 2);
			assert.equal(late.status, 'confirmed');
		});

	test('with the sender and the hash that are given', async () => {
		const sender = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
		const { id } = await createCoin(server);
		const intent = await pay(server, id, {
			sender_address: sender.toLowerCase(), tx_hash: hashOf(0xabcdef) });
		assert.equal(intent.sender_address, sender);
		assert.equal(intent.tx_hash, hashOf(0xabcdef));
	});

	test('the same transfer twice is one', async () => {
		const { id } = await createCoin(server);
		const json = { amount: 1, tx_hash: hashOf(0x1234abcd) };
		const first = await pay(server, id, json);
		const upper = hashOf(0x1234abcd).replace('abcd', 'ABCD');
		for (const more of [{}, { amount: 4.5 }, { tx_hash: upper }])
			assert.deepEqual(await pay(server, id, { ...json, ...more }),
				first);
		assert.equal((await transfersOf(server, id)).length, 1);
		assert.equal(first.amount_received, 1);
	});

	test('a transfer to one intent is none to another', async () => {
		const [one, other] = [await createCoin(server),
			await createCoin(server)];
		const json = { tx_hash: hashOf(0x77) };
		await pay(server, one.id, json);
		assert.deepEqual(await pay(server, other.id, json), other);
		assert.deepEqual(await transfersOf(server, other.id), []);
	});

	test('the same transfer at once from four sides is one', async () => {
		const { id } = await createCoin(server);
		await Promise.all([1, 2, 3, 4].map(() => pay(server, id,
			{ amount: 2, tx_hash: hashOf(0x99) })));
		assert.equal((await getCoin(server, id)).amount_received, 2);
	});

	const refused = {
		amount: ['0', '-1', '"4.50"', '1e1', '0.0000001', 'null',
			'9999999999999999'],
		sender_address: ['""', '"0x1"', '7',
			'"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"',
			'"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"'],
		tx_hash: ['""', '"0x12"', `"${hashOf(1).slice(2)}00"`,
			`"${hashOf(1)}0"`, `"0x${'g'.repeat(64)}"`],
	};
	for (const [param, texts] of Object.entries(refused))
		for (const text of texts)
			test(`${param} ${text.slice(0, 30)} is refused`, async () => {
				const { id } = await createCoin(server);
				assertRefused(await request('POST', `${helpers}/${id}/pay`, {
					body: `{"${param}":${text}}`,
					headers: { 'Content-Type': 'application/json' } }),
				{ ...refusal.invalid, param });
				assert.equal((await getCoin(server, id)).status,
					'awaiting_payment');
			});
});

describe('to settle', () => {
	test('what is confirmed, with all its transfers', async () => {
		const { id } = await createCoin(server);
		await pay(server, id, { amount: 1 });
		await pay(server, id);
		const intent = await settle(server, id);
		assert.equal(intent.status, 'settled');
		assert.ok(intent.settled_at);
		const transfers = await transfersOf(server, id);
		assert.deepEqual(transfers.map(({ status }) => status),
			['settled', 'settled']);
	});

	for (const status of ['awaiting_payment', 'cancelled', 'settled'])
		test(`what is ${status} is refused`, async () => {
			const intent = await coinIn(server, status);
			const error = assertRefused(await request('POST',
				`${helpers}/${intent.id}/settle`),
			{ ...refusal.invalid, param: 'id' });
			assert.ok(error.message.includes(status), error.message);
			assert.deepEqual(await getCoin(server, intent.id), intent);
		});
});

describe('X-API-Version', () => {
	const headers = { 'X-API-Version': '2026-04-01' };

	test('is echoed on every answer', async () => {
		const { id } = await createCoin(server);
		const answers = [await request('GET', `${intents}/${id}`),
			await request('GET', `${intents}/${id}`, { headers }),
			await postCoin(server, {}, { headers }),
			await request('GET', `${intents}/pi_x`, { headers }),
			await request('GET', intents, { key: null }),
			await request('GET', '/v1/transactions/x/y')];
		for (const answer of answers)
			assert.equal(answer.headers['x-api-version'], '2026-04-01');
	});

	for (const version of ['2026-04-02', '2025-04-01', '2026-4-1', 'x'])
		test(`${version} is refused`, async () => {
			const { id } = await createCoin(server);
			const answer = await request('GET', `${intents}/${id}`,
				{ headers: { 'X-API-Version': version } });
			assertRefused(answer,
				{ ...refusal.invalid, param: 'X-API-Version' });
			assert.equal(answer.headers['x-api-version'], '2026-04-01');
		});

	test('a request for another one has no effect', async () => {
		const before = await listOf(server, intents);
		assertRefused(await postCoin(server, {},
			{ headers: { 'X-API-Version': '2027-01-01' } }),
		{ ...refusal.invalid, param: 'X-API-Version' });
		const after = await listOf(server, intents);
		assert.equal(after.total_count, before.total_count);
	});

	test('means nothing to the card contract', async () => {
		const answer = await request('GET', '/v1/payment_intents',
			{ headers: { 'X-API-Version': 'anything' } });
		assertOk(answer);
		assert.equal(answer.headers['x-api-version'], undefined);
	});
});
