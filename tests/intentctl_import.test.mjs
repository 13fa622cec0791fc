// intentctl import: what it takes and refuses, and how far it has come when
// it ends.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { assertClean, counts, intentCount, list, makeLargeShop, numbered,
	plain, text, writeLines } from './http/importer.mjs';
import { assertMisused, call, makeOperator, makeShop }
	from './http/operator.mjs';

// Lines of standard error, of an import that was refused.
function refusals({ status, stdout, stderr }) {
	assert.equal(status, 1, stderr);
	assert.equal(stdout, '');
	return stderr.trimEnd().split('\n');
}

describe('an import', () => {
	test('makes what the API would make, in the order of lines', (t) => {
		const operator = makeShop(t);
		const path = writeLines(operator, [
			{ ...plain, description: 'Größe', metadata: { order: '7' } },
			{ amount: 2000, currency: 'eur', confirm: true,
				payment_method: 'pm_card_visa' },
			{ amount: 3, currency: 'jpy', capture_method: 'manual',
				payment_method: 'pm_card_visa', confirm: true },
		]);
		assert.equal(operator.text('import', path),
			'import: 3 created, 0 replayed, 0 refused\n');
		const [first, second, third] = list(operator);
		assert.equal(first.description, 'Größe');
		assert.deepEqual(first.metadata, { order: '7' });
		assert.equal(first.status, 'requires_payment_method');
		assert.equal(first.livemode, false);
		assert.equal(second.status, 'succeeded');
		assert.equal(second.amount_received, 2000);
		assert.equal(third.status, 'requires_capture');
		assertClean(operator);
	});

	test('is counted in JSON', (t) => {
		const operator = makeShop(t);
		assert.deepEqual(operator.json('import',
			writeLines(operator, [plain, plain])), counts(2));
	});

	test('reads standard input, and writes live mode', (t) => {
		const operator = makeShop(t);
		const { status, stdout } = call(['--config', operator.config,
			'import', '--mode', 'live', '--json', '-'],
		{ input: text([plain]) });
		assert.equal(status, 0);
		assert.deepEqual(JSON.parse(stdout), counts(1));
		assert.deepEqual(list(operator), []);
		assert.equal(operator.json('intent', 'list', '--mode', 'live')
			.data[0].livemode, true);
	});

	test('is of the merchant that is named', (t) => {
		const operator = makeShop(t);
		const other = operator.json('merchant', 'create', '--name', 'B').id;
		const path = writeLines(operator, [plain]);
		operator.text('import', '--merchant', other,
			'--account', operator.account, path);
		operator.text('merchant', 'suspend', other);
		const [refusal] = refusals(
			operator.call('import', '--merchant', other, path));
		assert.match(refusal, /:1: insufficient_permissions: /);
		operator.text('import', path);
		assert.equal(list(operator).length, 2);
		assertClean(operator);
	});

	for (const [what, bytes, created] of [
		['nothing', '', 0],
		['empty lines alone', '\n\r\n \t\n', 0],
		['a missing newline at the end', JSON.stringify(plain), 1],
		['CRLF', `${JSON.stringify(plain)}\r\n\r\n`, 1],
		['a final CR', `${JSON.stringify(plain)}\r`, 1],
		['empty lines between', `\n\n${text([plain])}\n${text([plain])}`, 2],
		['spaces around', `  ${JSON.stringify(plain)} \t\n`, 1],
		['the longest line', `${JSON.stringify(plain).padEnd(65536)}\r\n`, 1],
		['the longest line without an end',
			JSON.stringify(plain).padEnd(65536), 1],
	])
		test(`takes a file of ${what}`, (t) => {
			const operator = makeShop(t);
			assert.deepEqual(operator.json('import',
				writeLines(operator, bytes)), counts(created));
		});

	const now = Math.floor(Date.now() / 1000);
	for (const [what, line, refusal] of [
		['no JSON', 'amount=100&currency=usd', /parameter_invalid: .*JSON/],
		['a cut line', '{"amount":100,', /parameter_invalid: .*JSON/],
		['an array', '[]', /parameter_invalid: .*object/],
		['two objects', text([plain]).trim().repeat(2), /parameter_invalid: /],
		['NUL', '{"amount":1,"currency":"usd"}\0', /parameter_invalid: .*JSON/],
		['NUL in a text', '{"amount":1,"currency":"us\0d"}',
			/parameter_invalid: .*JSON/],
		['an escaped NUL', '{"amount":1,"currency":"us\\u0000"}',
			/parameter_invalid: .*NUL/],
		['what is not UTF-8',
			Buffer.from('{"amount":1,"currency":"usd","description":"\xff"}\n',
				'latin1'), /parameter_invalid: .*UTF-8/],
		['a byte order mark', `\ufeff${JSON.stringify(plain)}`,
			/parameter_invalid: /],
		['a member twice', '{"amount":1,"amount":1,"currency":"usd"}',
			/parameter_invalid: .*twice/],
		['a line that is too long', JSON.stringify(plain).padEnd(65537),
			/request_too_large: /],
		['a line that is far too long', JSON.stringify(plain).padEnd(1e6),
			/request_too_large: /],
		['no amount', { currency: 'usd' }, /parameter_missing: .* \(amount\)$/],
		['an amount of 0', { amount: 0, currency: 'usd' },
			/parameter_invalid: .* \(amount\)$/],
		['an unknown currency', { amount: 1, currency: 'xxx' },
			/parameter_invalid: .* \(currency\)$/],
		['an unknown member', { ...plain, crated: 1 },
			/parameter_invalid: .* \(crated\)$/],
		['a member that a terminal would obey',
			{ ...plain, '\u001b]0;owned\u0007\u009b2Jé': 1 },
			/^[^\0-\x1f\x7f-\x9f]* \(\?\]0;owned\?\?\?2Jé\)$/],
		['a customer that is not there',
			{ ...plain, customer: `cus_${'0'.repeat(26)}` },
			/resource_missing: .* \(customer\)$/],
		['a declined card', { ...plain, confirm: true,
			payment_method: 'pm_card_declined' }, /card_declined: /],
		...[now + 1e4, 0, -1, 1.5, '', 'now', null, true, 1e300].map(
			(created) => [`created ${JSON.stringify(created)}`,
				{ ...plain, created },
				/parameter_invalid: .*not in the future.* \(created\)$/]),
		...['', 'x'.repeat(256), 'é', 7, null].map(
			(key) => [`idempotency key ${JSON.stringify(key).slice(0, 9)}`,
				{ ...plain, idempotency_key: key },
				/parameter_invalid: .* \(idempotency_key\)$/]),
	])
		test(`refuses ${what}, and nothing of its batch is there`, (t) => {
			const operator = makeShop(t);
			const path = writeLines(operator, Buffer.concat([
				Buffer.from(text([plain, ''])),
				Buffer.isBuffer(line) ? line : Buffer.from(text([line])),
				Buffer.from(text([plain]))]));
			const [refused, end, ...more] =
				refusals(operator.call('import', path));
			assert.deepEqual(more, []);
			assert.ok(refused.startsWith(`${path}:3: `), refused);
			assert.match(refused, refusal);
			assert.equal(end, `intentctl: ${path}: it ends at a refused ` +
				'line; nothing was imported');
			assert.deepEqual(list(operator), []);
			const skipped = operator.call('import', '--skip-refused',
				'--json', path);
			assert.equal(skipped.status, 0);
			assert.equal(skipped.stderr, `${refused}\n`);
			assert.deepEqual(JSON.parse(skipped.stdout), counts(2, 0, 1));
			assertClean(operator);
		});

	test('skips refused lines, each of them reported once', (t) => {
		const operator = makeShop(t);
		const path = writeLines(operator, ['no', plain, 'no', plain,
			{ ...plain, customer: 'cus_none' }, plain, 'no']);
		const { status, stdout, stderr } = operator.call('import',
			'--skip-refused', '--batch', '2', path);
		assert.equal(status, 0);
		assert.equal(stdout, 'import: 3 created, 0 replayed, 4 refused\n');
		assert.deepEqual(stderr.trimEnd().split('\n')
			.map((line) => Number(line.slice(path.length).split(':')[1]))
			.sort(), [1, 3, 5, 7]);
	});

	test('says how to go on, and --from does', (t) => {
		const operator = makeShop(t);
		const lines = numbered(10);
		const bad = writeLines(operator,
			[...lines.slice(0, 7), 'no', ...lines.slice(8)]);
		const [refused, end] =
			refusals(operator.call('import', '--batch', '3', bad));
		assert.ok(refused.startsWith(`${bad}:8: `));
		assert.equal(end, `intentctl: ${bad}: it ends at a refused line; ` +
			'all up to line 6 is imported: go on with --from 7');
		assert.equal(list(operator).length, 6);
		const good = writeLines(operator, lines, 'good.jsonl');
		assert.deepEqual(operator.json('import', '--from', '7', good),
			counts(4));
		assert.deepEqual(list(operator).map(({ amount }) => amount),
			lines.map(({ amount }) => amount));
		assert.deepEqual(operator.json('import', '--from=11', good),
			counts(0));
		assert.match(refusals(operator.call('import', '--from', '12', good))[0],
			/^intentctl: --from: \S+ has no more than 10 lines$/);
	});

	test('fills a full store to its bound, and goes on in a larger one', (t) => {
		const operator = makeShop(t);
		// Every hundredth is refused by the engine, in whatever part it is.
		const lines = numbered(20000, (i) => ({ idempotency_key: `order-${i}`,
			...i % 100 === 99 && { customer: 'cus_none' } }));
		const path = writeLines(operator, lines);
		const ends = refusals(operator.call('import', '--skip-refused', path));
		const [, last] = ends.pop().match(
			/: the store is full; all up to line (\d+) is imported: go on/);
		assert.equal(intentCount(operator), last - Math.floor(last / 100));
		assert.deepEqual(ends.slice(0, Math.floor(last / 100)).map((line) =>
			Number(line.slice(path.length).split(':')[1]) % 100),
		Array(Math.floor(last / 100)).fill(0));
		assert.equal(new Set(ends).size, ends.length);
		assertClean(operator);
		writeFileSync(operator.config,
			`store = ${operator.store}\nstore_bytes_max = 268435456\n`);
		const rest = operator.call('import', '--json', '--skip-refused',
			'--from', String(Number(last) + 1), path);
		assert.equal(rest.status, 0, rest.stderr);
		assert.equal(intentCount(operator), 20000 - 200);
		assert.deepEqual(JSON.parse(operator.call('import', '--json',
			'--skip-refused', path).stdout), counts(0, 19800, 200));
		assertClean(operator);
	});

	test('ends a batch early where its lines are long', (t) => {
		const operator = makeLargeShop(t);
		const metadata = Object.fromEntries(Array.from({ length: 50 },
			(_, i) => [`key${i}`, 'x'.repeat(500)]));
		const path = writeLines(operator, numbered(1000, (i) => ({ metadata,
			confirm: true, payment_method: 'pm_card_visa',
			idempotency_key: `order-${i}` })));
		assert.deepEqual(operator.json('import', '--batch', '5000', path),
			counts(1000));
		assert.equal(intentCount(operator), 1000);
	});
});

describe('created', () => {
	test('is the time of all that is made, and of the ids', (t) => {
		const operator = makeShop(t);
		const times = [1700000001, 1600000000, 1700000001, 1500000000,
			1600000000, 1, 1700000001];
		const path = writeLines(operator, numbered(times.length, (i) => ({
			created: times[i], confirm: true,
			payment_method: 'pm_card_visa' })));
		operator.text('import', '--batch', '2', path);
		operator.text('import', '--batch', '1', path);
		const found = list(operator);
		// By time, and at one second by line: both runs, each in order.
		assert.deepEqual(found.map(({ created, amount }) =>
			[created, amount]), [...times, ...times]
			.map((created, i) => [created, i % times.length + 1])
			.sort(([a, i], [b, j]) => a - b || i - j));
		assert.equal(new Set(found.map(({ id }) => id)).size, 14);
		for (const { created, charges } of found)
			assert.equal(charges.data[0].created, created);
		assertClean(operator);
	});

	test('keeps the order of lines where it is not given', (t) => {
		const operator = makeShop(t);
		const lines = numbered(300);
		operator.text('import', '--batch', '7', writeLines(operator, lines));
		assert.deepEqual(list(operator).map(({ amount }) => amount),
			lines.map(({ amount }) => amount));
	});
});

describe('a second run', () => {
	test('creates nothing twice, whatever created says', (t) => {
		const operator = makeShop(t);
		const path = writeLines(operator, numbered(30, (i) => ({
			idempotency_key: `order-${i}`,
			...i % 2 && { created: 1500000000 + i } })));
		assert.deepEqual(operator.json('import', path), counts(30));
		const first = list(operator);
		assert.equal(operator.text('import', '--batch', '4', path),
			'import: 0 created, 30 replayed, 0 refused\n');
		assert.deepEqual(list(operator), first);
	});

	test('refuses a key with another line, another time among them', (t) => {
		const operator = makeShop(t);
		const line = { ...plain, created: 1500000000, idempotency_key: 'a' };
		operator.text('import', writeLines(operator, [line]));
		for (const change of [{ amount: 2 }, { created: 1500000001 },
			{ created: undefined }])
			assert.match(refusals(operator.call('import',
				writeLines(operator, [{ ...line, ...change }])))[0],
			/:1: idempotency_key_reuse: /);
	});

	test('in one file is a replay, too', (t) => {
		const operator = makeShop(t);
		const line = { ...plain, idempotency_key: 'a' };
		assert.deepEqual(operator.json('import',
			writeLines(operator, [line, line])), counts(1, 1));
	});
});

describe('a call', () => {
	for (const [words, reason] of [
		[[], /FILE is missing/],
		[['a', 'b'], /too many words/],
		[['--batch', '0', '-'], /--batch: must be an integer from 1 to 5000/],
		[['--batch', '5001', '-'], /--batch: must be/],
		[['--from', '0', '-'], /--from: must be an integer from 1 to/],
		[['--from', '1.5', '-'], /--from: must be/],
		[['--mode', 'both', '-'], /--mode: must be test or live/],
		[['--skip-refused=1', '-'], /--skip-refused: takes no value/],
		[['--name', 'x', '-'], /import takes no --name/],
	])
		test(`with ${words.join(' ') || 'nothing'} is none`, (t) => {
			assertMisused(makeShop(t).call('import', ...words), reason,
				'import FILE');
		});

	test('needs an account with a merchant, and a file', (t) => {
		const operator = makeOperator(t);
		const path = writeLines(operator, [plain]);
		const refused = (reason, ...words) => assert.match(
			refusals(operator.call('import', ...words))[0], reason);
		refused(/there is no store/, path);
		operator.text('init');
		refused(/there is no account yet/, path);
		operator.text('account', 'create', '--name', 'A');
		refused(/the account has no merchant yet/, path);
		const merchant = operator.json('merchant', 'create', '--name', 'A').id;
		refused(/none\.jsonl: No such file/, join(operator.folder, 'none.jsonl'));
		refused(/Is a directory; nothing was imported/, operator.folder);
		refused(/no such merchant/, '--merchant', `mer_${'1'.repeat(26)}`, path);
		const other =
			operator.json('account', 'create', '--name', 'B').id;
		assertMisused(operator.call('import', path), /--account is missing/);
		refused(/no such merchant of this account/, '--account', other,
			'--merchant', merchant, path);
		operator.text('import', '--merchant', merchant, path);
	});

	test('is explained', () => {
		const { stdout } = call(['help', 'import']);
		for (const word of ['import FILE', '--account', '--merchant', '--mode',
			'--batch', '--from', '--skip-refused', '[--json]'])
			assert.ok(stdout.includes(word), word);
		assert.match(call(['help']).stdout, /^ {2}import +\S/m);
	});
});
