// intentctl's commands that write, killed at each of their steps: the store is
// whole, the file that a copy was to take the place of is the old or the new
// one, and the same command given again comes to its end.
//
// DEATHS_CTL=200 makes each command die so often.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from
	'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { amount, isLong } from '../http/amount.mjs';
import { build } from '../http/harness.mjs';
import { counts, list, numbered, writeLines } from '../http/importer.mjs';
import { call, makeFolder, makeShop, operatorOf } from '../http/operator.mjs';

const deaths = amount('DEATHS_CTL', { short: 0, long: 60 });
const root = fileURLToPath(new URL('../..', import.meta.url));
execFileSync('make', ['-s', '-C', root, 'CRASH=1', '-j2'],
	{ stdio: ['ignore', 'ignore', 'inherit'] });

const isWhole = (store) => {
	const { status, stdout } = call(['--store', store, 'verify', '--json']);
	assert.equal(status, 0, stdout);
	assert.deepEqual(JSON.parse(stdout).findings, []);
};

// A way back to the world before the command.
function keep(folder) {
	cpSync(folder, `${folder}.kept`, { recursive: true });
	return () => cpSync(`${folder}.kept`, folder, { recursive: true,
		force: true });
}

const lines = numbered(30, (i) => ({ idempotency_key: `line ${i}`,
	...i % 3 === 0 && { payment_method: 'pm_card_visa', confirm: true } }));

function makeImport(t) {
	const shop = makeShop(t);
	const path = writeLines(shop, lines);
	const words = ['--config', shop.config, 'import', '--batch', '4', path];
	return { folder: shop.folder, store: shop.store, words, end() {
		const { created, replayed } = shop.json(...words.slice(2));
		assert.equal(created + replayed, lines.length);
		assert.deepEqual(list(shop).map((one) => one.amount),
			lines.map((one) => one.amount));
		assert.deepEqual(shop.json(...words.slice(2)),
			counts(0, lines.length));
	} };
}

function makeInit(t) {
	const folder = makeFolder(t);
	const store = join(folder, 'intents.mdb');
	const words = ['--store', store, 'init'];
	// Cut off in its midst, it has no schema yet.
	return { folder, store, words, mayLack: true, isOld: true, end() {
		const { status, stderr } = call(words);
		if (status !== 0)
			assert.match(stderr, /already/);
	} };
}

function makeFilled(t) {
	const shop = makeShop(t);
	shop.text('import', writeLines(shop, lines));
	return shop;
}

function makeBackup(t) {
	const shop = makeFilled(t);
	const copy = join(shop.folder, 'copy.mdb');
	const words = ['--config', shop.config, 'backup', copy];
	return { folder: shop.folder, store: shop.store, words, end() {
		if (existsSync(copy))
			isWhole(copy);
		shop.text(...words.slice(2), '--force');
		assert.equal(operatorOf('--store', copy).json('verify')
			.tables.intents, lines.length);
	} };
}

function makeRestore(t) {
	const shop = makeFilled(t);
	const copy = join(shop.folder, 'copy.mdb');
	shop.text('backup', copy);
	shop.text('account', 'create', '--name', 'Later');
	const words = ['--config', shop.config, 'restore', '--force', copy];
	return { folder: shop.folder, store: shop.store, words, end() {
		shop.text(...words.slice(2));
		assert.equal(shop.json('verify').tables.accounts, 1);
	} };
}

function makeMigrate(t) {
	const folder = makeFolder(t);
	const store = join(folder, 'intents.mdb');
	writeFileSync(store, gunzipSync(readFileSync(
		join(root, 'tests', 'schema_1.mdb.gz'))), { mode: 0o600 });
	const words = ['--store', store, 'migrate'];
	// Of schema 1 still, it is not this version's to verify.
	return { folder, store, words, isOld: true, end() {
		assert.equal(call(words).status, 0);
	} };
}

function makeMerchant(t) {
	const shop = makeShop(t);
	const words = ['--config', shop.config, 'merchant', 'create', '--name', 'B'];
	return { folder: shop.folder, store: shop.store, words, end() {
		const before = shop.json('verify').tables.merchants;
		assert.ok([1, 2].includes(before), `${before}`);
	} };
}

function makeExport(t) {
	const shop = makeFilled(t);
	const file = join(shop.folder, 'all.json');
	const words = ['--config', shop.config, 'export', file];
	const isOver = () => existsSync(file) && assert.match(
		readFileSync(file, 'utf8').trim().split('\n').at(-1), /export/);
	return { folder: shop.folder, store: shop.store, words, end() {
		isOver();
		rmSync(file, { force: true });
		shop.text(...words.slice(2));
		isOver();
		assert.equal(shop.json('verify').tables.intents, lines.length);
	} };
}

function makePurge(t) {
	const shop = makeShop(t);
	const aDay = 86400000;
	const before = (days) => new Date(Date.now() - days * aDay)
		.toISOString().replace(/\.\d+/, '');
	shop.text('import', writeLines(shop, lines.map((line) => ({ ...line,
		created: Math.floor((Date.now() - 10 * aDay) / 1000) }))));
	const words = ['--config', shop.config, 'purge', '--yes',
		'--events-before', before(5)];
	return { folder: shop.folder, store: shop.store, words, end() {
		shop.text(...words.slice(2));
		const { tables } = shop.json('verify');
		assert.equal(tables.events, 0);
		assert.equal(tables.intents, lines.length);
	} };
}

// Rolled or not, and nothing between: given again, it is refused or done.
function makeRoll(t) {
	const shop = makeShop(t);
	const { id } = shop.json('key', 'create', '--mode', 'test', '--type',
		'secret', '--name', 'first');
	const words = ['--config', shop.config, 'key', 'roll', id];
	const alive = () => shop.json('key', 'list').data.filter((one) =>
		one.revoked_at === null);
	return { folder: shop.folder, store: shop.store, words, end() {
		const before = alive();
		assert.equal(before.length, 1);
		const { status } = shop.call(...words.slice(2));
		assert.equal(status, before[0].id === id ? 0 : 1);
		assert.equal(alive().length, 1);
		assert.notEqual(alive()[0].id, id);
	} };
}

const transaction = ['ENGINE_BEGUN', 'ENGINE_PUTS', 'ENGINE_PUT',
	'STORE_COMMITS', 'STORE_WRITES', 'STORE_TORN', 'STORE_WROTE',
	'STORE_FLUSHES', 'STORE_FLUSHED', 'STORE_SWITCHES', 'STORE_SWITCHED',
	'STORE_COMMITTED'];
const copying = ['COPY_WRITTEN', 'COPY_NAMED'];
const removing = ['ENGINE_REMOVES', 'ENGINE_REMOVED'];
const inShort = /ENGINE_(PUT|REMOVED)$|STORE_(TORN|FLUSHED|SWITCHED|COMMITTED)|COPY_/;

// `passages`: of which of them it dies, drawn anew each time.
const commands = {
	import: { make: makeImport, passages: 8, steps: [...transaction,
		'ENGINE_DECIDED', 'ENGINE_CLAIMED', 'ENGINE_REMEMBERED'] },
	init: { make: makeInit, passages: 1, steps: transaction.filter((step) =>
		step !== 'STORE_TORN') }, // its pages lie beside each other
	backup: { make: makeBackup, passages: 1,
		steps: ['COPY_LINKED', ...copying] },
	restore: { make: makeRestore, passages: 1, steps: copying },
	migrate: { make: makeMigrate, passages: 2, steps: transaction },
	export: { make: makeExport, passages: 1, steps: transaction },
	purge: { make: makePurge, passages: 2, steps: [...removing,
		...transaction.filter((step) => !/PUTS?$/.test(step))] },
	'key roll': { make: makeRoll, passages: 1, steps: transaction },
	'merchant create': { make: makeMerchant, passages: 1,
		steps: transaction },
};

// The steps at which it has died, as it says: `at` is {step: passage}.
function deathsOf(words, at) {
	const { status, signal, stderr } = spawnSync(`${build}-crash/intentctl`,
		words, { encoding: 'utf8', env: { ...process.env,
			INTENTD_CRASH_AT: Object.entries(at).map(([step, passage]) =>
				`${step}=${passage}`).join(',') } });
	const said = [...stderr.matchAll(/crash point (\w+)/g)];
	if (signal === null)
		assert.equal(status, 0, stderr);
	assert.equal(said.length, signal === 'SIGKILL' ? 1 : 0, stderr);
	return said.map(([, step]) => step);
}

// True if it has come to the step, and died there.
const die = (words, step, passage) =>
	deathsOf(words, { [step]: passage }).length > 0;

describe('intentctl that dies at a step', () => {
	for (const [name, { make, passages, steps }] of Object.entries(commands))
		test(name, (t) => {
			const world = make(t);
			const restore = keep(world.folder);
			t.after(() => execFileSync('rm', ['-r', `${world.folder}.kept`]));
			let died = 0;
			do
				for (const step of steps.filter((one) =>
					isLong || inShort.test(one))) {
					execFileSync('rm', ['-r', world.folder]);
					restore();
					const passage = 1 + Math.floor(Math.random() * passages);
					// So many there may not be of each.
					if (!die(world.words, step, passage)) {
						restore();
						assert.ok(die(world.words, step, 1),
							`${step} is not on the way`);
					}
					died++;
					if (existsSync(world.store) && !world.isOld)
						isWhole(world.store);
					assert.ok(world.mayLack || existsSync(world.store));
					world.end();
					isWhole(world.store);
				}
			while (died < deaths);
			t.diagnostic(`${died} deaths`);
		});
});

// What is written of a death is written by a call that is itself a step of a
// commit: it must not stand for one.
test('the line of a death is no step', (t) => {
	const { folder, words } = makeMerchant(t);
	const restore = keep(folder);
	t.after(() => execFileSync('rm', ['-r', `${folder}.kept`]));
	// The passage behind the last one of a step.
	const countOf = (step) => {
		let passage = 0;
		do
			restore();
		while (die(words, step, ++passage));
		return passage;
	};
	const flushes = countOf('STORE_FLUSHED') - 1;
	const writes = countOf('STORE_WRITES');
	assert.ok(flushes > 0 && writes > 1);
	restore();
	assert.deepEqual(deathsOf(words, { STORE_FLUSHED: flushes,
		STORE_WRITES: writes }), ['STORE_FLUSHED']);
});
