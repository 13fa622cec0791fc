// A server's load, recorded and cut: what every cut must leave of it.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from
	'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { amount, seedOf } from '../http/amount.mjs';
import { parse, verifyLog, whenCopied } from '../http/audit.mjs';
import { until as poll } from '../http/fixtures.mjs';
import { startServer } from '../http/harness.mjs';
import { readList } from '../http/load.mjs';
import { randomOf } from '../http/random.mjs';
import { behave, startReceiver } from '../http/receiver.mjs';
import { events as eventsPath } from '../http/webhook_fixtures.mjs';
import { Disk, cuts, sectorBytes } from './power_disk.mjs';
import { BookedLoad, History, assertReplayed, assertRetried, neededBy,
	needsOfLines, needsOfTold, readFacts } from './power_load.mjs';
import { kind, saidIn, startRecording } from './power_log.mjs';
import { Places, control, layDown } from './power_trial.mjs';

const store = 'intents.mdb';
const auditLog = 'audit.log';
const names = [store, auditLog];

// LMDB's two meta pages are the first of the file, and nothing else is so short.
const metaEnd = 8192;
const isMeta = ({ position, bytes }) =>
	position < metaEnd && bytes.length < metaEnd / 2;

// -- The load ----------------------------------------------------------------

// What a first start of scripts/run makes, of which this one is no test.
async function makeShop(dir, { store_bytes: bytes }) {
	mkdirSync(dir, { mode: 0o700 });
	const config = join(dir, 'intentd.conf');
	writeFileSync(config, `store_bytes = ${bytes}\n`);
	const ctl = async (...words) => {
		const { status, stdout, stderr } = await control(join(dir, store),
			'--config', config, ...words, '--json');
		assert.equal(status, 0, stderr);
		return JSON.parse(stdout);
	};
	await ctl('init');
	const account = await ctl('account', 'create', '--name', 'Shop');
	const merchant = await ctl('merchant', 'create', '--name', 'Shop');
	const key = async (mode, type) => (await ctl('key', 'create', '--mode',
		mode, '--type', type, '--account', account.id, '--name', 'x')).secret;
	writeFileSync(join(dir, 'demo.keys'), [
		`TEST_KEY=${await key('test', 'secret')}`,
		`LIVE_KEY=${await key('live', 'secret')}`,
		`TEST_PUBLISHABLE_KEY=${await key('test', 'publishable')}`,
		`MERCHANT_ID=${merchant.id}`, ''].join('\n'));
	writeFileSync(config, '');
}

// A server with `settings` and a store, recorded for `posts` of a mixed load.
export async function recordLoad(t, tools, { settings, posts, ...faults }) {
	const home = mkdtempSync(join(tmpdir(), 'intentd-power-'));
	t.after(() => rmSync(home, { recursive: true, force: true }));
	const dir = join(home, 'data');
	await makeShop(dir, settings);
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const own = { ...settings, audit_log: join(dir, auditLog),
		allow_private_webhooks: 'yes', webhook_ports: '*',
		webhook_ca_file: receiver.caFile };
	const recording = startRecording(tools, dir, names, faults);
	const server = await startServer({ home, settings: own,
		environment: recording.environment });
	const load = new BookedLoad(server);
	receiver.answer('/hook', (exchange) => {
		recording.say(exchange.request.headers['webhook-id']);
		behave.status(200)(exchange);
	});
	try {
		await load.hear(receiver);
		await load.runPosts(posts);
		await receiver.until((all) => all.length > 0);
	} finally {
		await server.halt();
	}
	const events = recording.events();
	assert.ok(load.told.length > posts);
	const heard = receiver.of('/hook').map(({ headers, body }) => ({
		request: headers['webhook-id'], id: headers['webhook-id'],
		facts: `event ${JSON.parse(body).type}` }));
	return { home, settings: own, base: recording.base, events, load,
		receiver, told: [...load.told, ...heard], said: saidIn(events) };
}

// -- The order of the calls --------------------------------------------------

// What the recording itself shows: when a meta page is written, all that it
// leads to has been flushed, and it lies in one sector, which is old or new.
export function findDisorder({ base, events }) {
	const disk = new Disk(base);
	const found = [];
	for (const event of events) {
		const { kind: what, position, bytes, value, inode } = event;
		const isMetaWrite = what === kind.write && isMeta(event) &&
			disk.inodes.get(inode) === disk.names.get(store);
		if (isMetaWrite && value !== 1)
			found.push('a meta page is not written with O_DSYNC');
		if (isMetaWrite && disk.inodes.get(inode).pending.length > 0)
			found.push('a meta page is written before its pages');
		if (isMetaWrite && Math.floor(position / sectorBytes) !==
				Math.floor((position + bytes.length - 1) / sectorBytes))
			found.push('a meta page lies in two sectors');
		disk.step(event);
	}
	return found;
}

// -- What each transaction has -----------------------------------------------

// Of the store after each of its commits, as if no cut had come.
async function readTransactions({ base, events }, places) {
	const found = new Map();
	const look = async (place) => {
		const { last, sum, lines } = await place.contents(store);
		found.set(last, { sum, lines, facts: await readFacts(place, store) });
	};
	const disk = new Disk(base);
	const metas = new Set();
	await places.begin(() => disk.files(() => true), look);
	for (const event of events) {
		disk.step(event);
		if (event.kind === kind.write && isMeta(event) &&
				disk.inodes.get(event.inode) === disk.names.get(store))
			metas.add(event.call);
		if (event.kind === kind.end && metas.has(event.call))
			await places.begin(() => disk.files(() => true), look);
	}
	await places.settle();
	return new Map([...found].sort(([a], [b]) => a - b));
}

// The last line of the audit log after each transaction, and the last one that
// the store relies on the file for.
function headsOf(transactions) {
	let head = 0;
	return [...transactions].map(([number, { lines: [first, last] }]) => {
		head = last || head;
		return { number, head, copied: (first || head + 1) - 1 };
	});
}

// Which bytes of the audit log the store relies on, by its transaction.
function copiedBytes(heads, bytes) {
	const ends = [0];
	for (let end = bytes.indexOf(10); end >= 0;
		end = bytes.indexOf(10, end + 1))
		ends.push(end + 1);
	const needed = new Map();
	for (const { number, copied } of heads) {
		assert.ok(ends[copied] !== undefined, `line ${copied} is lost`);
		needed.set(number, ends[copied]);
	}
	return needed;
}

// -- The cuts ----------------------------------------------------------------

function countCuts({ base, events }, samples) {
	let count = 0;
	for (const cut of cuts(new Disk(base), events, Math.random, samples))
		count += cut.way === 'settled' ? 0 : 1;
	return count;
}

// Tries cuts of a recorded load, at most `states` of them, evenly, and returns
// the figures, and what was wrong.
export async function judge(t, tools, recorded, options) {
	const { samples, states, seed, restarts = 0 } = options;
	const { base, events, load, said } = recorded;
	const random = randomOf(seed);
	const folder = mkdtempSync(join(options.folder, 'cuts-'));
	const places = new Places(tools, folder, options.places ?? 3);
	t.after(() => places.close());
	const transactions = await readTransactions(recorded, places);
	if (places.failures.length > 0)
		return { failures: places.failures };
	const history = new History();
	for (const [number, { facts }] of transactions)
		history.add(number, facts);
	const last = new Disk(base);
	events.forEach((event) => last.step(event));
	const audit = last.files(() => true).get(auditLog)?.bytes
		?? Buffer.alloc(0);
	const heads = headsOf(transactions);
	const copied = copiedBytes(heads, audit);
	const needed = neededBy([
		...needsOfTold(history, recorded.told, said),
		...needsOfLines(heads, audit.toString().trim().split('\n').map(parse),
			said)]);

	async function check(place, files, until) {
		await place.assertSound(store);
		const there = await place.contents(store);
		assert.ok(there.last >= needed(until), 'lost: transaction ' +
			`${needed(until)} was told of, ${there.last} is there`);
		assert.equal(there.sum, transactions.get(there.last)?.sum,
			`transaction ${there.last} is another one`);
		const bytes = copied.get(there.last);
		const lines = files.get(auditLog)?.bytes ?? Buffer.alloc(0);
		assert.ok(lines.subarray(0, bytes).equals(audit.subarray(0, bytes)),
			'lines of the audit log are lost');
	}
	const chance = states / countCuts(recorded, samples);
	const figures = { transactions: transactions.size,
		answers: load.answered.length, told: recorded.told.length,
		heard: recorded.receiver.count('/hook'), states: 0 };
	const disk = new Disk(base);
	const kept = [];
	let total = 0;
	for (const { way, files, until } of cuts(disk, events, random, samples)) {
		if (way === 'settled')
			continue;
		total++;
		if (random() >= chance)
			continue;
		figures.states++;
		figures[way] = (figures[way] ?? 0) + 1;
		if (places.failures.length < (options.enough ?? 20))
			await places.begin(files, (place, images) =>
				check(place, images, until).catch((error) => {
					error.message = `${way}: ${error.message}`;
					throw error;
				}));
		if (restarts > 0 && random() < 4 * restarts / states)
			kept.push({ files: files(), until, way });
	}
	await places.settle();
	const every = Math.max(1, Math.floor(kept.length / restarts));
	Object.assign(figures, disk.counts, { cuts: total, restarts: 0,
		retried: 0, retriedThere: 0 });
	for (const one of kept.filter((_, i) => i % every === 0)
		.slice(0, restarts)) {
		figures.restarts++;
		await restart(recorded, one, folder, figures);
	}
	return { figures, failures: places.failures };
}

// -- A real server on what is left -------------------------------------------

const replaysMax = 40;
const retriesMax = 12;

// Answers what was answered, once what was not, tells what was not told, and
// goes on with the audit log.
async function restart(recorded, { files, until }, folder, figures) {
	const home = mkdtempSync(join(folder, 'home-'));
	const data = join(home, 'data');
	cpSync(recorded.home, home, { recursive: true,
		filter: (path) => !path.endsWith('recorded') });
	rmSync(join(data, auditLog), { force: true });
	rmSync(join(data, store));
	layDownOver(data, files);
	const known = new Set((await readFacts({ folder: data, ctl: (name, ...words) =>
		control(join(data, name), ...words) }, store)).keys());
	// Beyond every lease.
	const server = await startServer({ home, settings: { ...recorded.settings,
		audit_log: join(data, auditLog), clock_offset_s: 60 } });
	const saidAt = ({ answer }) =>
		recorded.said.get(answer.headers['request-id']);
	try {
		const requests = [...recorded.load.answered].sort((a, b) =>
			saidAt(a) - saidAt(b));
		const [told, untold] = [true, false].map((is) =>
			requests.filter((one) => (saidAt(one) < until) === is));
		await assertReplayed(server, told.slice(-replaysMax));
		const retried = await assertRetried(server, untold, known, retriesMax);
		figures.retried += retried.all;
		figures.retriedThere += retried.there;
		await assertHeard(server, recorded.receiver);
		server.auditLog = join(data, auditLog);
		await whenCopied(server);
		const checked = verifyLog(server, server.auditLog);
		assert.equal(checked.status, 0, checked.stderr + checked.stdout);
	} finally {
		await server.stop();
	}
}

// Whatever has happened since the endpoint was there is heard of in the end.
async function assertHeard(server, receiver) {
	const heard = () => new Set(receiver.of('/hook').map(({ headers }) =>
		headers['webhook-id']));
	const [endpoint] = (await server.ctl('webhook', 'list')).data;
	if (endpoint === undefined)
		return;
	const all = await readList(server, eventsPath);
	await poll(() => pause(20), () => all.every(({ id }) =>
		heard().has(id)), 1500);
	assert.deepEqual(all.map(({ id }) => id)
		.filter((id) => !heard().has(id)), []);
}

// Beside what else is there.
function layDownOver(folder, files) {
	const scratch = mkdtempSync(join(folder, 'scratch-'));
	layDown(scratch, files);
	for (const name of files.keys())
		cpSync(join(scratch, name), join(folder, name));
	rmSync(scratch, { recursive: true });
}

// -- What tests say alike ---------------------------------------------------------

const MiB = 1 << 20;
// A store that begins as small as it may, and grows on the way.
export const settings = { store_bytes: MiB, store_bytes_max: 64 * MiB,
	sweep_interval_ms: 10, public_url: 'http://shop.example' };

export const seed = seedOf('POWER_SEED');

export const lengths = {
	posts: amount('POWER_POSTS', { short: 12, long: 400 }),
	states: amount('POWER_STATES', { short: 20, long: 3000 }),
	samples: amount('POWER_SAMPLES', { short: 3, long: 9 }),
	restarts: amount('POWER_RESTARTS', { short: 1, long: 12 }),
	rounds: amount('POWER_ROUNDS', { short: 1, long: 2 }),
};

export function tellFigures(t, figures) {
	t.diagnostic(`seed ${seed}: ` + Object.entries(figures)
		.map(([name, count]) => `${count} ${name}`).join(', '));
}
