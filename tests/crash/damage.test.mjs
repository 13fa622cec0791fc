// A store's file that is cut off, or has a bit that is another one: what comes
// of it are the same answers as before, where the bit was nobody's, or a refusal
// that says what is wrong; never a crash, and never something else as an answer.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync,
	truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { amount, seedOf } from '../http/amount.mjs';
import { Server, control, crashesIn, randomOf, startFaulty } from
	'./faulty.mjs';

const pageBytes = 4096;
const seed = seedOf('DAMAGE_SEED');
const random = randomOf(seed);
let folder;
let whole; // the bytes of a store with all kinds of rows
let exported;
let sample; // {testKey}, and an intent of it

// As much as an intent may carry: values that take pages of their own.
const metadata = Object.fromEntries(Array.from({ length: 50 },
	(_, i) => [`key_${i}`, 'v'.repeat(500)]));

const objectsOf = (text) => text.trimEnd().split('\n').slice(0, -1).join('\n');

function objectsIn(file, what) {
	const { status, signal, stdout } = control(['--store', file, 'export',
		'-']);
	assert.deepEqual([status, signal], [0, null], `${what}: export`);
	return objectsOf(stdout);
}

async function fill(server) {
	const post = (path, json, key) => server.until('POST', path, { json, key });
	await post('/v1/customers', { email: 'a@shop.example' });
	await post('/v1/webhook_endpoints', { url: 'https://shop.invalid/hook',
		enabled_events: ['*'] });
	for (let i = 0; i < 60; i++) {
		const { body } = await post('/v1/payment_intents', { amount: 2000,
			currency: 'usd', payment_method: 'pm_card_visa',
			confirm: true, ...i % 20 === 0 ? { metadata } : {} }, `${i}`);
		if (i % 3 === 0)
			await post('/v1/refunds', { payment_intent: body.id,
				amount: 500 });
		sample = { testKey: server.testKey, id: body.id, intent: body };
	}
	for (let i = 0; i < 10; i++)
		await post('/v1/payment-intents', { amount: 4.5, currency: 'usd',
			merchant_id: server.merchant, idempotency_key: `coin-${i}` });
}

before(async () => {
	folder = mkdtempSync(join(tmpdir(), 'intentd-damage-'));
	const ends = [];
	const server = await startFaulty({ after: (end) => ends.push(end) },
		{ settings: { couriers: 0 } });
	server.merchant = JSON.parse(control(['--store', server.store, 'merchant',
		'list', '--json']).stdout).data[0].id;
	await fill(server);
	await server.stop();
	exported = objectsIn(server.store, 'whole');
	whole = readFileSync(server.store);
	for (const end of ends)
		await end();
});
after(() => rmSync(folder, { recursive: true }));

// Where LMDB says that the file's contents end.
const usedPages = () => Number([16 + 120, pageBytes + 16 + 120]
	.map((at) => whole.readBigUInt64LE(at))
	.reduce((one, other) => one > other ? one : other)) + 1;

let count = 0;

function damagedCopy(change) {
	const file = join(folder, `${++count}.mdb`);
	const bytes = change(Buffer.from(whole)) ?? whole;
	writeFileSync(file, bytes);
	return file;
}

const drop = (file) => [file, `${file}-lock`].forEach((name) =>
	rmSync(name, { force: true }));

const figures = {};
const note = (outcome) => { figures[outcome] = (figures[outcome] ?? 0) + 1; };

// What intentctl makes of it; a text that names what is wrong, or '' where
// nothing is.
function examine(file, what) {
	const verified = control(['--store', file, 'verify']);
	assert.equal(verified.signal, null, `${what}: verify: ${verified.signal}`);
	assert.ok([0, 1].includes(verified.status), `${what}: ${verified.stderr}`);
	if (verified.status === 1) {
		const said = verified.stdout + verified.stderr;
		assert.match(said, /: .{8,}/, what);
		return said;
	}
	const objects = objectsIn(file, what);
	// Coins may have expired since.
	if (objects !== exported)
		exported = objectsIn(damagedCopy(() => undefined), 'whole');
	assert.equal(objects, exported, `${what}: other objects`);
	return '';
}

// -- Bits --------------------------------------------------------------------

const kinds = { 1: 'branch', 2: 'leaf', 4: 'overflow', 8: 'meta' };

function kindOf(page) {
	const flags = whole.readUInt16LE(page * pageBytes + 10);
	return whole.readBigUInt64LE(page * pageBytes) === BigInt(page)
		? kinds[flags] ?? 'other' : 'other';
}

function flip(at, bit) {
	const page = Math.floor(at / pageBytes);
	const what = `bit ${bit} of byte ${at % pageBytes} of page ${page} ` +
		`(${kindOf(page)}), seed ${seed}`;
	const file = damagedCopy((bytes) => {
		bytes[at] ^= 1 << bit;
		return bytes;
	});
	const said = examine(file, what);
	drop(file);
	const outcome = said === '' ? 'of no matter'
		: /^intentctl/.test(said) ? 'refused' : 'found';
	note(`${kindOf(page)}: ${outcome}`);
	return said;
}

// The keys of rows without a value: by one bit beyond what any key has.
function lengthenKeys(bytes, page) {
	const begin = page * pageBytes;
	let changed = 0;
	if (kindOf(page) !== 'leaf')
		return changed;
	for (let at = 16; at < bytes.readUInt16LE(begin + 12); at += 2) {
		const node = bytes.readUInt16LE(begin + at);
		const length = bytes.readUInt16LE(begin + node + 6);
		if (bytes.readUInt32LE(begin + node) !== 0 || length >= 128 ||
				node + 8 + length + 128 > pageBytes)
			continue;
		bytes[begin + node + 6] ^= 128;
		changed++;
	}
	return changed;
}

describe('a bit that is another one', () => {
	after(() => console.log(`# seed ${seed}: ${JSON.stringify(figures)}`));

	test('anywhere in the file is found or of no matter', () => {
		const times = amount('DAMAGE_FLIPS', { short: 10, long: 6000 });
		for (let i = 0; i < times; i++)
			flip(random(usedPages() * pageBytes), random(8));
	});

	test('in what LMDB itself needs, likewise', () => {
		const times = amount('DAMAGE_HEADS', { short: 10, long: 6000 });
		for (let i = 0; i < times; i++) {
			const page = random(3) === 0 ? random(2) : random(usedPages());
			flip(page * pageBytes + random(page < 2 ? 152 : 48), random(8));
		}
	});

	// Rows without a value: what lies behind them is on the page all the same.
	test('in the length of a key is refused, and the page is named',
		async (t) => {
			let changed = 0;
			const file = damagedCopy((bytes) => {
				for (let page = 2; page < usedPages(); page++)
					changed += lengthenKeys(bytes, page);
				return bytes;
			});
			assert.ok(changed > 20);
			assert.match(examine(file, 'a key'),
				/Page \d+ of the store's file .*a key is longer than any/);
			const server = new Server(t, { store: file,
				testKey: sample.testKey, settings: { couriers: 0 } })
				.spawn();
			await server.whenLogged(/message="ready/);
			const { status, body } = await server.request('GET',
				'/v1/events?limit=100');
			assert.deepEqual([status, body.error.code],
				[500, 'internal_error']);
			// No record is at fault that could be named.
			await server.whenLogged(
				/message="the store is damaged; run: intentctl verify"/);
			assert.doesNotMatch(server.log(), /signal/);
			await server.stop();
		});

	// The record's own checksum: the message names its table and its id.
	test('in a record is refused, and the record is named', async (t) => {
		const file = damagedCopy((bytes) => {
			const mark = Buffer.from('pm_card_visa');
			let at = -1;
			// Of every charge and intent, also in pages that are free.
			while ((at = bytes.indexOf(mark, at + 1)) >= 0)
				bytes[at + 3] ^= 1;
			return bytes;
		});
		const said = examine(file, 'a record');
		assert.match(said, new RegExp(
			`^intents ${sample.id}: its length or its checksum is wrong$`,
			'm'));
		const server = await new Server(t,
			{ store: file, testKey: sample.testKey }).start()
			.catch((error) => assert.fail(error));
		const answer = await server.request('GET',
			`/v1/payment_intents/${sample.id}`);
		assert.equal(answer.status, 500, answer.text);
		assert.equal(answer.body.error.code, 'internal_error');
		const refused = await server.request('POST', '/v1/refunds', { json: {
			payment_intent: sample.id, amount: 1 } });
		assert.equal(refused.status, 500, refused.text);
		assert.deepEqual(crashesIn(server.log()), []);
	});

	test('in the lock file is nothing that a start does not mend',
		async (t) => {
			const file = damagedCopy(() => undefined);
			control(['--store', file, 'stats']);
			const lock = readFileSync(`${file}-lock`);
			for (let i = 0; i < 20; i++)
				lock[random(lock.length)] ^= 1 << random(8);
			writeFileSync(`${file}-lock`, lock);
			const server = await new Server(t,
				{ store: file, testKey: sample.testKey }).start();
			assert.deepEqual((await server.request('GET',
				`/v1/payment_intents/${sample.id}`)).body, sample.intent);
			assert.deepEqual(server.verify().findings, []);
		});
});

// -- Length ------------------------------------------------------------------

describe('a file that is cut off', () => {
	const lengths = {
		'to nothing': () => 0,
		'to one byte': () => 1,
		'in the first meta page': () => 100,
		'in the second meta page': () => pageBytes + 100,
		'behind the meta pages': () => 2 * pageBytes,
		'to half': () => Math.floor(usedPages() / 2) * pageBytes,
		'in its last page': () => usedPages() * pageBytes - 1,
		'by its last page': () => (usedPages() - 1) * pageBytes,
	};
	for (const [name, length] of Object.entries(lengths))
		test(`${name} is refused by server and intentctl`, async (t) => {
			const file = damagedCopy(() => undefined);
			truncateSync(file, length());
			for (const words of [['verify'], ['stats'], ['export', '-'],
				['account', 'list'], ['backup', `${file}.copy`],
				['compact'], ['migrate']]) {
				const { status, signal, stderr } = control(
					['--store', file, ...words]);
				assert.deepEqual([status, signal], [1, null],
					`${words}: ${stderr}`);
				assert.match(stderr, /^intentctl: \S+: (The store's file|The file|Page \d+ of the store's file).*\.\n$/,
					`${words}`);
			}
			const server = new Server(t,
				{ store: file, testKey: sample.testKey }).spawn();
			const { code, signal } = await server.ended;
			assert.deepEqual([code, signal], [1, null]);
			assert.match(server.log(), /(The store's file|The file|Page \d+ of the store's file)/);
			assert.equal(statSync(file).size, length());
		});

	test('under a running server ends workers, and says why', async (t) => {
		const file = damagedCopy(() => undefined);
		// No courier: a commit would write behind the end, and what is
		// before that would be zeros instead of missing.
		const server = await new Server(t, { store: file,
			testKey: sample.testKey,
			settings: { restarts_max: 5, couriers: 0 } }).start();
		truncateSync(file, 2 * pageBytes);
		const { status } = await server.request('GET',
			`/v1/payment_intents/${sample.id}`);
		assert.ok([0, 500, 503].includes(status), `${status}`);
		await server.whenLogged(/worker \d+ .*signal 7.*intentctl verify/);
		await server.whenLogged(/shorter than its contents/);
		await server.whenLogged(/EMERGENCY: more than 5 deaths of a worker/);
		await server.stop();
		writeFileSync(file, whole);
		await server.start();
		assert.deepEqual((await server.request('GET',
			`/v1/payment_intents/${sample.id}`)).body, sample.intent);
	});
});
