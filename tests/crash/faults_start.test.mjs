// Calls that fail while the server starts, and under the operator's commands:
// a message that says why and a status that says that it failed, or all is done;
// nothing by halves, and no crash.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync,
	readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { isLong, seedOf } from '../http/amount.mjs';
import { Control, Hits, Server, control, crashesIn, makeShop, operate,
	outOfMemory, randomOf } from './faulty.mjs';

const seed = seedOf('START_SEED');
const random = randomOf(seed);
const figures = {};
const note = (what) => { figures[what] = (figures[what] ?? 0) + 1; };
const hits = new Hits();
// There are thousands of calls for memory: some of them, over all.
const strideOf = { malloc: 150 };
const nthMax = 200;

after(() => console.log(`# seed ${seed}: ${JSON.stringify(figures)}`));

const faults = {
	open: ['EMFILE', 'ENFILE', 'EIO', 'ENOMEM'],
	mmap: ['ENOMEM'],
	pwrite: ['ENOSPC', 'EIO'],
	writev: ['ENOSPC', 'EIO'],
	fdatasync: ['EIO', 'ENOSPC'],
	fsync: ['EIO', 'ENOSPC'],
	ftruncate: ['ENOSPC', 'EIO'],
	lock: ['ENOLCK', 'EIO'],
	read: ['EIO'],
	write: ['ENOSPC', 'EIO'],
	rename: ['EIO', 'ENOSPC'],
	link: ['EIO', 'ENOSPC'],
	fchmod: ['EIO'],
	malloc: ['ENOMEM'],
};
const serverFaults = {
	...faults,
	socket: ['EMFILE', 'ENOMEM', 'ENOBUFS'],
	bind: ['ENOSPC', 'ENOMEM'],
	listen: ['EADDRINUSE'],
	epoll: ['EMFILE', 'ENOMEM', 'ENOSPC'],
	eventfd: ['EMFILE', 'ENOMEM'],
	signalfd: ['EMFILE', 'ENOMEM'],
	pipe: ['EMFILE'],
	fork: ['EAGAIN', 'ENOMEM'],
};
const pairsOf = (table) => Object.entries(table).flatMap(([call, errors]) =>
	errors.map((error) => ({ call, error })));

// Each n-th call until none is hit; in the short form one of the first.
async function sweep(kind, pair, strike, first = 12) {
	const stride = strideOf[pair.call] ?? 1;
	for (let i = isLong ? 1 : 1 + random(first); i <= nthMax; i++) {
		const nth = (i - 1) * stride + 1 + random(stride);
		const struck = await strike({ ...pair, nth });
		hits.add(`${kind}: ${pair.call}: ${pair.error}`, Number(struck));
		if (!struck || !isLong)
			return;
	}
}

const chosen = (pairs, count) => isLong ? pairs
	: Array.from({ length: count }, () => pairs[random(pairs.length)]);

// -- The server --------------------------------------------------------------

// A child may end by a signal where it gets no memory, and another one serves:
// once, by our own assertion where OpenSSL has made no digest; or, if confined,
// within libseccomp's seccomp_load(), which frees blocks of its filter twice and
// reads freed ones where it fails (2.5.4, gen_bpf.c).
function assertCrashes(crashes, fault, what) {
	const ends = crashes.filter((line) => /ended after/.test(line));
	const inOpenssl = crashes.some((line) => /digest\.c:.*Assertion/.test(line));
	if (fault.call !== 'malloc')
		assert.deepEqual(crashes, [], what);
	else if (inOpenssl)
		assert.ok(ends.length <= 1 && crashes.length === ends.length + 1 &&
			crashes.every((line) => outOfMemory.test(line)),
		`${what}: ${crashes}`);
	else
		assert.ok(crashes.length === 0 || fault.confine !== 'no' &&
			ends.length === 1 && crashes.length === 1,
		`${what}: ${crashes}`);
	if (crashes.length > 0)
		note(`start: without memory for ${inOpenssl ? 'OpenSSL'
			: 'libseccomp'} a process crashed`);
}

async function startUnder(t, fault) {
	const ends = [];
	const server = new Server({ after: (end) => ends.push(end) },
		{ settings: { couriers: 0, confine: fault.confine ?? 'yes' } });
	try {
		// Who starts it takes memory, too.
		server.faults.arm(fault.call === 'malloc'
			? { ...fault, process: 'intentd' } : fault);
		server.spawn();
		const serves = server.whenServing().then(() => 'served', () => null);
		const outcome = await Promise.race([serves, server.ended]);
		const struck = server.faults.struck();
		const what = JSON.stringify(fault);
		server.faults.disarm();
		if (outcome !== 'served' || server.hasEnded) {
			const { code, signal } = await server.ended;
			assert.deepEqual([code > 0, signal], [true, null],
				`${what}: ${code} ${signal}`);
			// A log that cannot be written says nothing.
			if (fault.call !== 'write')
				assert.match(server.log(), /^(intentd: |time=).{8,}/m, what);
			note('start: refused');
			await server.start();
		} else {
			note(struck > 0 ? 'start: served all the same'
				: 'start: not hit');
		}
		assertCrashes(crashesIn(server.log()), fault, what);
		assert.equal((await server.until('POST', '/v1/customers',
			{ json: {} })).status, 200);
		return struck > 0;
	} finally {
		for (const end of ends)
			await end();
	}
}

const starts = [...pairsOf(serverFaults),
	{ call: 'malloc', error: 'ENOMEM', confine: 'no' }];

describe('a start', () => {
	for (const pair of chosen(starts, 4)) {
		const kind = pair.confine === 'no' ? 'start, not confined' : 'start';
		test(`${kind}, with ${pair.call}: ${pair.error}`, (t) =>
			sweep(kind, pair, (fault) => startUnder(t, fault), 6));
	}
});

// -- The operator ------------------------------------------------------------

const folderOf = (t) => {
	const folder = mkdtempSync(join(tmpdir(), 'intentctl-faults-'));
	t.after(() => rmSync(folder, { recursive: true }));
	return folder;
};

const accounts = (store) => operate(store, 'account', 'list').data.length;
const isSound = (store) => assert.deepEqual(
	operate(store, 'verify').findings, []);

// Rows, but for those of the audit log: a command that says that it could not
// be written has done the rest.
const tablesOf = (store) => {
	const { findings, tables: { audit, ...others } } = operate(store,
		'verify');
	assert.deepEqual(findings, []);
	assert.ok(audit >= 0);
	return others;
};

const lines = (more) => Array.from({ length: 20 }, (_, i) => JSON.stringify({
	amount: 100, currency: 'usd', idempotency_key: `line-${i}`, ...more }))
	.join('\n') + '\n';
const days = (count) => Math.floor(Date.now() / 1000) - count * 86400;

// Once: payments of ten days ago, a store of an older version; and how many
// rows they have, as they are, after a purge, and migrated.
let old;

function makeOld() {
	if (old !== undefined)
		return old;
	const folder = mkdtempSync(join(tmpdir(), 'intentd-old-'));
	process.once('exit', () => rmSync(folder, { recursive: true }));
	const at = (name) => join(folder, name);
	const filled = at('filled.mdb');
	const schema = at('schema.mdb');
	copyFileSync(makeShop().store, filled);
	writeFileSync(at('lines'), lines({ created: days(10) }));
	operate(filled, 'import', at('lines'));
	writeFileSync(schema, gunzipSync(readFileSync(new URL(
		'../schema_1.mdb.gz', import.meta.url))), { mode: 0o600 });
	old = { filled, schema, rows: tablesOf(filled) };
	const commandOf = { purged: commands.purge, migrated: commands.migrate };
	for (const [name, { words }] of Object.entries(commandOf)) {
		const place = { filled: at(name), schema: at(name) };
		copyFileSync(name === 'purged' ? filled : schema, at(name));
		const { status, stderr } = control(words(place));
		assert.equal(status, 0, stderr);
		old[name] = tablesOf(at(name));
	}
	assert.equal(old.rows.intents, 20);
	assert.ok(old.rows.events > 0 && old.purged.events === 0);
	return old;
}

// The last line of a whole one says so.
const isExport = (file) => assert.match(
	readFileSync(file, 'utf8').trim().split('\n').at(-1), /"export"/);

// Each command: what it is told, and what there is after it where it has
// failed, and where it has not.
const commands = {
	init: {
		words: ({ fresh }) => ['--store', fresh, 'init'],
		failed({ fresh }, again) {
			assert.equal(again().status, 0, 'it can be done again');
			isSound(fresh);
		},
		done: ({ fresh }) => isSound(fresh),
	},
	'account create': {
		words: ({ store }) => ['--store', store, 'account', 'create', '--name',
			'Other'],
		failed: ({ store }) => assert.ok(accounts(store) <= 2),
		done: ({ store }) => assert.equal(accounts(store), 2),
	},
	backup: {
		words: ({ store, fresh }) => ['--store', store, 'backup', fresh],
		// Whole, or not there.
		failed: ({ fresh }) => existsSync(fresh) && isSound(fresh),
		done: ({ fresh }) => isSound(fresh),
	},
	restore: {
		words: ({ store, other }) => ['--store', store, 'restore', other],
		failed: ({ store }) => assert.equal(accounts(store), 1),
		done: ({ store }) => assert.equal(accounts(store), 1),
	},
	compact: {
		words: ({ store }) => ['--store', store, 'compact'],
		failed: ({ store }) => assert.equal(accounts(store), 1),
		done: ({ store }) => assert.equal(accounts(store), 1),
	},
	import: {
		words: ({ store, lines }) => ['--store', store, 'import', lines],
		failed: ({ store, lines }) => {
			// By its keys the rest of it is done once.
			const { status, stderr } = control(['--store', store, 'import',
				lines]);
			assert.equal(status, 0, stderr);
			assert.equal(operate(store, 'stats').tables?.intents ?? 20, 20);
		},
		done: () => {},
	},
	migrate: {
		words: ({ schema }) => ['--store', schema, 'migrate'],
		failed({ schema }, again) {
			const { status, stderr } = again();
			assert.equal(status, 0, stderr);
			assert.deepEqual(tablesOf(schema), makeOld().migrated);
		},
		done: ({ schema }) =>
			assert.deepEqual(tablesOf(schema), makeOld().migrated),
	},
	export: {
		words: ({ filled, file }) => ['--store', filled, 'export', file],
		failed({ filled, file }, again) {
			// Whole, or not there.
			if (existsSync(file))
				isExport(file);
			rmSync(file, { force: true });
			const { status, stderr } = again();
			assert.equal(status, 0, stderr);
			isExport(file);
			assert.deepEqual(tablesOf(filled).intents, 20);
		},
		done: ({ file }) => isExport(file),
	},
	purge: {
		words: ({ filled }) => ['--store', filled, 'purge', '--yes',
			'--events-before', new Date(days(5) * 1000).toISOString()
				.replace(/\.\d+/, '')],
		failed({ filled }, again) {
			const { events, ...others } = tablesOf(filled);
			assert.ok(events <= makeOld().rows.events);
			assert.equal(others.intents, 20);
			const { status, stderr } = again();
			assert.equal(status, 0, stderr);
			assert.deepEqual(tablesOf(filled), makeOld().purged);
		},
		done: ({ filled }) =>
			assert.deepEqual(tablesOf(filled), makeOld().purged),
	},
	verify: {
		words: ({ store }) => ['--store', store, 'verify'],
		failed: () => {},
		done: () => {},
	},
};

function makePlace(folder) {
	const shop = makeShop();
	rmSync(folder, { recursive: true });
	mkdirSync(folder);
	const at = (name) => join(folder, name);
	const { filled, schema } = makeOld();
	copyFileSync(shop.store, at('intents.mdb'));
	copyFileSync(shop.store, at('other.mdb'));
	copyFileSync(filled, at('filled.mdb'));
	copyFileSync(schema, at('schema.mdb'));
	writeFileSync(at('lines'), lines());
	return { store: at('intents.mdb'), other: at('other.mdb'),
		lines: at('lines'), fresh: at('fresh.mdb'),
		filled: at('filled.mdb'), schema: at('schema.mdb'),
		file: at('all.json') };
}

function operateUnder(folder, { words, failed, done }, fault) {
	const place = makePlace(folder);
	const plan = new Control(join(folder, 'control'));
	const what = `${words(place)} ${JSON.stringify(fault)}`;
	plan.arm(fault);
	const { status, signal, stderr } = control(words(place),
		plan.environment);
	const struck = plan.struck();
	plan.close();
	const aborted = fault.call === 'malloc' && outOfMemory.test(stderr);
	assert.equal(signal, aborted ? 'SIGABRT' : null, `${what}: ${stderr}`);
	if (status !== 0) {
		assert.equal(status, aborted ? null : 1, `${what}: ${stderr}`);
		if (fault.call !== 'write' && !aborted)
			assert.match(stderr, /^intentctl: .{8,}\n/m, what);
		failed(place, () => control(words(place)));
		note('intentctl: refused');
	} else {
		done(place);
		note(struck > 0 ? 'intentctl: done all the same'
			: 'intentctl: not hit');
	}
	isSound(place.store);
	const left = readdirSync(folder).filter((name) =>
		/\.new|\.tmp|~$|\.[A-Za-z0-9]{6}$/.test(name));
	assert.deepEqual(left, [], `${what}: nothing half done is left`);
	return struck > 0;
}

describe('intentctl', () => {
	for (const [name, command] of Object.entries(commands))
		test(name, async (t) => {
			const folder = folderOf(t);
			for (const pair of chosen(pairsOf(faults), 2))
				await sweep('intentctl', pair, (fault) =>
					operateUnder(folder, command, fault), 6);
		});
});

test('no row is in vain', (t) => hits.settle(t));
