// intentctl and payments in coins, on stores without a server: how merchants
// are paid, and the sweep.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { assertMisused, assertRefused, makeOperator, makeShop, readLines, time }
	from './http/operator.mjs';

// EIP-55's own example, and the keys of BIP-32's first test vector.
const address = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const publicKey = 'xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2' +
	'gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8';
const privateKey = 'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqji' +
	'ChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi';

const create = (operator, ...words) => operator.json('merchant', 'create',
	'--name', 'Coins', ...words);

describe('a merchant that is paid in coins', () => {
	test('has one address, with its checksum', (t) => {
		for (const given of [address, address.toLowerCase(),
			`0x${address.slice(2).toUpperCase()}`]) {
			const made = create(makeShop(t), '--payment-address', given);
			assert.equal(made.payment_address, address);
			assert.equal(made.extended_key, null);
		}
	});

	test('is the only one that is paid there', (t) => {
		const operator = makeShop(t);
		const ways = [['--payment-address', address, address.toLowerCase()],
			['--extended-key', publicKey, publicKey]];
		for (const [option, first, again] of ways) {
			create(operator, option, first);
			const { status, stderr } = operator.call('merchant', 'create',
				'--name', 'Rival', option, again);
			assert.equal(status, 1);
			assert.match(stderr, /is another merchant's already/);
		}
		assert.equal(operator.json('merchant', 'list').data.length, 3);
	});

	test('or an extended key', (t) => {
		const made = create(makeShop(t), '--extended-key', publicKey);
		assert.equal(made.payment_address, null);
		assert.equal(made.extended_key, publicKey);
		assert.equal(made.next_child, 0);
	});

	test('is stored and listed with all that was said', (t) => {
		const operator = makeShop(t);
		const made = create(operator, '--email', 'a@b.example',
			'--payment-address', address, '--fee-rate', '0.029',
			'--settlement-schedule', 'monthly', '--status', 'onboarding',
			'--chain', 'base');
		assert.deepEqual({ ...made, id: '', created: 0, created_at: '' }, {
			id: '', object: 'merchant', account: operator.account,
			business_name: 'Coins', email: 'a@b.example',
			status: 'onboarding', payment_address: address,
			extended_key: null, next_child: 0, chain: 'base',
			settlement_schedule: 'monthly', fee_rate: 0.029,
			created: 0, created_at: '',
		});
		assert.match(made.created_at, time);
		assert.deepEqual(operator.json('merchant', 'list').data[1], made);
		assert.match(operator.text('merchant', 'list'), new RegExp(
			`^${made.id}  onboarding .* 0\\.029 +monthly +${address}  Coins$`,
			'm'));
		assert.deepEqual(operator.json('merchant', 'activate', made.id),
			{ ...made, status: 'active' });
		assert.equal(operator.json('verify').finding_count, 0);
	});

	test('is shown to people', (t) => {
		const lines = readLines(makeShop(t).text('merchant', 'create',
			'--name', 'Coins', '--extended-key', publicKey));
		assert.equal(lines['paid to'], publicKey);
		assert.equal(lines['fee rate'], '0');
		assert.equal(lines.settlement, 'daily');
		assert.equal(lines.chain, 'base');
		assert.equal(lines['next child'], '0');
	});

	for (const [given, rate] of [['0', 0], ['1', 1], ['0.000001', 0.000001],
		['1.000000', 1], ['0.01', 0.01]])
		test(`pays a fee of ${given}`, (t) => {
			assert.equal(create(makeShop(t), '--fee-rate', given).fee_rate,
				rate);
		});

	for (const schedule of ['manual', 'daily', 'weekly', 'monthly'])
		test(`is paid out: ${schedule}`, (t) => {
			assert.equal(create(makeShop(t), '--settlement-schedule',
				schedule).settlement_schedule, schedule);
		});

	test('is paid on the chain of the settings', (t) => {
		const operator = makeOperator(t);
		writeFileSync(operator.config,
			`${readFileSync(operator.config)}chain_live = polygon\n`);
		operator.text('init');
		operator.text('account', 'create', '--name', 'Shop');
		assert.equal(create(operator).chain, 'polygon');
		assert.equal(create(operator, '--chain', 'polygon').chain, 'polygon');
		assertMisused(operator.call('merchant', 'create', '--name', 'x',
			'--chain', 'base'), /--chain: must be polygon/, 'merchant create');
	});
});

describe('no such merchant', () => {
	const misuses = [
		[['--payment-address', address.replace('aA', 'AA')],
			/--payment-address: must be an address, .* \(EIP-55\)/],
		[['--payment-address', address.slice(0, -1)], /must be an address/],
		[['--payment-address', address.slice(2)], /must be an address/],
		[['--payment-address', ''], /must be an address/],
		[['--payment-address', `0x${'0'.repeat(40)}`],
			/--payment-address: is nobody's address: what is sent to it is lost/],
		[['--extended-key', privateKey],
			/--extended-key: is a private key, which this server must never see/],
		[['--extended-key', publicKey.replace(/.$/, '9')],
			/--extended-key: is mistyped: its checksum is wrong/],
		[['--extended-key', 'xpub'], /must be an extended public key/],
		[['--extended-key', address], /must be an extended public key/],
		[['--extended-key', ''], /must be an extended public key/],
		[['--extended-key', publicKey, '--payment-address', address],
			/--extended-key: not together with --payment-address/],
		[['--fee-rate', '1.000001'], /--fee-rate: must be a number from 0 to 1/],
		[['--fee-rate', '-0.01'], /--fee-rate: must be/],
		[['--fee-rate', '0.0000001'], /--fee-rate: must be/],
		[['--fee-rate', '.029'], /--fee-rate: must be/],
		[['--fee-rate', '2.9%'], /--fee-rate: must be/],
		[['--fee-rate', '29e-3'], /--fee-rate: must be/],
		[['--fee-rate', ''], /--fee-rate: must be/],
		[['--settlement-schedule', 'yearly'],
			/--settlement-schedule: must be manual, daily, weekly or monthly/],
		[['--status', 'suspended'], /--status: must be onboarding or active/],
		[['--chain', 'base-sepolia'], /--chain: must be base, the chain of live/],
		[['--chain', ''], /--chain: must be/],
	];
	for (const [words, reason] of misuses)
		test(words.map((word) => word.slice(0, 24)).join(' '), (t) => {
			const operator = makeShop(t);
			assertMisused(operator.call('merchant', 'create', '--name', 'x',
				...words), reason, 'merchant create');
			assert.equal(operator.json('merchant', 'list').data.length, 1);
		});

	test('a private key is repeated nowhere', (t) => {
		const operator = makeShop(t);
		for (const words of [['--extended-key', privateKey],
			[`--extended-key=${privateKey}`],
			['--payment-address', privateKey], ['--fee-rate', privateKey],
			[privateKey], ['--extended-key', privateKey, '--json']])
			assert.equal(operator.call('merchant', 'create', '--name', 'x',
				...words).status, 2);
		assert.ok(!operator.output.includes(privateKey.slice(4, 20)));
		assert.ok(!readFileSync(operator.store, 'latin1')
			.includes(privateKey.slice(4, 20)));
	});
});

describe('the sweep', () => {
	test('says how many it wrote down', (t) => {
		const operator = makeShop(t);
		assert.equal(operator.text('sweep', '--until-idle'),
			'sweep: 0 expired\n');
		assert.deepEqual(operator.json('sweep', '--until-idle',
			'--at', '2026-01-02T03:04:05Z'), { object: 'sweep', expired: 0 });
	});

	for (const [words, reason] of [
		[[], /--until-idle is missing/],
		[['--at', '2026-01-02T03:04:05Z'], /--until-idle is missing/],
		[['--until-idle=yes'], /--until-idle: takes no value/],
		[['--until-idle', '--until-idle'], /--until-idle: given more than once/],
		[['--until-idle', 'now'], /too many words/],
		[['--until-idle', '--at', 'now'], /--at: must be a time such as 2026-/],
		[['--until-idle', '--at', '1767323045'], /--at: must be a time/],
		[['--until-idle', '--at', '2026-01-02T03:04:05+01:00'],
			/--at: must be a time/],
	])
		test(`is none: sweep ${words.join(' ')}`, (t) => {
			assertMisused(makeShop(t).call('sweep', ...words), reason, 'sweep');
		});

	test('needs a store', (t) => {
		assertRefused(makeOperator(t).call('sweep', '--until-idle'),
			/there is no store/);
	});
});

describe('payments in coins', () => {
	test('are listed where there are none', (t) => {
		const operator = makeShop(t);
		assert.deepEqual(
			operator.json('intent', 'list', '--mode', 'test', '--coins').data,
			[]);
		assert.match(
			operator.text('intent', 'list', '--mode', 'live', '--coins'),
			/^id +status +amount +received +created +expires +merchant\n$/);
	});

	test('have no value to their option', (t) => {
		assertMisused(makeShop(t).call('intent', 'list', '--mode', 'test',
			'--coins=usdc'), /--coins: takes no value/, 'intent list');
	});
});
