// The power fails under intentctl: what it said to be done is done after each
// cut, and what it had not yet said is done or not, and nothing between.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from
	'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { amount, isLong } from '../http/amount.mjs';
import { build } from '../http/harness.mjs';
import { operatorOf } from '../http/operator.mjs';
import { randomOf } from '../http/random.mjs';
import { Disk, cuts } from './power_disk.mjs';
import { compileTools, makeFolder, startRecording } from './power_log.mjs';
import { Places } from './power_trial.mjs';
import { seed, tellFigures } from './power_verdict.mjs';

const store = 'intents.mdb';
const copy = 'copy.mdb';
const olderStore = fileURLToPath(new URL('../schema_1.mdb.gz',
	import.meta.url));
const statesMax = amount('POWER_TOOL_STATES', { short: 3, long: 300 });
const samples = amount('POWER_TOOL_SAMPLES', { short: 2, long: 60 });

let folder;
let tools;

before(() => {
	folder = makeFolder();
	tools = compileTools(folder);
});
after(() => rmSync(folder, { recursive: true, force: true }));

// An operator of a folder of its own, whose store begins small.
function makeStore(what) {
	const place = mkdtempSync(join(folder, `${what}-`));
	const config = join(place, 'conf');
	writeFileSync(config, `store = ${join(place, store)}\n` +
		'store_bytes = 1048576\n');
	return Object.assign(operatorOf('--config', config),
		{ folder: place, config, store: join(place, store) });
}

function makeShop(what) {
	const operator = makeStore(what);
	operator.text('init');
	operator.text('account', 'create', '--name', 'first');
	operator.text('merchant', 'create', '--name', 'first');
	return operator;
}

async function accountsOf(place, name) {
	await place.assertSound(name);
	const { status, stdout, stderr } = await place.ctl(name, 'account', 'list',
		'--json');
	assert.equal(status, 0, stderr);
	return JSON.parse(stdout).data.map((account) => account.name).join();
}

const asideIn = (files, what) =>
	[...files.keys()].find((name) => name.startsWith(`${store}.${what}-`));

// A row: prepare(operator) before it is recorded, the command's words, and what
// holds of a state: done() once it was done, and then always(), which may change
// the state; each with the place, and the files' images by their names.
const commands = {
	init: {
		prepare: () => makeStore('init'),
		words: () => ['init'],
		// What is left of a store is never taken for one.
		async always(place, files) {
			const { status, stderr } = await place.ctl(store, 'init');
			if (status === 0)
				return place.assertSound(store);
			assert.equal(status, 1, stderr);
			return assert.match(stderr, /^intentctl: \S+: The /);
		},
		done: async (place) => assert.equal(await accountsOf(place, store), ''),
	},
	'account create': {
		prepare: () => makeShop('account'),
		words: () => ['account', 'create', '--name', 'second'],
		always: async (place) => assert.match(
			await accountsOf(place, store), /^first(,second)?$|^second,first$/),
		done: async (place) => assert.match(
			await accountsOf(place, store), /second/),
	},
	'key create': {
		prepare: () => makeShop('key'),
		words: () => ['key', 'create', '--mode', 'test', '--type', 'secret',
			'--name', 'a key'],
		always: (place) => place.assertSound(store),
		async done(place) {
			const { stdout } = await place.ctl(store, 'key', 'list', '--json');
			assert.equal(JSON.parse(stdout).data.length, 1);
		},
	},
	backup: {
		prepare: () => makeShop('backup'),
		words: (operator) => ['backup', join(operator.folder, copy)],
		async always(place, files) {
			assert.equal(await accountsOf(place, store), 'first');
			if (files.has(copy))
				assert.equal(await accountsOf(place, copy), 'first');
		},
		done: async (place, files) => assert.ok(files.has(copy)),
	},
	'backup --force': {
		prepare() {
			const operator = makeShop('force');
			operator.text('backup', join(operator.folder, copy));
			operator.text('account', 'create', '--name', 'second');
			return operator;
		},
		words: (operator) => ['backup', '--force', '--compact',
			join(operator.folder, copy)],
		always: async (place) => assert.match(await accountsOf(place, copy),
			/first/),
		done: async (place) => assert.match(await accountsOf(place, copy),
			/second/),
	},
	restore: {
		prepare() {
			const operator = makeShop('restore');
			operator.backup = join(operator.folder, 'kept.mdb');
			operator.text('backup', operator.backup);
			operator.text('account', 'create', '--name', 'second');
			return operator;
		},
		words: (operator) => ['restore', '--force', operator.backup],
		// Nothing is lost: what was there is at one of its two places.
		async always(place, files) {
			if (/second/.test(await accountsOf(place, store)))
				return;
			const aside = asideIn(files, 'before-restore');
			assert.ok(aside, 'the store that was there is gone');
			assert.match(await accountsOf(place, aside), /second/);
		},
		done: async (place) => assert.equal(
			await accountsOf(place, store), 'first'),
	},
	compact: {
		prepare: () => makeShop('compact'),
		words: () => ['compact'],
		always: async (place) => assert.equal(
			await accountsOf(place, store), 'first'),
		done: async () => {},
	},
	purge: {
		prepare: () => makeShop('purge'),
		words: () => ['purge', '--yes'],
		always: async (place) => assert.equal(
			await accountsOf(place, store), 'first'),
		done: async () => {},
	},
	migrate: {
		prepare() {
			const operator = makeStore('migrate');
			writeFileSync(operator.store, gunzipSync(
				readFileSync(olderStore)));
			return operator;
		},
		words: () => ['migrate'],
		// Where it was cut off, it is done by calling it again.
		async always(place) {
			const again = await place.ctl(store, 'migrate', '--no-backup');
			assert.equal(again.status, 0, again.stderr);
			await place.assertSound(store);
		},
		async done(place, files) {
			const aside = asideIn(files, 'before-migrate');
			assert.ok(aside);
			const older = await place.ctl(aside, 'migrate', '--no-backup');
			assert.equal(older.status, 0, older.stderr);
			await place.assertSound(aside);
		},
	},
	import: {
		prepare() {
			const operator = makeShop('import');
			operator.lines = join(operator.folder, 'lines');
			writeFileSync(operator.lines, Array.from({ length: 100 },
				(_, i) => `${JSON.stringify({ amount: 1000 + i,
					currency: 'usd', payment_method: 'pm_card_visa',
					confirm: true, idempotency_key: `line ${i}` })}\n`)
				.join(''));
			return operator;
		},
		words: (operator) => ['import', operator.lines],
		// All that has come is repeated by its key, and nothing is doubled.
		async always(place, files, operator) {
			await place.assertSound(store);
			const again = await place.ctl(store, 'import', operator.lines);
			assert.equal(again.status, 0, again.stderr);
			const [, made, kept] = again.stdout.match(
				/(\d+) created, (\d+) replayed, 0 refused/);
			assert.equal(Number(made) + Number(kept), 100);
			const verified = await place.ctl(store, 'verify', '--json');
			const { findings, tables } = JSON.parse(verified.stdout);
			assert.deepEqual(findings, []);
			assert.equal(tables.intents, 100);
		},
		async done(place) {
			const { stdout } = await place.ctl(store, 'verify', '--json');
			assert.equal(JSON.parse(stdout).tables.intents, 100);
		},
	},
};

function recordCommand({ prepare, words }, fault) {
	const operator = prepare();
	const recording = startRecording(tools, operator.folder, [store, copy],
		{ fault });
	const { status, stderr } = spawnSync(join(build, 'intentctl'),
		['--config', operator.config, ...words(operator)],
		{ encoding: 'utf8', env: { ...process.env,
			...recording.environment } });
	assert.equal(status, 0, stderr);
	return { operator, base: recording.base, events: recording.events() };
}

async function cutCommand(row, fault) {
	const recorded = recordCommand(row, fault);
	const places = new Places(tools,
		mkdtempSync(join(folder, 'tool-')), 2);
	try {
		return await tryCuts(row, recorded, places);
	} finally {
		await places.close();
	}
}

async function tryCuts(row, { operator, base, events }, places) {
	const random = randomOf(seed);
	const all = [...cuts(new Disk(base), events, random, samples)].length;
	const figures = { states: 0, done: 0 };
	const disk = new Disk(base);
	// Those at the end, when it is done, are always tried.
	for (const { way, files, until } of cuts(disk, events, random, samples)) {
		const isDone = until === Infinity;
		if (way === 'settled' || (!isDone && random() > statesMax / all))
			continue;
		figures.states++;
		figures.done += isDone;
		await places.begin(files, async (place, images) => {
			try {
				if (isDone)
					await row.done(place, images);
				await row.always(place, images, operator);
			} catch (error) {
				error.message = `${way}, ${isDone}: ${error.message}`;
				throw error;
			}
		});
	}
	await places.settle();
	return { failures: places.failures.map(({ message }) => message),
		figures: { ...figures, ...disk.counts, cuts: all } };
}

describe('after a power cut intentctl has kept its word:', () => {
	for (const [name, row] of Object.entries(commands))
		test(name, async (t) => {
			const { failures, figures } = await cutCommand(row);
			tellFigures(t, figures);
			assert.deepEqual(failures, []);
			assert.ok(figures.done > 0);
		});
});

// What would be noticed: name of the command, and what is not flushed.
const faults = [
	['init', 'folder:'],
	['backup', 'flush:copy.mdb'],
	['account create', 'dsync:intents.mdb'],
	['init', 'flush:intents.mdb'],
	['backup', 'folder:'],
	['backup --force', 'flush:copy.mdb'],
	['restore', 'flush:intents.mdb.intentctl-new'],
	['migrate', 'folder:'],
	['import', 'flush:intents.mdb'],
];

describe('it is found out that does not flush:', () => {
	for (const [name, fault] of isLong ? faults : faults.slice(0, 3))
		test(`${name}, ${fault}`, async () => {
			const { failures } = await cutCommand(commands[name], fault);
			assert.ok(failures.length > 0);
		});
});

// A cut, or kill -9, between link() and unlink() leaves the good copy a second
// name, under which the next one would be written.
test('a backup is never written over under its second name', () => {
	const operator = makeShop('second');
	const path = join(operator.folder, copy);
	operator.text('backup', path);
	const good = readFileSync(path);
	linkSync(path, `${path}.intentctl-new`);
	const cutOff = spawnSync('bash', ['-c', 'ulimit -f 8; exec "$@"', 'bash',
		join(build, 'intentctl'), '--config', operator.config, 'backup',
		'--force', path], { encoding: 'utf8' });
	assert.notEqual(cutOff.status, 0, cutOff.stdout);
	assert.ok(readFileSync(path).equals(good));
	operator.text('backup', '--force', path);
	operator.text('--store', path, 'verify');
});
