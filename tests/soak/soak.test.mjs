// Mixed load of both contracts at a rate that holds, with reloads, hand-overs
// and kills going on: nothing grows, nothing gets slower, nothing is lost.
//
// The load is in rounds.  Each has a rough part, in which everything is done to
// the server that can be, and a steady part, in which one worker, a courier and
// the committer are left alone and all others are killed now and then: what
// grows shows in those.  After it the load ends, the server is looked at in its
// rest, and its clock jumps by days, so that keys and events become old and the
// store's data of that kind stops growing; payments are never forgotten.  In
// the long form a stretch follows, of more than half of the time, through which
// the same processes live: what grows slowly shows there.
//
// The short form does each thing once, and as much as it takes.
//
// SOAK_SECONDS, SOAK_ROUNDS, SOAK_RATE (requests a second; 0: the highest that holds is
// found, and 80% of it used), SOAK_SEED
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync,
	writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { median } from '../bench/statistics.mjs';
import { amount, isLong } from '../http/amount.mjs';
import { assertOk, startServer } from '../http/harness.mjs';
import { createCoinAccount } from '../http/stable_fixtures.mjs';
import { cardEndpoints, createEndpoint, stableEndpoints }
	from '../http/webhook_fixtures.mjs';
import { closeBook } from './book.mjs';
import { Disturber, everything, until } from './disturb.mjs';
import { Drivers, p99Of } from './drivers.mjs';
import { growthOf, isWorse, thinned } from './growth.mjs';
import { randomOf } from './random.mjs';
import { Sink } from './sink.mjs';
import { Watch, filesOf, lookAll, mostByKind, othersOf, supervisorOf }
	from './watch.mjs';

const seconds = amount('SOAK_SECONDS', { short: 5, long: 3600 });
const givenRate = amount('SOAK_RATE', { short: 40, long: 0 });
const stretchSeconds = isLong ? seconds * 0.6 : 0;
const rounds = amount('SOAK_ROUNDS', { short: 1,
	long: Math.max(1, Math.round((seconds - stretchSeconds) / 160)) });
const roundSeconds = (seconds - stretchSeconds) / rounds;
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 31);
const roughShare = 0.4; // of a round
// Sixty to a round, so that many are far from a kill.
const windowMs = Math.max(1000, roundSeconds * 1000 / 60);
const watchMs = isLong ? 2000 : 400;
const killsEach = 5; // of a steady part, the parts into which they cut it
const stretchKillS = 30; // between two kills of the stretch
const drivers = isLong ? 2 : 1;
const workers = 3;
const dayS = 24 * 3600;
const jumpS = 3 * dayS; // events are kept for 7
// How long after a kill a client may see of it: the web server tries for some
// seconds to reach who does not answer, and what was held up comes all at once.
const blamedMs = 10000;

/*
 * Commands at once before a process is measured, more than all places of all
 * workers: each place (40 KiB, settings.def) was used then, and a batch was as
 * large as one can be, whose pages LMDB keeps for the next ones.
 */
const burst = isLong ? 512 : 256;
const bursts = isLong ? 4 : 1; // the web server spreads them by chance
/*
 * What a process may grow by in a steady part of a minute or two, and from one
 * round to the next, in which it is another process.
 */
const growthMost = 512 * 1024;
/*
 * And in the last three quarters of the stretch, however long it is: a leak of
 * half a megabyte an hour is beyond it from 2400 s on.
 */
const stretchMost = 128 * 1024;
/*
 * A courier takes some 50 KiB for each connection, of which it has up to 8 to
 * each of two endpoints; of its deliveries courier.test.mjs tells more.
 */
const stretchMore = { courier: 1024 * 1024 };
const filesMost = 8; // descriptors that come and go with connections
/*
 * Pages that are free, below which nothing is said of them: what is written
 * while a backup or verify reads is not used again before its end.
 */
const freeMost = 16 * 1024 * 1024;
/*
 * A courier keeps connections to receivers open, and looks after them when it
 * uses them next: those of two endpoints with webhooks_per_endpoint (8) each.
 */
const restMore = { courier: 16 };

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(2)} MiB`;

// -- The stage ---------------------------------------------------------------

async function openServer(t, sink) {
	const home = mkdtempSync(join(tmpdir(), 'intentd-soak-'));
	// Also where the server is never known to have started.
	process.once('exit', () => rmSync(home, { recursive: true, force: true }));
	const conf = 'event_retention_days = 7\n';
	mkdirSync(join(home, 'data'));
	writeFileSync(join(home, 'data', 'intentd.conf'), conf);
	const logFile = join(home, 'intentd.log');
	const server = await startServer(t, { home, conf, workers, settings: {
		log: logFile, audit_log: join(home, 'audit.log'),
		restart_backoff_ms: 0, restarts_max: 0, couriers: 2,
		allow_private_webhooks: 'yes', webhook_ports: '*',
		webhook_ca_file: sink.receiver.caFile } });
	return Object.assign(server, { logFile, workers });
}

async function openWorld(server, sink) {
	const account = await createCoinAccount(server);
	await createEndpoint(server, { url: sink.url('/cards'),
		enabled_events: ['payment_intent.succeeded'] });
	assertOk(await server.request('POST', stableEndpoints, {
		key: account.testKey, json: { url: sink.url('/coins'),
			enabled_events: ['payment_intent.confirmed'] } }), 201);
	return { baseUrl: server.baseUrl, testKey: server.testKey,
		coinKey: account.testKey, merchantId: account.merchantId };
}

async function openStage(t) {
	const random = randomOf(seed + drivers);
	const sink = await new Sink().open(random);
	t.after(() => sink.close());
	const server = await openServer(t, sink);
	const world = await openWorld(server, sink);
	const load = new Drivers();
	t.after(() => load.close());
	const books = Array.from({ length: drivers }, (_, number) =>
		join(server.home, `book.${number}`));
	await load.open(world, books, seed);
	if (isLong)
		load.measure = othersOf(server);
	const watch = new Watch(server);
	t.after(() => watch.close());
	const stage = { t, server, sink, load, books, watch, random,
		disturber: new Disturber(server, random),
		rests: [], restless: [], steady: [], say: sayOf(t) };
	if (isLong)
		t.after(() => clearInterval(progress));
	const progress = isLong && setInterval(() => sayProgress(stage), 60000);
	return stage;
}

// What a test says of itself comes at its end, which a run that is cut off does
// not have.
function sayOf(t) {
	return (text) => {
		t.diagnostic(text);
		if (isLong)
			process.stderr.write(`${text}\n`);
	};
}

function sayProgress({ load, watch, disturber }) {
	const late = load.windows.slice(-Math.ceil(60000 / windowMs));
	const memory = {};
	for (const { kind, points } of watch.seen.values())
		if (points.at(-1)[0] > watch.seconds - 10)
			memory[kind] = Math.max(memory[kind] ?? 0, points.at(-1)[1]);
	process.stderr.write(`${watch.seconds.toFixed(0)} s, ${load.part}: ` +
		`${load.answers} answers, p99 ${median(late.map(p99Of)).toFixed(1)} ` +
		`ms, others ${median(late.map((one) => one.others)).toFixed(2)} ` +
		`cores, ${load.failures.length} failures, ${load.errors.length} ` +
		`errors, ${disturber.kills.length} kills, ` +
		`${watch.readers.at(-1)?.[1]} readers; ` + Object.entries(memory)
			.map(([kind, most]) => `${kind} ${mib(most)}`).join(', ') + '\n');
}

// -- At rest -----------------------------------------------------------------

// Nobody asks for anything: what is open then is what is kept.
async function lookAtRest(stage) {
	const { server, disturber } = stage;
	await disturber.settle();
	const { baseline } = stage;
	let found;
	const isSame = () => {
		const all = lookAll(server);
		found = mostByKind(all);
		return !baseline || Object.entries(baseline).every(
			([kind, { files, threads, processes }]) =>
				found[kind]?.files <= files + (restMore[kind] ?? 0) &&
				found[kind]?.threads <= threads &&
				found[kind]?.processes <= processes);
	};
	await until(isSame, 'rest').catch(() => stage.restless.push({
		before: baseline, now: found, files: lookAll(server).map(
			({ kind, pid }) => [kind, pid, filesOf(pid)]) }));
	stage.baseline ??= found;
	return found;
}

const placesOf = (server) => readdirSync(server.dir).sort();

async function lookAtStore({ server, disturber }) {
	const stats = await disturber.ctl('stats');
	const rows = Object.values(stats.tables).reduce((sum, n) => sum + n, 0);
	const live = stats.used_bytes - stats.free_bytes;
	return { used: stats.used_bytes, free: stats.free_bytes, live, rows,
		disk: stats.disk_bytes, each: live / rows, readers: stats.readers,
		tables: stats.tables,
		audit: statSync(join(server.home, 'audit.log')).size };
}

// -- A round -----------------------------------------------------------------

// Everything once, and in the long form again for as long as it lasts.
async function beRough(stage, lasts) {
	const { watch, disturber, random } = stage;
	const gap = isLong ? lasts / everything.length : 0;
	const end = watch.seconds + lasts;
	for (let at = 0; at < everything.length ||
		(isLong && watch.seconds < end); at++) {
		const next = watch.seconds + gap * (0.5 + random());
		await everything[at % everything.length](disturber);
		await rest(Math.max(0, next - watch.seconds) * 1000);
	}
	await disturber.settle();
}

// Who is not left alone is killed, at the same pace each time.
async function beSteady(stage, lasts, parts) {
	const { watch, disturber, server, load } = stage;
	const { part } = load;
	load.part = 'burst';
	for (let at = 0; at < bursts; at++)
		await load.burst(burst);
	load.part = part;
	const status = await disturber.status();
	const pidsOf = (kind) => status.processes
		.filter((one) => one.kind === kind).map(({ pid }) => pid);
	const but = [...pidsOf('worker').slice(1), ...pidsOf('courier').slice(1)];
	const victims = ['worker', 'monitor', 'sweeper', 'courier'];
	const gap = lasts / parts;
	const from = watch.seconds;
	for (let at = 0; at + 1 < parts; at++) {
		await rest(gap * 1000);
		await disturber.kill(victims[at % victims.length], { but });
	}
	await rest(gap * 1000);
	return { from, until: watch.seconds,
		kept: [...but, ...pidsOf('committer'), supervisorOf(server)] };
}

async function round(stage, number, rate) {
	const { load, disturber, say } = stage;
	load.part = `rough ${number}`;
	load.run(rate, windowMs);
	await beRough(stage, roundSeconds * roughShare);
	load.part = `steady ${number}`;
	stage.steady.push(await beSteady(stage,
		roundSeconds * (1 - roughShare), killsEach));
	load.part = 'rest';
	await load.drain();
	stage.rests.push({ ...await lookAtStore(stage),
		most: await lookAtRest(stage) });
	const { used, free, rows } = stage.rests.at(-1);
	say(`round ${number}: ${load.answers} answers, ${rows} rows, used ` +
		`${mib(used)}, free ${mib(free)}`);
	if (number + 1 < rounds || isLong) {
		load.forget();
		await disturber.jump(jumpS);
		await disturber.purge();
	}
}

// Through which the same processes live.
async function stretch(stage, rate) {
	const { load } = stage;
	load.part = 'stretch';
	load.run(rate, windowMs);
	const parts = Math.max(2, Math.round(stretchSeconds / stretchKillS));
	stage.stretch = await beSteady(stage, stretchSeconds, parts);
	load.part = 'rest';
	await load.drain();
	stage.stretch.rest = { ...await lookAtStore(stage),
		most: await lookAtRest(stage) };
}

// -- What must not be --------------------------------------------------------

function assertAnswers({ load, disturber }) {
	assert.deepEqual(load.errors.slice(0, 5), [], `${load.errors.length}`);
	const unexplained = load.failures.filter(({ at }) =>
		!disturber.explains(at, blamedMs));
	assert.deepEqual(unexplained.slice(0, 5), [],
		`${unexplained.length} of ${load.failures.length} failures`);
}

// Of what lived through a part of the run: how it has grown since that share
// of it, which is for whatever is used for the first time.
function growthIn({ watch }, { from, until: to, kept }, share) {
	const begun = from + (to - from) * share;
	return watch.livedThrough(from, to).map(({ pid, kind, points }) => {
		const late = thinned(points.filter(([at]) => at >= begun));
		return { pid, kind, kept: kept.includes(pid), at: late.at(-1)[1],
			grown: growthOf(late),
			files: growthOf(late.map(([at, , files]) => [at, files])) };
	});
}

function judgeGrowth(found, mostOf, what, say) {
	for (const kind of new Set(found.map((one) => one.kind))) {
		const all = found.filter((one) => one.kind === kind);
		say(`own memory, ${kind}: ${mib(Math.max(
			...all.map(({ at }) => at)))} at most, grown in ${what} ` +
			all.map(({ grown }) => mib(grown)).join(', '));
	}
	for (const kind of ['worker', 'courier', 'commit', 'supervisor'])
		assert.ok(found.some((one) => one.kind === kind && one.kept),
			`no ${kind} lived through ${what}`);
	assert.deepEqual(found.filter(({ kind, grown, files }) =>
		grown > mostOf(kind) || files > filesMost), []);
}

function assertNoGrowth(stage) {
	judgeGrowth(stage.steady.flatMap((part, number) =>
		growthIn(stage, part, 1 / 3).map((one) => ({ number, ...one }))),
	() => growthMost, 'a steady part', stage.say);
}

function assertNoSlowGrowth(stage) {
	if (!isLong)
		return;
	const { from, until: to } = stage.stretch;
	const found = growthIn(stage, stage.stretch, 1 / 4);
	const requests = stage.rate * (to - from) * 3 / 4;
	for (const { kind, grown } of found.filter(({ kept }) => kept))
		stage.say(`${kind}: grown by ${(grown / 1024 * 1e5 / requests)
			.toFixed(1)} KiB for 100,000 requests`);
	judgeGrowth(found, (kind) => stretchMost + (stretchMore[kind] ?? 0),
		'the stretch', stage.say);
}

// Of each kind, at the end of steady parts, over the rounds: a new process
// begins where its predecessor did.
function assertNoInheritance({ steady, watch, say }) {
	const kinds = {};
	steady.forEach(({ from, until: to }, number) => {
		for (const { kind, points } of watch.livedThrough(from, to)) {
			kinds[kind] ??= [];
			kinds[kind].push([number, points.at(-1)[1]]);
		}
	});
	for (const [kind, points] of Object.entries(kinds)) {
		const grown = growthOf(points.filter(([number]) =>
			number >= rounds / 3));
		say(`${kind}: grown over the rounds by ${mib(grown)}`);
		assert.ok(grown <= growthMost,
			`${kind} over the rounds: ${grown}`);
	}
}

// A place is a process's; those of the dead are taken from them in time.
function assertReaders({ watch, disturber, rests, stretch: last, say }) {
	const all = [...rests, ...last ? [last.rest] : []];
	const { readers } = watch;
	const most = Math.max(...readers.map(([, count]) => count));
	say(`places of readers: ${most} at most, ${all.at(-1).readers} at ` +
		`the end; kills: ${disturber.kills.length}`);
	const first = rests[0];
	for (const { readers: count, most: kinds } of all) {
		const living = Object.values(kinds).reduce((sum, { processes }) =>
			sum + processes, 0);
		// And intentctl itself, which has asked.
		assert.ok(count <= living + 1, `${count} readers of ${living}`);
	}
	assert.ok(all.at(-1).readers <= first.readers + 1);
}

// What each process had open before the load, and no more.
function assertRests({ baseline, restless, say }) {
	say(`files open at rest: ${Object.entries(baseline).map(
		([kind, { files }]) => `${kind} ${files}`).join(', ')}`);
	assert.deepEqual(restless.map((one) => JSON.stringify(one)), []);
}

function assertStore({ rests, stretch: last, places, server, say }) {
	for (const { used, disk, free, live } of
		[...rests, ...last ? [last.rest] : []]) {
		assert.ok(disk <= used + 1024 * 1024,
			`${disk} bytes on the disk for ${used}`);
		assert.ok(free <= Math.max(live, freeMost),
			`${free} bytes are free beside ${live}`);
	}
	const end = rests.at(-1);
	say(`store: ${mib(end.used)} used, ${mib(end.free)} of it free, ` +
		`${end.rows} rows of ${end.each.toFixed(0)} bytes; on the disk ` +
		mib(end.disk));
	assert.deepEqual(placesOf(server), places, 'files beside the store');
	// Events are gone from the fourth round on, keys from the second.
	if (rounds < 5)
		return;
	const early = rests[Math.floor(rounds / 3)];
	assert.ok(end.each <= early.each * 1.25,
		`bytes of a row: ${early.each}, then ${end.each}`);
	assert.ok(end.free <= Math.max(early.free, end.live) * 1.25,
		`free: ${early.free}, then ${end.free} beside ${end.live}`);
}

// Half of the windows: those in which others had least of the machine.
function quietHalf(windows) {
	const most = median(windows.map(({ others }) => others));
	return windows.filter(({ others }) => others <= most).map(p99Of);
}

function judgeRise(early, late, what, say) {
	say(`p99 ${what}: ${median(early.map(p99Of)).toFixed(1)} ms early, ` +
		`${median(late.map(p99Of)).toFixed(1)} ms late; in the quiet half ` +
		`${median(quietHalf(early)).toFixed(1)} ms and ` +
		`${median(quietHalf(late)).toFixed(1)} ms; others ` +
		[early, late].map((all) => median(all.map(({ others }) => others))
			.toFixed(2)).join(' and ') + ' cores');
	return isWorse(early.map(p99Of), late.map(p99Of)) &&
		isWorse(quietHalf(early), quietHalf(late));
}

// Windows without a kill in them or just before.
function assertNotSlower({ load, disturber, say }) {
	const calm = (part) => load.windows.filter((window) =>
		window.part === part && window.begun > 0 &&
		!disturber.kills.some((at) => at >= window.at - windowMs &&
			at <= window.until));
	const parts = Array.from({ length: rounds }, (_, number) =>
		calm(`steady ${number}`));
	parts.forEach((all, number) => all.length > 0 &&
		say(`p99 in steady part ${number}: ` +
			`${median(all.map(p99Of)).toFixed(1)} ms (${all.length} windows)`));
	if (!isLong)
		return;
	const third = Math.max(1, Math.floor(rounds / 3));
	const first = rounds > 3 ? 1 : 0;
	const all = calm('stretch');
	const part = Math.ceil(all.length / 4);
	const risen = {
		'over the rounds': rounds > 1 && judgeRise(
			parts.slice(first, first + third).flat(),
			parts.slice(-third).flat(), 'over the rounds', say),
		'in the stretch': judgeRise(all.slice(0, part), all.slice(-part),
			'in the stretch', say),
	};
	assert.deepEqual(Object.keys(risen).filter((what) => risen[what]), [],
		'the p99 has risen');
}

// Nothing is lost, nothing doubled, and everybody has heard of it.
async function assertMoney(stage) {
	const { server, sink, disturber, books, say } = stage;
	sink.refuses = false;
	await disturber.jump(dayS); // what was refused is due again
	await until(async () => (await disturber.ctl('stats'))
		.tables.deliveries_due === 0, 'the end of deliveries');
	const { payments, succeeded, sums } = await closeBook(server, books);
	const missing = [...succeeded].filter((id) => !sink.arrived.has(id));
	assert.deepEqual(missing.slice(0, 5), [], `${missing.length} of ` +
		`${succeeded.size} payments were not told of`);
	await disturber.verify();
	assert.equal((await disturber.ctl('audit', 'verify',
		join(server.home, 'audit.log'))).findings?.length ?? 0, 0);
	say(`${payments} payments, ${sums.received} received, ` +
		`${sums.refunded} refunded; ${sink.total} webhooks for ` +
		`${succeeded.size} payments, ${sink.refused.size} refused at first`);
}

function sayWhatWasDone({ load, disturber, say }) {
	say(`requests: ${JSON.stringify(Object.fromEntries(load.done))}`);
	say(`done to it: ${JSON.stringify(disturber.done)}`);
	const reasons = {};
	for (const { reason } of load.failures)
		reasons[reason] = 1 + (reasons[reason] ?? 0);
	say(`failures, each sent again: ${JSON.stringify(reasons)}`);
}

const checks = {
	'answers are right, and only kills keep them back': assertAnswers,
	'no process grows': assertNoGrowth,
	'no process grows slowly': assertNoSlowGrowth,
	'no kind of process grows over the rounds': assertNoInheritance,
	'places of readers are given back': assertReaders,
	'files and threads are given back': assertRests,
	'the store is its data': assertStore,
	'the p99 stays': assertNotSlower,
	'nothing is lost, nothing doubled': assertMoney,
};

test('nothing grows and nothing is lost under load', async (t) => {
	const stage = await openStage(t);
	const { load, watch, say, server } = stage;
	say(`SOAK_SEED=${seed}, ${seconds} s in ${rounds} rounds`);
	load.run(givenRate || 100, windowMs);
	await rest(isLong ? 10000 : 1000);
	await load.drain();
	await lookAtRest(stage);
	stage.places = placesOf(server);
	const found = givenRate ? { rate: givenRate }
		: await load.findRate(10, say);
	say(`rate: ${found.rate}/s, highest that held: ${found.highest ?? '-'}`);
	watch.open(watchMs);
	for (let number = 0; number < rounds; number++)
		await round(stage, number, found.rate);
	stage.rate = found.rate;
	if (isLong)
		await stretch(stage, found.rate);
	watch.close();
	sayWhatWasDone(stage);
	for (const [name, check] of Object.entries(checks))
		await t.test(name, () => check(stage));
});
