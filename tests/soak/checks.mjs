// What must not be, as a table: each is held against what a run has seen.
//
// A stage has {plan: {rounds, windowMs, connections, rate}, server, sink, load,
// books, watch, disturber, steady, stretch, rests, restless, baseline, places,
// placesNow, say}; see soak.test.mjs.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { median } from '../bench/statistics.mjs';
import { isLong } from '../http/amount.mjs';
import { closeBook } from './book.mjs';
import { until } from './disturb.mjs';
import { p99Of } from './drivers.mjs';
import { blocksOf, growthOf, isSlower, isWorse, steadyGrowthOf, thinned }
	from './growth.mjs';
import { mib } from './report.mjs';

const dayS = 24 * 3600;
// How long after a kill a client may see of it: the web server tries for some
// seconds to reach who does not answer, and what was held up comes all at once.
const blamedMs = 10000;
/*
 * What a process may grow by in a steady part of a minute or two, and from one
 * round to the next, in which it is another process.  Undisturbed, on two
 * cores with neighbours, workers, the committer and the supervisor grew by
 * nothing, and a courier by up to 200 KiB: four connections of 50 KiB, of
 * which it has up to 8 to each of two endpoints.
 */
const growthMost = 512 * 1024;
/*
 * And in the last three quarters of the stretch, however long it is, in which
 * nothing is used for the first time but a courier's connections.  In an hour
 * a committer has kept 450 KiB more, of the pages of its largest batches, each
 * of a moment at which the machine stood still; between them it grew by
 * nothing, as all others (steadyGrowthOf).  An hour at 500 requests a second
 * is 270,000 for a worker then, of which a byte each is found; at 200 a second,
 * 16 bytes are found within 3 minutes.  A courier has 100,000 deliveries, of
 * which 16 bytes each are found; courier.test.mjs finds less.
 */
const stretchMost = 128 * 1024;
const stretchMore = { courier: 1024 * 1024 };
/*
 * What settings.def says of a worker's connections, above what it has of its
 * own (1.1 MiB) and keeps for answers (1 MiB, tasks_memory.c).
 */
const workerMost = (connections) => (3 << 20) + connections * (40 << 10);
// Descriptors of connections come and go: undisturbed, those of a worker rose
// by up to 11, and of the web server by 12.  One that is left is found at rest.
const filesMost = 64;
/*
 * Pages that are free wait for the readers of their time: undisturbed, the
 * file grew by 0.6 MiB beyond its data; with one reader that stayed, by 10 MiB
 * a second at 200 requests a second.
 */
const reuseMost = 16 * 1024 * 1024;
const diskMost = 1024 * 1024; // on the disk, for pages not yet named
// Who has a reader's place: the committer only writes, the monitor asks LMDB
// for figures alone.
const readingKinds = ['worker', 'sweeper', 'courier'];
const quietLeast = 20; // windows that tell something
// Of the rate that was found to hold: how much of it was asked for, and how many
// requests may wait, in seconds of them, in most windows of the stretch.
const askedLeast = 0.97;
const waitingMost = 1;

function assertAnswers({ load, disturber }) {
	assert.deepEqual(load.errors.slice(0, 5), [], `${load.errors.length}`);
	const unexplained = load.failures.filter(({ at }) =>
		!disturber.explains(at, blamedMs));
	assert.deepEqual(unexplained.slice(0, 5), [],
		`${unexplained.length} of ${load.failures.length} failures`);
}

// Of what lived through a part of the run: how it has grown since that share
// of it, which is for whatever is used for the first time.
function growthIn({ watch }, { from, until: to, kept }, share,
	measure = growthOf) {
	const begun = from + (to - from) * share;
	return watch.livedThrough(from, to).map(({ pid, kind, points }) => {
		const late = thinned(points.filter(([at]) => at >= begun));
		return { pid, kind, kept: kept.includes(pid), at: late.at(-1)[1],
			grown: measure(late),
			files: measure(late.map(([at, , files]) => [at, files])) };
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

function assertSize({ plan, watch, say }) {
	const most = Math.max(...[...watch.seen.values()]
		.filter(({ kind }) => kind === 'worker')
		.flatMap(({ points }) => points.map(([, bytes]) => bytes)));
	const mayHave = workerMost(plan.connections);
	say(`a worker had ${mib(most)} at most, of ${mib(mayHave)}`);
	assert.ok(most <= mayHave, `${most} bytes, of ${mayHave}`);
}

// In the long form a steady part has looks enough to tell what grows from a mark
// that was set higher: a committer had 1.3 MiB more of its largest batches in
// the first ten minutes of an hour, and nothing in the last thirty-five.
function assertNoGrowth(stage) {
	const measure = isLong ? steadyGrowthOf : growthOf;
	judgeGrowth(stage.steady.flatMap((part, number) =>
		growthIn(stage, part, 1 / 3, measure)
			.map((one) => ({ number, ...one }))),
	() => growthMost, 'a steady part', stage.say);
}

function assertNoSlowGrowth(stage) {
	const { from, until: to } = stage.stretch;
	const found = growthIn(stage, stage.stretch, 1 / 4, steadyGrowthOf);
	const requests = stage.plan.rate * (to - from) * 3 / 4;
	for (const { kind, grown } of found.filter(({ kept }) => kept))
		stage.say(`${kind}: grown by ${(grown / 1024 * 1e5 / requests)
			.toFixed(1)} KiB for 100,000 requests`);
	judgeGrowth(found, (kind) => stretchMost + (stretchMore[kind] ?? 0),
		'the stretch', stage.say);
}

// Of each kind, at the end of steady parts, over the rounds: a new process
// begins where its predecessor did.
function assertNoInheritance({ plan, steady, watch, say }) {
	const kinds = {};
	steady.forEach(({ from, until: to }, number) => {
		for (const { kind, points } of watch.livedThrough(from, to)) {
			kinds[kind] ??= [];
			kinds[kind].push([number, points.at(-1)[1]]);
		}
	});
	for (const [kind, points] of Object.entries(kinds)) {
		const grown = growthOf(points.filter(([number]) =>
			number >= plan.rounds / 3));
		say(`${kind}: grown over the rounds by ${mib(grown)}`);
		assert.ok(grown <= growthMost,
			`${kind} over the rounds: ${grown}`);
	}
}

// A place is a process's; those of the dead are taken from them in time.
function assertReaders({ watch, disturber, rests, say }) {
	const { readers } = watch;
	const most = Math.max(...readers.map(([, count]) => count));
	say(`places of readers: ${most} at most, ${rests[0].readers} after ` +
		`the first round, ${rests.at(-1).readers} at the end; kills: ` +
		disturber.kills.length);
	for (const { readers: count, most: kinds } of rests) {
		const living = readingKinds.reduce((sum, kind) =>
			sum + (kinds[kind]?.processes ?? 0), 0);
		// And intentctl itself, which has asked.
		assert.ok(count <= living + 1, `${count} readers of ${living}`);
	}
}

// What each process had open before the load, and no more.
function assertRests({ baseline, restless, say }) {
	say(`files open at rest: ${Object.entries(baseline).map(
		([kind, { files }]) => `${kind} ${files}`).join(', ')}`);
	assert.deepEqual(restless.map((one) => JSON.stringify(one)), []);
}

// In a part without copies and verifications no reader is there for long: what
// is free is used before the file grows.
function assertReuse({ steady, stretch, say }) {
	for (const { name, before, after } of [...steady,
		...stretch ? [stretch] : []]) {
		const room = Math.max(before.used, after.live);
		say(`the file in ${name}: ${mib(before.used)} used, ` +
			`${mib(before.live)} of it data, then ${mib(after.used)} ` +
			`and ${mib(after.live)}; ${mib(after.used - room)} beyond`);
		assert.ok(after.used <= room + reuseMost,
			`${name}: ${after.used} bytes used, where ${room} would do`);
	}
}

function assertStore({ plan, rests, places, placesNow, say }) {
	for (const { used, disk } of rests)
		assert.ok(disk <= used + diskMost,
			`${disk} bytes on the disk for ${used}`);
	const end = rests.at(-1);
	say(`store: ${mib(end.used)} used, ${mib(end.live)} of it data, ` +
		`${end.rows} rows of ${end.each.toFixed(0)} bytes; on the disk ` +
		mib(end.disk));
	assert.deepEqual(placesNow, places, 'files beside the store');
	// Events are gone from the fourth round on, keys from the second.
	if (plan.rounds < 5)
		return;
	const early = rests[Math.floor(plan.rounds / 3)];
	const late = rests[plan.rounds - 1];
	assert.ok(late.each <= early.each * 1.25,
		`bytes of a row: ${early.each}, then ${late.each}`);
}

const othersOf = ({ cores }) => (cores.others ?? 0) + (cores.stolen ?? 0);

// Half of the windows: those in which others had least of the machine.  Of two
// sets by one measure, where each has enough that are quiet by it.
function quietHalves(sets) {
	const most = median(sets.flat().map(othersOf));
	const quiet = sets.map((windows) =>
		windows.filter((one) => othersOf(one) <= most));
	const areEnough = quiet.every(({ length }) => length >= quietLeast);
	return { areEnough, halves: (areEnough ? quiet : sets.map((windows) =>
		windows.filter((one) =>
			othersOf(one) <= median(windows.map(othersOf)))))
		.map((windows) => windows.map(p99Of)) };
}

// Whether the p99 has risen, from some windows to others.
export function judgeRise(early, late, what, say) {
	const { areEnough, halves: quiet } = quietHalves([early, late]);
	const ms = (all) => `${median(all).toFixed(1)} ms`;
	say(`p99 ${what}: ${ms(early.map(p99Of))} early, ` +
		`${ms(late.map(p99Of))} late; in the quiet half ` +
		`${quiet.map(ms).join(' and ')}, of ${quiet.map(({ length }) =>
			length).join(' and ')} windows; others ` +
		[early, late].map((all) => median(all.map(othersOf)).toFixed(2))
			.join(' and ') + ' cores');
	return (areEnough && isSlower(...quiet)) ||
		(isWorse(early.map(p99Of), late.map(p99Of)) && isWorse(...quiet));
}

// Windows of a part without a kill in them or just before.
const calmWindows = ({ plan, load, disturber }, part) =>
	load.windows.filter((window) => window.part === part &&
		window.begun > 0 && !disturber.kills.some((at) =>
		at >= window.at - plan.windowMs && at <= window.until));

// Answers have come as fast as they were asked for, to the end.
function assertRateHeld(stage) {
	const { rate } = stage.plan;
	const all = calmWindows(stage, 'stretch');
	const late = all.slice(-Math.ceil(all.length / 4));
	const asked = median(late.map(({ begun, at, until }) =>
		begun * 1000 / (until - at)));
	const waiting = median(late.map((one) => one.waiting));
	stage.say(`in the last quarter ${asked.toFixed(0)}/s were asked, of ` +
		`${rate}; ${waiting} waited, the p99 was ${median(
			late.map(p99Of)).toFixed(1)} ms`);
	assert.ok(asked >= askedLeast * rate, `${asked}/s`);
	assert.ok(waiting <= waitingMost * rate, `${waiting} waiting`);
}

function assertNotSlower(stage) {
	const { plan: { rounds }, say } = stage;
	const calm = (part) => calmWindows(stage, part);
	const parts = Array.from({ length: rounds }, (_, number) =>
		calm(`steady ${number}`));
	parts.forEach((all, number) => all.length > 0 &&
		say(`p99 in steady part ${number}: ` +
			`${median(all.map(p99Of)).toFixed(1)} ms (${all.length} windows)`));
	const third = Math.max(1, Math.floor(rounds / 3));
	const first = rounds > 3 ? 1 : 0;
	const all = calm('stretch');
	const tenths = blocksOf(all.map(p99Of), Math.ceil(all.length / 10));
	say(`p99 through the stretch: ${tenths.map((one) => one.toFixed(1))
		.join(', ')} ms`);
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

// What was refused is due again a day later.
async function endDeliveries({ sink, disturber, say }) {
	sink.refuses = false;
	await disturber.jump(dayS);
	let left = Infinity;
	const isDone = async () => {
		left = (await disturber.ctl('stats')).tables.deliveries_due;
		return left === 0;
	};
	for (let before = Infinity; before > left || left === Infinity;) {
		before = left;
		if (await until(isDone, 'the end of deliveries').catch(() => false))
			return;
		say(`${left} deliveries left`);
	}
	assert.equal(left, 0, 'deliveries');
}

// Nothing is lost, nothing doubled, and everybody has heard of it.
async function assertMoney(stage) {
	const { server, sink, disturber, books, say } = stage;
	const begun = Date.now();
	const took = () => `(${((Date.now() - begun) / 1000).toFixed(0)} s)`;
	await endDeliveries(stage);
	say(`deliveries have ended ${took()}`);
	const { payments, succeeded, sums, wrong } =
		await closeBook(server, books);
	say(`${payments} payments, ${sums.received} received, ` +
		`${sums.refunded} refunded; lost: ${wrong.lost.length}, doubled: ` +
		`${wrong.doubled.length}, another state than was answered: ` +
		`${wrong.differing.length} ${took()}`);
	assert.deepEqual(Object.values(wrong).flatMap((all) => all.slice(0, 5)),
		[]);
	const missing = [...succeeded].filter((id) => !sink.arrived.has(id));
	say(`${sink.total} webhooks for ${succeeded.size} payments, ` +
		`${missing.length} missing; ${sink.refused.size} were refused at ` +
		'first');
	assert.deepEqual(missing.slice(0, 5), []);
	await disturber.verify();
	say(`verify: no findings ${took()}`);
	// It fails where it finds something.
	await disturber.ctl('audit', 'verify', join(server.home, 'audit.log'));
}

export const checks = {
	'answers are right, and only kills keep them back': assertAnswers,
	'a worker is as large as its settings say': assertSize,
	'no process grows': assertNoGrowth,
	'places of readers are given back': assertReaders,
	'files and threads are given back': assertRests,
	'what is free is used before the file grows': assertReuse,
	'the store is its data': assertStore,
	...isLong && {
		'no process grows slowly': assertNoSlowGrowth,
		'no kind of process grows over the rounds': assertNoInheritance,
		'the rate has held': assertRateHeld,
		'the p99 stays': assertNotSlower,
	},
	'nothing is lost, nothing doubled': assertMoney,
};
