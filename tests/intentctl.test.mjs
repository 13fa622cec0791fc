// intentctl, the operator's command line: what each command makes, prints and
// answers, and what it refuses.  Each test has a store of its own.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync,
	writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { apiKey, assertMisused, assertRefused, call, id, makeFolder, makeKey,
	makeOperator, makeShop, program, readLines, time }
	from './http/operator.mjs';

describe('init', () => {
	test('makes a file that its owner alone can read', (t) => {
		const operator = makeOperator(t);
		assert.equal(operator.text('init'),
			`${operator.store}: the store is made\n`);
		assert.equal(statSync(operator.store).mode & 0o777, 0o600);
		assert.equal(operator.text('verify'),
			'verify: 3 records, 0 findings\n');
	});

	test('says so when the store is there, and leaves it', (t) => {
		const operator = makeShop(t);
		assert.equal(operator.text('init'),
			`${operator.store}: the store is there already\n`);
		assert.deepEqual(operator.json('init'),
			{ object: 'store', created: false });
		assert.equal(operator.json('account', 'list').data.length, 1);
	});

	test('answers in JSON', (t) => {
		assert.deepEqual(makeOperator(t).json('init'),
			{ object: 'store', created: true });
	});

	for (const [what, bytes, reason] of [
		['an empty file', '', /: The store's file is empty\.$/m],
		['another file', 'x'.repeat(8192), /: The file is not a store/],
	])
		test(`refuses ${what}, and leaves it`, (t) => {
			const operator = makeOperator(t);
			writeFileSync(operator.store, bytes);
			assertRefused(operator.call('init'), reason);
			assert.equal(readFileSync(operator.store, 'utf8'), bytes);
		});

	test('refuses a directory that does not exist', (t) => {
		const path = join(makeFolder(t), 'none', 'intents.mdb');
		assertRefused(call(['--store', path, 'init']),
			/directory does not exist/);
	});
});

describe('which store', () => {
	test('is said by --store, whatever the settings say', (t) => {
		const operator = makeShop(t);
		const other = join(operator.folder, 'other.mdb');
		operator.text('--store', other, 'init');
		assert.deepEqual(
			operator.json(`--store=${other}`, 'account', 'list').data, []);
		assert.equal(operator.json('account', 'list').data.length, 1);
	});

	test('may be a path from here, and options may come last', (t) => {
		const folder = makeFolder(t);
		const { status } = call(['init', '--store', 'here.mdb'],
			{ cwd: folder });
		assert.equal(status, 0);
		assert.ok(existsSync(join(folder, 'here.mdb')));
	});

	test('is the default one without options', () => {
		const { status, stderr } = call(['verify'], { env: {} });
		if (existsSync('/var/lib/intentd/intents.mdb'))
			return;
		assert.equal(status, 1);
		assert.match(stderr, /^intentctl: \/var\/lib\/intentd\/intents\.mdb: /);
	});

	test('is not guessed from settings that are wrong', (t) => {
		const operator = makeOperator(t);
		writeFileSync(operator.config, 'stoer = /tmp/x\n');
		assertRefused(operator.call('init'),
			/intentd\.conf:1: stoer: no such setting/);
		assertRefused(call(['--config', '/nonexistent', 'init']),
			/\/nonexistent: No such file/);
	});

	for (const words of [['account', 'list'], ['account', 'create', '--name', 'x'],
		['merchant', 'list'], ['key', 'list'], ['verify'],
		['intent', 'list', '--mode', 'test']])
		test(`must be there for ${words.slice(0, 2).join(' ')}`, (t) => {
			const operator = makeOperator(t);
			assertRefused(operator.call(...words),
				/there is no store; make one with: intentctl .* init$/m);
			assert.ok(!existsSync(operator.store));
		});
});

describe('accounts and merchants', () => {
	test('are made, and shown one by one and in lists', (t) => {
		const operator = makeOperator(t);
		operator.text('init');
		const made = readLines(
			operator.text('account', 'create', '--name', 'Größe & Söhne'));
		assert.match(made.id, id('acct'));
		assert.match(made.created, time);
		assert.equal(made['default merchant'], '-');
		assert.equal(made.name, 'Größe & Söhne');

		const merchant = operator.json('merchant', 'create',
			'--account', made.id, '--name', 'Shop', '--email', 'a@b.example');
		assert.match(merchant.id, id('mer'));
		assert.deepEqual({ ...merchant, id: '', created: 0, created_at: '' }, {
			id: '', object: 'merchant', account: made.id,
			business_name: 'Shop', created: 0, created_at: '',
			email: 'a@b.example', status: 'active',
			payment_address: null, extended_key: null, next_child: 0,
			chain: 'base', settlement_schedule: 'daily', fee_rate: 0,
		});
		assert.equal(merchant.created, Date.parse(merchant.created_at) / 1000);
		const list = operator.json('account', 'list');
		assert.equal(list.object, 'list');
		assert.equal(list.has_more, false);
		assert.deepEqual(list.data.map(({ created, ...rest }) => rest), [{
			id: made.id, object: 'account',
			default_merchant: merchant.id, name: 'Größe & Söhne',
		}]);
		assert.match(operator.text('merchant', 'list'), new RegExp(
			'^id +status +created +account +fee rate +settlement +paid to +' +
			`name\n${merchant.id}  active `));
	});

	test('the first merchant stays the default', (t) => {
		const operator = makeShop(t);
		operator.text('merchant', 'create', '--name', 'Branch');
		const [account] = operator.json('account', 'list').data;
		assert.equal(account.default_merchant, operator.merchant);
	});

	test('merchants are listed by account', (t) => {
		const operator = makeShop(t);
		const other = operator.json('account', 'create', '--name', 'Other').id;
		const theirs = operator.json('merchant', 'create', '--account', other,
			'--name', 'Theirs').id;
		const listed = (...words) => operator.json('merchant', 'list', ...words)
			.data.map((merchant) => merchant.id);
		assert.deepEqual(listed(), [operator.merchant, theirs]);
		assert.deepEqual(listed('--account', other), [theirs]);
	});

	test('a merchant is put into each status', (t) => {
		const operator = makeShop(t);
		const { merchant } = operator;
		assert.equal(operator.json('merchant', 'suspend', merchant).status,
			'suspended');
		assert.equal(
			readLines(operator.text('merchant', 'activate', merchant)).status,
			'active');
		assert.equal(operator.json('merchant', 'deactivate', merchant).status,
			'deactivated');
		assert.equal(operator.json('merchant', 'onboard', merchant).status,
			'onboarding');
		assertRefused(operator.call('merchant', 'suspend',
			merchant.replace(/.$/, (last) => last === '0' ? '1' : '0')),
		/No such merchant: 'mer_/);
		assertRefused(operator.call('merchant', 'suspend', 'mer_short'),
			/No such merchant: 'mer_short'/);
	});

	test('an account may be left out where there is one', (t) => {
		const operator = makeOperator(t);
		operator.text('init');
		assertRefused(operator.call('merchant', 'create', '--name', 'x'),
			/no account yet; make one first: intentctl account create/);
		operator.text('account', 'create', '--name', 'One');
		assertRefused(operator.call('key', 'create', '--mode', 'test',
			'--type', 'secret'), /make a merchant first/);
		operator.text('merchant', 'create', '--name', 'One');
		makeKey(operator);
		const two = operator.json('account', 'create', '--name', 'Two').id;
		assertMisused(operator.call('merchant', 'create', '--name', 'x'),
			/--account is missing: the store has several/, 'merchant create');
		operator.text('merchant', 'create', '--name', 'x', '--account', two);
		assertRefused(operator.call('merchant', 'create', '--name', 'x',
			'--account', `acct_${'0'.repeat(25)}1`), /no such account/);
	});
});

describe('keys', () => {
	const types = { secret: 'sk', publishable: 'pk', restricted: 'rk' };
	for (const [type, start] of Object.entries(types))
		for (const mode of ['test', 'live'])
			test(`of type ${type} in ${mode} mode`, (t) => {
				const operator = makeShop(t);
				const permissions = type === 'restricted'
					? ['payment_intents:read', 'refunds:write'] : [];
				const key = operator.json('key', 'create', '--mode', mode,
					'--type', type, '--name', 'Till', ...permissions.length
						? ['--permissions', permissions.join()] : []);
				assert.match(key.id, id('key'));
				assert.match(key.secret,
					new RegExp(`^${start}_${mode}_[0-9A-Za-z]{32}$`));
				assert.equal(key.prefix, key.secret.slice(0, 12));
				assert.equal(key.livemode, mode === 'live');
				assert.deepEqual(key.permissions, permissions);
				assert.equal(key.name, 'Till');
				assert.equal(key.merchant_id, null);
			});

	test('are shown once, with a word about that', (t) => {
		const operator = makeShop(t);
		const text = operator.text('key', 'create', '--mode', 'test',
			'--type', 'secret', '--expires-at', '4000000000');
		const lines = readLines(text);
		assert.match(lines.secret, new RegExp(`^${apiKey.source}$`));
		assert.equal(text.split(lines.secret).length, 2);
		assert.match(text, /will not be shown again/);
		assert.equal(lines.expires, '2096-10-02T07:06:40Z');
		assert.equal(lines.merchant, 'all');
	});

	test('are nowhere else: in no output and not in the store', (t) => {
		const operator = makeShop(t);
		const first = makeKey(operator);
		const second = operator.json('key', 'roll', first.id);
		const secrets = [first.secret, second.secret];
		operator.output = '';
		operator.text('key', 'list');
		operator.json('key', 'list');
		operator.text('key', 'revoke', second.id);
		operator.json('key', 'revoke', second.id);
		operator.call('key', 'roll', second.id);
		operator.call('key', 'revoke', second.secret);
		operator.call('key', second.secret);
		operator.text('verify');
		assert.match(operator.output, /key_/);
		assert.doesNotMatch(operator.output, apiKey);
		const bytes = readFileSync(operator.store, 'latin1');
		for (const secret of secrets) {
			assert.ok(bytes.includes(secret.slice(0, 12)));
			assert.ok(!bytes.includes(secret.slice(0, 20)));
			assert.ok(!bytes.includes(secret.slice(8)));
		}
	});

	test('are bound to a merchant of their account', (t) => {
		const operator = makeShop(t);
		const bound = makeKey(operator, '--merchant', operator.merchant);
		assert.equal(bound.merchant_id, operator.merchant);
		const other = operator.json('account', 'create', '--name', 'Other').id;
		const theirs = operator.json('merchant', 'create', '--account', other,
			'--name', 'Theirs').id;
		assertRefused(operator.call('key', 'create', '--mode', 'test',
			'--type', 'secret', '--account', operator.account,
			'--merchant', theirs), /the account has no such merchant/);
		assert.equal(operator.json('verify').finding_count, 0);
	});

	test('are revoked once and for all', (t) => {
		const operator = makeShop(t);
		const key = makeKey(operator);
		const revoked = operator.json('key', 'revoke', key.id);
		assert.ok(revoked.revoked_at >= key.created);
		assert.equal(revoked.secret, null);
		assert.deepEqual(operator.json('key', 'revoke', key.id), revoked);
		assert.match(operator.text('key', 'list'), /  revoked  /);
		assertRefused(operator.call('key', 'roll', key.id), /revoked/);
	});

	test('are rolled, at once or after a while', (t) => {
		const operator = makeShop(t);
		const key = makeKey(operator, '--name', 'Till');
		const second = operator.json('key', 'roll', key.id);
		assert.notEqual(second.secret, key.secret);
		assert.equal(second.name, 'Till');
		const third = operator.json('key', 'roll', second.id,
			'--grace-seconds', '3600');
		const [old, grace, last] = operator.json('key', 'list').data;
		assert.ok(old.revoked_at !== null && old.expires_at === null);
		assert.equal(grace.revoked_at, null);
		assert.equal(grace.expires_at, third.created + 3600);
		assert.equal(last.id, third.id);
		assert.equal(operator.json('verify').finding_count, 0);
	});

	test('are listed by account, in both modes', (t) => {
		const operator = makeShop(t);
		makeKey(operator);
		operator.text('key', 'create', '--mode', 'live', '--type', 'secret');
		const other = operator.json('account', 'create', '--name', 'Other').id;
		const count = (...words) =>
			operator.json('key', 'list', ...words).data.length;
		assert.equal(count(), 2);
		assert.equal(count('--account', operator.account), 2);
		assert.equal(count('--account', other), 0);
	});

	test('that are mistyped are not found, in any mode', (t) => {
		const operator = makeShop(t);
		const { id: key } = makeKey(operator);
		for (const wrong of [`${key.slice(0, -1)}`, `${key}0`,
			key.replace(/.$/, (last) => last === '0' ? '1' : '0'),
			key.toUpperCase().replace('KEY_', 'key_')])
			for (const action of ['revoke', 'roll'])
				assertRefused(operator.call('key', action, wrong),
					/No such API key: 'key_/);
	});
});

describe('a call that is none', () => {
	const make = ['key', 'create', '--mode', 'test', '--type'];
	const misuses = [
		[[], /a command is missing/],
		[['acount', 'create'], /no such command/],
		[['account'], /no such command/],
		[['account', 'create'], /--name is missing/],
		[['account', 'create', '--name'], /--name: its value is missing/],
		[['account', 'create', '--name', ''], /--name: must be a text of 1 to 256/],
		[['account', 'create', '--name', 'x'.repeat(257)], /--name: must be/],
		[['account', 'create', '--name', 'a\tb\u0007'], /--name: must be/],
		[['account', 'create', '--name', 'x', '--name', 'y'],
			/--name: given more than once/],
		[['account', 'create', '--nam', 'x'], /there is no option --nam$/],
		[['account', 'create', '--name', 'x', '--email', 'a@b.example'],
			/account create takes no --email/],
		[['account', 'create', 'Shop', '--name', 'x'], /too many words/],
		[['account', 'create', '-n', 'x'], /options begin with --/],
		[['account', 'list', '--json=yes'], /--json: takes no value/],
		[['merchant', 'create', '--name', 'x', '--account', 'mine'],
			/--account: must be the id of an account/],
		[['merchant', 'create', '--name', 'x',
			'--account', `acct_${'0'.repeat(26)}`],
			/--account: must be the id of an account/],
		[['merchant', 'create', '--name', 'x', '--email', 'nobody'],
			/--email: must be an email address/],
		[['merchant', 'suspend'], /MER is missing/],
		[['merchant', 'suspend', 'key_0'], /MER: must be an id that begins with mer_/],
		[['merchant', 'suspend', 'mer_0', 'mer_1'], /too many words/],
		[['key', 'create', '--type', 'secret'], /--mode is missing/],
		[['key', 'create', '--mode', 'test'], /--type is missing/],
		[['key', 'create', '--mode', 'prod', '--type', 'secret'],
			/--mode: must be test or live/],
		[[...make, 'sekret'], /--type: must be secret, publishable or restricted/],
		[[...make, 'restricted'], /--permissions is missing/],
		[[...make, 'secret', '--permissions', 'charges:read'],
			/--permissions: can be given to restricted keys alone/],
		[[...make, 'restricted', '--permissions', 'charges:write'],
			/--permissions: must be permissions/],
		[[...make, 'restricted', '--permissions', ''], /--permissions: must be/],
		[[...make, 'restricted', '--permissions', 'charges:read,charges:read'],
			/--permissions: must be permissions .* each once/],
		[[...make, 'secret', '--expires-at', '1700000000'],
			/--expires-at: must be Unix seconds in the future/],
		[[...make, 'secret', '--expires-at', '2096-01-01'], /--expires-at: must/],
		[[...make, 'secret', '--merchant', 'mer_1'],
			/--merchant: must be the id of a merchant/],
		[['key', 'roll', `key_${'0'.repeat(26)}`, '--grace-seconds', '86401'],
			/--grace-seconds: must be an integer from 0 to 86400/],
		[['key', 'revoke', 'sk_test_'], /KEY: must be an id that begins with key_/],
		[['intent', 'list'], /--mode is missing/],
		[['intent', 'list', '--mode', 'test', '--limit', '0'],
			/--limit: must be an integer from 1 to 100/],
		[['intent', 'list', '--mode', 'test', '--starting-after', 'ch_1'],
			/--starting-after: must be the id/],
		[['intent', 'show'], /PI is missing/],
		[['verify', 'twice'], /too many words/],
		[['help', 'me'], /no such command/],
	];
	for (const [words, reason] of misuses)
		test(words.join(' ').slice(0, 60) || 'no word', (t) => {
			const operator = makeShop(t);
			const before = operator.text('verify');
			const known = /no such|a command/.test(reason.source)
				? '[--config FILE]' : words.slice(0, 2).join(' ')
					.replace(' twice', '');
			assertMisused(operator.call(...words), reason, known);
			assert.equal(operator.text('verify'), before);
		});

	test('bytes that are not UTF-8', (t) => {
		const operator = makeShop(t);
		const { status, stderr } = spawnSync('sh', ['-c',
			'"$0" --store "$1" account create --name "$(printf "a\\377")"',
			program, operator.store], { encoding: 'utf8' });
		assert.equal(status, 2);
		assert.match(stderr, /--name: must be UTF-8/);
	});
});

describe('help', () => {
	const commands = ['init', 'account create', 'account list',
		'merchant create', 'merchant list', 'merchant suspend',
		'merchant activate', 'merchant deactivate', 'merchant onboard',
		'key create', 'key list', 'key revoke',
		'key roll', 'intent show', 'intent list',
		'sweep', 'verify'];

	test('names every command', () => {
		const { status, stdout } = call(['help']);
		assert.equal(status, 0);
		for (const command of commands)
			assert.match(stdout, new RegExp(`^  ${command} .*\\.$`, 'm'));
		assert.ok(stdout.split('\n').every((line) => line.length <= 80));
		assert.equal(call(['--help']).stdout, stdout);
		// What --config is for here, beside the store itself.
		for (const word of ['its sizes', 'public_url', '/etc/intentd/intentd.conf'])
			assert.ok(stdout.includes(word), word);
	});

	for (const command of commands)
		test(`has the options of ${command}`, () => {
			const { status, stdout } = call(['help', ...command.split(' ')]);
			assert.equal(status, 0);
			assert.ok(stdout.startsWith(`usage: intentctl ${command}`));
			assert.ok(stdout.split('\n').every((line) => line.length <= 80));
			for (const [option] of stdout.split('\n\n')[0]
				.matchAll(/--(?!json)[a-z-]+/g))
				assert.match(stdout, new RegExp(`^  ${option}( |$)`, 'm'));
			assert.equal(
				call([...command.split(' '), '--help']).stdout, stdout);
		});

	test('tells the version', () => {
		const { status, stdout } = call(['--version']);
		assert.equal(status, 0);
		assert.match(stdout, /^intentctl \d+\.\d+\n$/);
	});
});

describe('verify', () => {
	test('counts the records of each table', (t) => {
		const operator = makeShop(t);
		makeKey(operator, '--merchant', operator.merchant);
		const { tables, record_count: count, ...rest } =
			operator.json('verify');
		assert.deepEqual(rest,
			{ object: 'verification', findings: [], finding_count: 0 });
		assert.equal(count,
			Object.values(tables).reduce((sum, each) => sum + each));
		assert.deepEqual([tables.accounts, tables.merchants, tables.api_keys,
			tables.key_digests, tables.lists], [1, 1, 1, 1, 1]);
	});

	// Every copy of a text in the file, that of the record too.
	function damage(operator, before, after) {
		const bytes = readFileSync(operator.store, 'latin1');
		assert.ok(bytes.includes(before));
		writeFileSync(operator.store, bytes.replaceAll(before, after), 'latin1');
	}

	test('finds a record whose bytes have changed', (t) => {
		const operator = makeShop(t);
		const { id: merchant } = operator.json('merchant', 'create',
			'--name', 'Honest Shop');
		damage(operator, 'Honest Shop', 'Dishonest S');
		const finding = 'its length or its checksum is wrong';
		const text = operator.call('verify');
		assert.equal(text.status, 1);
		assert.equal(text.stderr, '');
		assert.equal(text.stdout, `merchants ${merchant}: ${finding}\n` +
			'verify: 9 records, 1 findings\n');
		const json = operator.call('verify', '--json');
		assert.equal(json.status, 1);
		assert.deepEqual(JSON.parse(json.stdout).findings, [{
			table: 'merchants', row: merchant, message: finding,
			detail: null,
		}]);
		const { status, stderr } = operator.call('merchant', 'list');
		assert.equal(status, 1);
		assert.match(stderr, /cannot be read: damaged; run: intentctl verify/);
	});

	test('of another schema names what helps, as every command does', (t) => {
		const operator = makeShop(t);
		let schema = 'schema 3';
		for (const [other, reason] of [
			['schema 1', /an older version .* run: intentctl .* migrate$/m],
			['schema 4', /a newer version .* intentd of schema 4 or later/],
			['schema x', /the store has no schema that is one/],
		]) {
			damage(operator, `intentd store, ${schema}`,
				`intentd store, ${other}`);
			schema = other;
			for (const words of [['account', 'list'], ['init'],
				['backup', join(operator.folder, 'copy')],
				...other === 'schema x' ? [] : [['verify']]])
				assertRefused(operator.call(...words), reason);
		}
		const { status, stdout } = operator.call('verify');
		assert.equal(status, 1);
		assert.match(stdout, /^meta schema: the store has another schema/);
	});
});

// INTENTD_CONFIG stands for the file in /etc.
test('the server\'s settings count where neither they nor a store are named',
	(t) => {
		const operator = makeShop(t);
		const other = join(operator.folder, 'other.mdb');
		const count = (...words) => JSON.parse(execFileSync(program,
			[...words, 'account', 'list', '--json'], { encoding: 'utf8',
				env: { ...process.env, INTENTD_CONFIG: operator.config } }));
		assert.equal(count().data.length, 1);
		execFileSync(program, ['--store', other, 'init']);
		assert.equal(count('--store', other).data.length, 0);
	});

test('calls at the same time all take effect', async (t) => {
	const operator = makeShop(t);
	await Promise.all(Array.from({ length: 12 }, (_, i) =>
		promisify(execFile)(program, ['--config', operator.config,
			'merchant', 'create', '--name', `Shop ${i}`])));
	assert.equal(operator.json('merchant', 'list').data.length, 13);
	assert.equal(operator.json('verify').finding_count, 0);
});

test('output that cannot be written is a failure', (t) => {
	const operator = makeShop(t);
	const full = openSync('/dev/full', 'w');
	t.after(() => closeSync(full));
	const { status, stderr } = call(['--config', operator.config,
		'account', 'list'], { stdio: ['ignore', full, 'pipe'] });
	assert.equal(status, 1);
	assert.match(stderr, /^intentctl: the output could not be written\n$/);
});

test('control characters of a merchant do not reach the terminal', (t) => {
	const operator = makeShop(t);
	operator.text('merchant', 'create', '--name', 'a\u009b2Jb');
	assert.match(operator.text('merchant', 'list'), /  a\?2Jb$/m);
});
