// intentctl's commands over a whole store: backup, restore, compact, migrate,
// stats, purge, export; each with a store of its own.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync,
	readlinkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { holdStore } from './http/holder.mjs';
import { assertClean, counts, numbered, writeLines } from './http/importer.mjs';
import { assertMisused, assertRefused, makeFolder, makeKey, makeOperator,
	makeShop, operatorOf, program } from './http/operator.mjs';
import { assertOk, startServer } from './http/harness.mjs';

const mebi = 1024 * 1024;
const modeOf = (path) => statSync(path).mode & 0o777;
const linesOf = (text) => text.trim().split('\n').map((line) =>
	JSON.parse(line));

// With some payments, one of them with a key.
function makeFilled(t, count = 20) {
	const operator = makeShop(t);
	makeKey(operator, '--name', 'Till');
	operator.input = writeLines(operator, numbered(count,
		(i) => ({ description: `order number ${i} ` })));
	assert.deepEqual(operator.json('import', operator.input), counts(count));
	operator.path = (name) => join(operator.folder, name);
	operator.of = (name) => Object.assign(operatorOf('--store',
		operator.path(name)), { folder: operator.folder });
	return operator;
}

// What there is, object by object: the digest of it, since two long texts that
// differ would take long to tell apart.
function contents(operator) {
	const file = join(operator.folder, 'contents.json');
	operator.text('export', '--force', file);
	return createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function until(holds) {
	for (let i = 0; !holds(); i++) {
		assert.ok(i < 2000, 'it never comes');
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

describe('backup', () => {
	test('is a store with all that there was, for its owner alone', (t) => {
		const operator = makeFilled(t);
		const before = contents(operator);
		const copy = operator.path('copy.mdb');
		const report = operator.json('backup', copy);
		// The audit log's line of the backup came after it.
		const records = operator.json('verify').record_count - 1;
		assert.deepEqual({ ...report, duration_ms: 0 }, {
			object: 'backup', file: copy, bytes: statSync(copy).size,
			records, last_transaction: report.last_transaction,
			verified: true, duration_ms: 0,
		});
		assert.equal(modeOf(copy), 0o600);
		assert.equal(contents(operator.of('copy.mdb')), before);
		assertClean(operator.of('copy.mdb'));
		assert.ok(!existsSync(`${copy}.intentctl-new`));
	});

	test('destroys no other one: not without --force, nor by a bad one', (t) => {
		const operator = makeFilled(t);
		const copy = operator.path('copy.mdb');
		operator.text('backup', copy);
		const good = readFileSync(copy);
		assertRefused(operator.call('backup', copy), /is there already/);
		for (const command of ['backup', 'export'])
			assertRefused(operator.call(command, '--force',
				operator.store), /is the store itself/);
		// The store is damaged: a digit of a description.
		writeFileSync(operator.store, Buffer.from(
			readFileSync(operator.store, 'latin1').replaceAll(
				'order number 7 ', 'order number 8 '), 'latin1'));
		assertRefused(operator.call('backup', '--force', copy),
			/the copy is damaged: \d+ findings, the first: /);
		assert.deepEqual(readFileSync(copy), good);
		assert.deepEqual(readdirSync(operator.folder).filter((name) =>
			name.endsWith('-new')), []);
		operator.text('backup', '--force', '--no-verify', copy);
		assert.notDeepEqual(readFileSync(copy), good);
	});

	test('spares files that are named as if they were its own', (t) => {
		const operator = makeFilled(t);
		const before = contents(operator);
		const others = operator.path('copy.mdb.new');
		writeFileSync(others, 'mine');
		operator.text('backup', operator.path('copy.mdb'));
		assert.equal(readFileSync(others, 'utf8'), 'mine');
		for (const [suffix, status] of [['.intentctl-new', 1], ['.new', 0]]) {
			const backup = operator.path(`other.mdb${suffix}`);
			renameSync(operator.path('copy.mdb'), backup);
			assert.equal(operator.of('other.mdb').call('restore', backup)
				.status, status);
			renameSync(backup, operator.path('copy.mdb'));
		}
		const named = operator.path('named.intentctl-new');
		renameSync(operator.path('copy.mdb'), named);
		assertRefused(operator.of('named.intentctl-new').call('backup',
			operator.path('named')), /is the store itself/);
		assert.equal(contents(operator.of('named.intentctl-new')), before);
	});

	test('takes the place of files alone', (t) => {
		const operator = makeFilled(t, 1);
		const target = operator.path('target');
		const link = operator.path('link');
		writeFileSync(target, 'mine');
		symlinkSync(target, link);
		for (const path of [link, operator.folder, '/dev/fd/0'])
			for (const command of ['backup', 'export'])
				assertRefused(operator.call(command, '--force', path),
					/is no regular file/);
		assert.equal(readlinkSync(link), target);
		assert.equal(readFileSync(target, 'utf8'), 'mine');
	});

	test('leaves nothing where the disk is full', (t) => {
		const operator = makeFilled(t, 200);
		const copy = operator.path('copy.mdb');
		const result = spawnSync('bash', ['-c', 'ulimit -S -f 64 && exec "$@"',
			'bash', program, '--config', operator.config, 'backup', copy],
		{ encoding: 'utf8' });
		assertRefused(result, /copy\.mdb\.intentctl-new: The file would exceed/);
		assert.ok(!existsSync(copy) && !existsSync(`${copy}.intentctl-new`));
	});

	test('leaves nothing where it is interrupted', async (t) => {
		const operator = makeFilled(t);
		const copy = operator.path('copy.mdb');
		// A copy takes the writers' lock for a moment, and now waits for it.
		const holder = await holdStore(t, operator.store, 'write');
		const child = spawn(program, ['--config', operator.config, 'backup',
			copy], { stdio: 'ignore' });
		t.after(() => child.kill('SIGKILL'));
		const ended = new Promise((resolve) => child.on('exit',
			(code, signal) => resolve(signal)));
		await until(() => existsSync(`${copy}.intentctl-new`));
		assertRefused(operator.call('backup', copy), /somebody is writing it/);
		child.kill('SIGINT');
		assert.equal(await ended, 'SIGINT');
		assert.ok(!existsSync(copy) && !existsSync(`${copy}.intentctl-new`));
		await holder.end();
		operator.text('backup', copy);
	});

	test('goes to a pipe, small with --compact, and can be restored from one',
		(t) => {
			const operator = makeFilled(t, 2000);
			const before = contents(operator);
			const stream = (...words) => spawnSync(program, ['--config',
				operator.config, 'backup', '-', ...words],
			{ maxBuffer: 64 * mebi }).stdout;
			const whole = stream();
			const small = stream('--compact');
			assert.ok(small.length > 0 && small.length <= whole.length);
			const result = spawnSync(program, ['--store',
				operator.path('other.mdb'), 'restore', '-'],
			{ input: small, encoding: 'utf8' });
			assert.equal(result.status, 0, result.stderr);
			assert.equal(contents(operator.of('other.mdb')), before);
			const cut = spawnSync('bash', ['-c', '"$@" | head -c 10 >/dev/null; ' +
				'exit ${PIPESTATUS[0]}', 'bash', program, '--config',
			operator.config, 'backup', '-'], { encoding: 'utf8' });
			assertRefused(cut, /standard output: Broken pipe/);
		});
});

describe('restore', () => {
	test('is what was backed up, and keeps what was there beside', (t) => {
		const operator = makeFilled(t);
		const before = contents(operator);
		const copy = operator.path('copy.mdb');
		operator.text('backup', copy);
		operator.text('account', 'create', '--name', 'Later');
		const later = contents(operator);
		chmodSync(operator.store, 0o640);
		assertRefused(operator.call('restore', copy), /a store already/);
		assert.equal(contents(operator), later);
		const said = operator.text('restore', '--force', copy);
		assert.equal(contents(operator), before);
		assert.equal(modeOf(operator.store), 0o640);
		const [, aside] = said.match(/is kept: (\S+)\n$/);
		assert.equal(contents(Object.assign(operatorOf('--store', aside),
			{ folder: operator.folder })), later);
		// And it can be written to.
		operator.text('account', 'create', '--name', 'Again');
		assertClean(operator);
	});

	test('refuses what is no whole store, and leaves what is there', (t) => {
		const operator = makeFilled(t);
		const before = contents(operator);
		const copy = operator.path('copy.mdb');
		operator.text('backup', copy);
		const bad = operator.path('bad.mdb');
		for (const [reason, bytes] of [
			[/the backup: The store's file is shorter/,
				readFileSync(copy).subarray(0, 20480)],
			[/the backup: The file is not a store/, Buffer.alloc(8192)],
			[/the backup: The store's file is empty/, ''],
			[/the backup is of schema 9, .* install a newer/, Buffer.from(
				readFileSync(copy, 'latin1').replaceAll(
					'store, schema 3', 'store, schema 9'), 'latin1')],
			[/the backup is damaged: /, Buffer.from(
				readFileSync(copy, 'latin1').replaceAll(
					'order number 7 ', 'order number 8 '), 'latin1')],
		]) {
			writeFileSync(bad, bytes);
			assertRefused(operator.call('restore', '--force', bad), reason);
			assert.equal(contents(operator), before);
		}
		assertRefused(operator.call('restore', '--force', `${bad}.none`),
			/No such file/);
		assert.deepEqual(readdirSync(operator.folder).filter((name) =>
			/before|-new$/.test(name)), []);
	});
});

// LMDB's lock file lies beside the name: with two names there are two of them,
// and writers that know nothing of each other.
test('a store is not opened through a symbolic link', (t) => {
	const operator = makeFilled(t);
	const backup = operator.path('copy.mdb');
	operator.text('backup', backup);
	symlinkSync(operator.store, operator.path('link.mdb'));
	const link = operator.of('link.mdb');
	assertRefused(link.call('account', 'create', '--name', 'Lost'),
		/is a symbolic link/);
	for (const words of [['compact'], ['restore', '--force', backup]])
		assertRefused(link.call(...words), /symbolic link/);
	assertClean(operator);
});

test('what needs the store alone is refused while it is open', async (t) => {
	const operator = makeFilled(t);
	const copy = operator.path('copy.mdb');
	operator.text('backup', copy);
	const holder = await holdStore(t, operator.store, 'read');
	const open = new RegExp(
		`: process ${holder.pid} has the store open: stop the server first`);
	for (const words of [['restore', '--force', copy], ['compact'],
		['migrate']])
		assertRefused(operator.call(...words), open);
	await holder.end();
	// Killed, it has it open no more.
	operator.text('compact');
	operator.text('migrate');
	operator.text('restore', '--force', copy);
});

describe('compact', () => {
	test('gives the disk back what was purged, and nothing else', (t) => {
		const operator = makeFilled(t, 2000);
		operator.text('purge', '--yes', '--at', '2030-01-01T00:00:00Z',
			'--events-before', '2030-01-01T00:00:00Z');
		chmodSync(operator.store, 0o640);
		const before = contents(operator);
		const report = operator.json('compact');
		assert.ok(report.bytes_after < report.bytes_before,
			JSON.stringify(report));
		assert.equal(report.bytes_after, statSync(operator.store).blocks * 512);
		assert.equal(contents(operator), before);
		assert.equal(modeOf(operator.store), 0o640);
		operator.text('account', 'create', '--name', 'Again');
		assertClean(operator);
	});

	test('refuses where there is no store', (t) => {
		assertRefused(makeOperator(t).call('compact'), /there is no store/);
	});
});

describe('stats', () => {
	test('counts, and with --full by status', (t) => {
		const operator = makeFilled(t, 7);
		const { key } = { key: makeKey(operator, '--name', 'Old').id };
		operator.text('key', 'revoke', key);
		const stats = operator.json('stats');
		assert.equal(stats.schema, 3);
		assert.equal(stats.tables.intents, 7);
		assert.equal(stats.tables.accounts, 1);
		assert.deepEqual(stats.merchants, { active: 1 });
		assert.deepEqual(stats.api_keys, { test: { secret: 1 }, live: {} });
		assert.deepEqual(stats.api_keys_ended, { test: 1 });
		assert.equal(stats.file_bytes, 4 * mebi);
		assert.equal(stats.map_bytes_max, 4 * mebi);
		assert.ok(stats.used_bytes > 0 && stats.used_bytes < mebi);
		assert.deepEqual(stats.webhook_endpoints, { test: {}, live: {} });
		assert.equal(stats.tables.webhook_endpoints, 0);
		assert.equal(stats.intents, undefined);
		assert.equal(stats.deliveries, undefined);
		const full = operator.json('stats', '--full');
		assert.deepEqual(full.intents,
			{ test: { requires_payment_method: 7 }, live: {} });
		assert.deepEqual(full.deliveries, { test: {}, live: {} });
		assert.ok(full.oldest <= full.newest);
		const text = operator.text('stats', '--full');
		assert.match(text, /^table +intents +7$/m);
		assert.match(text, /^by card, test +requires_payment_method +7$/m);
	});
});

describe('purge', () => {
	const withKeys = (count) => Array.from({ length: count }, (_, i) =>
		JSON.stringify({ amount: 100 + i, currency: 'usd',
			idempotency_key: `key-${i}` }));

	test('removes what is older than 24 hours, when it is told to', (t) => {
		const operator = makeFilled(t, 1);
		// More than one transaction of it.
		operator.json('import', writeLines(operator, withKeys(600)));
		const at = (hours) => new Date(Date.now() + hours * 3600_000)
			.toISOString();
		const purge = (...words) => operator.json('purge', ...words);
		const report = (dry, outcomes, events) =>
			({ object: 'purge', dry_run: dry, outcomes, events });
		assert.deepEqual(purge('--yes'), report(false, 0, 0));
		assert.deepEqual(purge('--at', at(25)), report(true, 600, 0));
		assert.equal(operator.json('stats').tables.outcomes, 600);
		assert.deepEqual(purge('--at', at(23), '--yes'), report(false, 0, 0));
		assert.deepEqual(purge('--at', at(25), '--yes'),
			report(false, 600, 0));
		const { tables } = operator.json('stats');
		assert.equal(tables.outcomes, 0);
		assert.equal(tables.idempotency, 0);
		assert.equal(tables.intents, 601);
		assert.equal(tables.events, 601);
		assertClean(operator);
		const before = '--events-before';
		assert.deepEqual(purge('--yes', before, at(-1)), report(false, 0, 0));
		assertMisused(operator.call('purge', '--yes', before, at(1)),
			/--events-before: must not be in the future/);
		assert.deepEqual(purge('--yes', '--at', at(1), before, at(1)),
			report(false, 0, 601));
		const bare = operator.json('stats').tables;
		assert.equal(bare.events, 0);
		// Of the lists of events nothing is left.
		assert.equal(bare.lists, tables.lists - 2 * 601);
		assertClean(operator);
		assertMisused(operator.call('purge', before, 'lately'),
			/--events-before: must be a time/);
	});
});

describe('export', () => {
	test('is every object, a line each, and says that it is whole', (t) => {
		const operator = makeFilled(t, 1500);
		const file = operator.path('all.json');
		assert.deepEqual(operator.json('export', file),
			{ object: 'export', file, lines: 3003 });
		assert.equal(modeOf(file), 0o600);
		const lines = linesOf(readFileSync(file, 'utf8'));
		assert.deepEqual(lines.pop(), { object: 'export', schema: 3,
			complete: true, lines: lines.length });
		const tally = {};
		for (const { account, mode, data } of lines) {
			assert.equal(account, operator.account);
			const name = `${data.object} ${mode}`;
			tally[name] = (tally[name] ?? 0) + 1;
		}
		assert.deepEqual(tally, { 'account null': 1, 'merchant null': 1,
			'api_key test': 1, 'payment_intent test': 1500,
			'event test': 1500 });
		const shown = lines.filter(({ data }) =>
			data.object === 'payment_intent').map(({ data }) => data.id);
		assert.equal(new Set(shown).size, 1500);
		const [last] = shown.slice(-1);
		assert.deepEqual(lines.find(({ data }) => data.id === last).data,
			operator.json('intent', 'show', last));
		assert.ok(!lines.some(({ data }) => data.secret));
		assertRefused(operator.call('export', file), /is there already/);
		operator.text('export', '--force', file);
	});

	test('of an account, and of a mode', (t) => {
		const operator = makeFilled(t, 3);
		const other = operator.json('account', 'create', '--name', 'O').id;
		const exported = (...words) => linesOf(operator.text('export', '-',
			...words)).slice(0, -1).map(({ data }) => data.object);
		assert.deepEqual(exported('--account', other), ['account']);
		assert.equal(exported('--account', operator.account).length, 9);
		assert.deepEqual(exported('--mode', 'live').sort(),
			['account', 'account', 'merchant']);
	});

	test('says why where its reader has ended', (t) => {
		const operator = makeFilled(t, 1500);
		const { status, stderr } = spawnSync('bash', ['-c', '"$@" | ' +
			'head -c 10 >/dev/null; exit ${PIPESTATUS[0]}', 'bash', program,
		'--config', operator.config, 'export', '-'], { encoding: 'utf8' });
		assert.equal(status, 1);
		assert.match(stderr, /Broken pipe|could not be written/);
	});

	test('shows on a terminal how far it is', (t) => {
		const operator = makeFilled(t, 1500);
		const { status, stdout } = spawnSync('script', ['-qec', `${program} ` +
			`--store ${operator.store} export ${operator.path('e')}`,
		'/dev/null'], { encoding: 'utf8' });
		assert.equal(status, 0, stdout);
		assert.match(stdout, /100 ?%/);
	});
});

// Stores of older versions, and a payment in each.
const oldStores = [
	{ schema: 1, intent: 'pi_0t415tkrytbvn4vdjh0f317a2b' },
	{ schema: 2, intent: 'pi_0t41bvrzre8rq1rxaejzgzerbk' },
].map((one) => ({ ...one, bytes: gunzipSync(readFileSync(fileURLToPath(
	new URL(`schema_${one.schema}.mdb.gz`, import.meta.url)))) }));

function makeOld(t, { bytes } = oldStores[0]) {
	const folder = makeFolder(t);
	const store = join(folder, 'intents.mdb');
	writeFileSync(store, bytes, { mode: 0o600 });
	return Object.assign(operatorOf('--store', store), { folder, store });
}

describe('migrate', () => {
	const [{ bytes: old, intent: oldIntent }] = oldStores;

	for (const one of oldStores)
		test(`makes a store of schema ${one.schema} this one's, and keeps ` +
			'it as it was', (t) => {
			const { schema, bytes, intent } = one;
			const operator = makeOld(t, one);
			for (const words of [['account', 'list'], ['stats'], ['compact']])
				assertRefused(operator.call(...words), new RegExp('an older ' +
					`version made this store \\(schema ${schema}; this one ` +
					'has 3\\): stop the server and run: intentctl --store ' +
					`${operator.store} migrate`));
			assert.match(operator.text('migrate', '--dry-run'), new RegExp(
				(schema === 1 ? '^schema 1 to 2: .*\n' : '^') +
				`schema 2 to 3: .*\nmigrate: .*, schema ${schema}\n$`));
			assert.deepEqual(readFileSync(operator.store), bytes);
			const { backup, ...report } = operator.json('migrate');
			assert.deepEqual(report,
				{ object: 'migration', from: schema, to: 3 });
			assert.deepEqual(readFileSync(backup), bytes);
			assertClean(operator);
			assert.equal(operator.json('intent', 'show', intent).status,
				'succeeded');
			assert.deepEqual(operator.json('migrate'),
				{ object: 'migration', from: 3, to: 3, backup: null });
			// The copy is the old one, which the newer version still refuses.
			assertRefused(operatorOf('--store', backup).call('stats'),
				new RegExp(`schema ${schema}`));
		});

	test('lists the events of cards that schema 2 has, and no others', (t) => {
		const operator = makeOld(t, oldStores[1]);
		operator.text('migrate', '--no-backup');
		const ofCoins = new RegExp('^(transaction|settlement)\\.' +
			'|^payment_intent\\.(confirmed|expired|cancelled)$');
		const events = linesOf(operator.text('export', '-')).slice(0, -1)
			.filter(({ data }) => data.object === 'event');
		const ofCards = events.filter(({ data }) =>
			!ofCoins.test(data.type));
		assert.ok(ofCards.length > 0 && ofCards.length < events.length);
		const { tables } = operator.json('stats');
		assert.equal(tables.lists, 23 + 2 * ofCards.length);
		assert.equal(tables.deliveries, 0);
	});

	test('an old store is not served either', (t) => {
		const operator = makeOld(t);
		const { status, stderr } = spawnSync(
			program.replace(/intentctl$/, 'intentd'),
			[`--store=${operator.store}`, `--store_bytes=${mebi}`,
				`--socket=${join(operator.folder, 'socket')}`],
			{ encoding: 'utf8', timeout: 30_000 });
		assert.equal(status, 1, stderr);
		assert.match(stderr, /an older version .* intentctl --store \S+ migrate$/m);
		assert.equal(operator.json('migrate').from, 1);
	});

	// The name of a table, which sorts where the other one did.
	const without = (bytes) => Buffer.from(bytes.toString('latin1')
		.replaceAll('addresses', 'addressez'), 'latin1');

	test('makes tables that are missing, and misses them later', (t) => {
		const operator = makeOld(t);
		writeFileSync(operator.store, without(old));
		assertRefused(operator.call('stats'), /an older version/);
		operator.text('migrate');
		assertClean(operator);
		assert.equal(operator.json('stats').tables.addresses, 0);
		writeFileSync(operator.store, Buffer.from(
			readFileSync(operator.store, 'latin1')
				.replaceAll('addresses', 'addressex'), 'latin1'));
		for (const command of ['stats', 'migrate'])
			assertRefused(operator.call(command), /or lacks a table: run: /);
	});

	test('refuses a newer one', (t) => {
		const operator = makeOld(t);
		writeFileSync(operator.store, Buffer.from(old.toString('latin1')
			.replaceAll('store, schema 1', 'store, schema 4'), 'latin1'));
		assertRefused(operator.call('migrate'),
			/a newer version made this store: install intentd of schema 4/);
	});

	test('of an old store; which is then served', async (t) => {
		const home = makeFolder(t);
		mkdirSync(join(home, 'data'));
		const store = join(home, 'data', 'intents.mdb');
		writeFileSync(store, old, { mode: 0o600 });
		const operator = operatorOf('--store', store);
		operator.text('migrate', '--no-backup');
		const secret = (mode, type) => operator.json('key', 'create', '--mode',
			mode, '--type', type).secret;
		const merchant = operator.json('merchant', 'list').data[0].id;
		writeFileSync(join(home, 'data', 'demo.keys'),
			`TEST_KEY=${secret('test', 'secret')}\n` +
			`LIVE_KEY=${secret('live', 'secret')}\n` +
			`TEST_PUBLISHABLE_KEY=${secret('test', 'publishable')}\n` +
			`MERCHANT_ID=${merchant}\n`, { mode: 0o600 });
		const server = await startServer({ home });
		try {
			const path = `/v1/payment_intents/${oldIntent}`;
			const before = assertOk(await server.request('GET', path));
			assert.equal(before.status, 'succeeded');
			assertOk(await server.request('POST', '/v1/refunds',
				{ json: { payment_intent: oldIntent, amount: 100 } }));
		} finally {
			await server.halt();
		}
		assertClean(operator);
	});
});

test('misuse is said with the usage', (t) => {
	const operator = makeOperator(t);
	assertMisused(operator.call('backup'), /FILE is missing/, 'backup');
	assertMisused(operator.call('stats', '--force'), /stats takes no --force/);
	assertMisused(operator.call('export', 'a', 'b'), /too many words/);
});
