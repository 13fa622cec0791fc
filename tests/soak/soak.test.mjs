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
// SOAK_SECONDS, SOAK_ROUNDS, SOAK_SEED, SOAK_RATE: requests a second; 0: the
// long form looks for the highest that holds (drivers.mjs) and uses 80% of it,
// or less, so that what is stored has room.  A line of figures goes to standard
// error each minute, and the last ones also where SIGTERM ends the run.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync,
	statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { assertOk, startServer } from '../http/harness.mjs';
import { randomOf } from '../http/random.mjs';
import { createCoinAccount } from '../http/stable_fixtures.mjs';
import { ofKind } from '../http/status_client.mjs';
import { createEndpoint, stableEndpoints }
	from '../http/webhook_fixtures.mjs';
import { checks } from './checks.mjs';
import { Disturber, everything, until } from './disturb.mjs';
import { Drivers } from './drivers.mjs';
import { mib, progressOf, sayFigures } from './report.mjs';
import { Sink } from './sink.mjs';
import { Watch, coresOf, filesOf, lookAll, mostByKind, supervisorOf }
	from './watch.mjs';

const seconds = amount('SOAK_SECONDS', { short: 5, long: 3600 });
const givenRate = amount('SOAK_RATE', { short: 40, long: 0 });
const stretchSeconds = isLong ? seconds * 0.6 : 0;
const rounds = amount('SOAK_ROUNDS', { short: 1,
	long: Math.max(1, Math.round((seconds - stretchSeconds) / 160)) });
const roundSeconds = (seconds - stretchSeconds) / rounds;
const seed = seedOf('SOAK_SEED');
const roughShare = 0.4; // of a round
// Sixty to a round, so that many are far from a kill.
const windowMs = Math.max(1000, roundSeconds * 1000 / 60);
const watchMs = isLong ? 2000 : 400;
const killsEach = 5; // of a steady part, the parts into which they cut it
const stretchKillS = 30; // between two kills of the stretch
const tryS = 10; // of the search for a rate
const storeMost = 2 ** 35;
const drivers = isLong ? 2 : 1;
const workers = 3;
const jumpS = 3 * 24 * 3600; // events are kept for 7 days

/*
 * Commands at once before a process is measured, more than the connections of
 * all workers, while nothing is committed: each connection's place (40 KiB,
 * settings.def) was used then, and a batch was as large as one can be, whose
 * pages LMDB keeps for the next ones.  The short form has fewer.
 */
const connections = isLong ? 128 : 32;
const burst = isLong ? 600 : 160;
const manyRequests = 1e6; // a minute: counted, and not reached
const stoppedMost = 4000; // below what the supervisor lets a process hang for
/*
 * A courier keeps connections to receivers open, and looks after them when it
 * uses them next: those of two endpoints with webhooks_per_endpoint (8) each.
 */
const restMore = { courier: 16 };

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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
		connections, store_bytes_max: storeMost,
		rate_card_merchant: manyRequests, rate_card_api_keys: manyRequests,
		rate_stable_test: manyRequests, rate_address: manyRequests,
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
		load.measure = coresOf(server, load.pids);
	const watch = new Watch(server);
	t.after(() => watch.close());
	const stage = { server, sink, load, books, watch, random,
		plan: { rounds, windowMs, connections },
		disturber: new Disturber(server, random),
		rests: [], restless: [], steady: [], say: sayOf(t) };
	if (isLong)
		keepSaying(t, stage);
	return stage;
}

// What a test says of itself comes at its end, which a run that is cut off does
// not have.
function sayOf(t) {
	return (text) => {
		t.diagnostic(text);
		if (isLong)
			toLog(text);
	};
}

const toLog = (text) => process.stderr.write(`${text}\n`);

// Also of a run that is ended before its time.
function keepSaying(t, stage) {
	const progress = setInterval(() => toLog(progressOf(stage)), 60000);
	const sayLast = () => sayFigures(stage, toLog);
	process.once('exit', sayLast);
	t.after(() => {
		clearInterval(progress);
		process.off('exit', sayLast);
	});
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

// Each place of each worker and of a batch is used.
async function useAllPlaces({ load, disturber, say }) {
	const { part } = load;
	load.part = 'burst';
	const [{ pid }] = ofKind(await disturber.status(), 'committer');
	process.kill(pid, 'SIGSTOP');
	const done = load.burst(burst);
	let used;
	const areUsed = async () => {
		used = ofKind(await disturber.status(), 'worker')
			.map((worker) => worker.connections);
		return used.every((count) => count >= connections);
	};
	await until(areUsed, 'all connections', stoppedMost).catch(() =>
		say(`in a burst workers had ${used} connections`));
	process.kill(pid, 'SIGCONT');
	await done;
	load.part = part;
}

// Who is not left alone is killed, at the same pace each time.
async function beSteady(stage, lasts, parts) {
	const { watch, disturber, server } = stage;
	await useAllPlaces(stage);
	const before = await lookAtStore(stage);
	const status = await disturber.status();
	const pidsOf = (kind) => ofKind(status, kind).map(({ pid }) => pid);
	const but = [...pidsOf('worker').slice(1), ...pidsOf('courier').slice(1)];
	const victims = ['worker', 'monitor', 'sweeper', 'courier'];
	const gap = lasts / parts;
	const from = watch.seconds;
	for (let at = 0; at + 1 < parts; at++) {
		await rest(gap * 1000);
		await disturber.kill(victims[at % victims.length], { but });
	}
	await rest(gap * 1000);
	return { name: stage.load.part, before, from, until: watch.seconds,
		kept: [...but, ...pidsOf('committer'), supervisorOf(server)] };
}

// The load ends; what is left then is written down with the part before.
async function endPart(stage, part) {
	const { load, say } = stage;
	load.part = 'rest';
	await load.drain();
	part.after = { ...await lookAtStore(stage),
		most: await lookAtRest(stage) };
	stage.rests.push(part.after);
	const { used, live, rows } = part.after;
	say(`${part.name}: ${load.answered} answers, ${rows} rows, used ` +
		`${mib(used)}, ${mib(live)} of it data`);
}

async function round(stage, number) {
	const { load, disturber } = stage;
	load.part = `rough ${number}`;
	load.run(stage.plan.rate, windowMs);
	await beRough(stage, roundSeconds * roughShare);
	load.part = `steady ${number}`;
	const part = await beSteady(stage, roundSeconds * (1 - roughShare),
		killsEach);
	stage.steady.push(part);
	await endPart(stage, part);
	if (number + 1 < rounds || isLong) {
		load.forget();
		await disturber.jump(jumpS);
		await disturber.purge();
	}
}

// Through which the same processes live.
async function stretch(stage) {
	const { load } = stage;
	load.part = 'stretch';
	load.run(stage.plan.rate, windowMs);
	const parts = Math.max(2, Math.round(stretchSeconds / stretchKillS));
	stage.stretch = await beSteady(stage, stretchSeconds, parts);
	await endPart(stage, stage.stretch);
}

// What is stored of each answer, by what the search has stored, may take a
// third of the disk: a backup is as large, and there is what is free.
async function fitRate(stage, { highest, rate }) {
	const { load, server, say } = stage;
	const { live } = await lookAtStore(stage);
	const each = live / load.answered;
	const { bavail, bsize } = statfsSync(server.home);
	const fits = Math.floor(Math.min(bavail * bsize / 3, storeMost / 2) /
		each / seconds);
	say(`rate: ${Math.min(rate, fits)}/s for ${seconds} s; highest that ` +
		`held: ${highest}/s; at most ${mib(each * rate * seconds)} of ` +
		`data, for which ${fits}/s would have room`);
	return Math.min(rate, fits);
}

// -- A run -------------------------------------------------------------------

async function begin(t) {
	const stage = await openStage(t);
	const { load, say, server, plan } = stage;
	say(`SOAK_SEED=${seed}, ${seconds} s in ${rounds} rounds`);
	load.run(givenRate || 100, windowMs);
	await rest(isLong ? 10000 : 1000);
	await load.drain();
	await lookAtRest(stage);
	stage.places = placesOf(server);
	plan.rate = givenRate ||
		await fitRate(stage, await load.findRate(tryS, say));
	return stage;
}

test('nothing grows and nothing is lost under load', async (t) => {
	const stage = await begin(t);
	const { watch, say, server } = stage;
	watch.open(watchMs);
	for (let number = 0; number < rounds; number++)
		await round(stage, number);
	if (isLong)
		await stretch(stage);
	watch.close();
	stage.placesNow = placesOf(server);
	sayFigures(stage, say);
	for (const [name, check] of Object.entries(checks))
		await t.test(name, () => check(stage));
});
