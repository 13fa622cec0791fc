// What a run has to say in figures: as it goes, so that one that is cut off has
// said them, and at its end.
import { wordsOfCores } from './drivers.mjs';
import { percentileOf, sumOf } from './histogram.mjs';

const edgeS = 600; // the first and the last minutes of an hour
const memoryS = 60; // for how long memory is looked at there

export const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(2)} MiB`;

const p = (windows, share) =>
	percentileOf(sumOf(windows), share).toFixed(1);

function countedBy(list, nameOf) {
	const counts = {};
	for (const one of list)
		counts[nameOf(one)] = 1 + (counts[nameOf(one)] ?? 0);
	return counts;
}

// [{kind, bytes, files}]: the most of each kind in that time of the run.
function mostBetween(watch, from, until) {
	const most = {};
	for (const { kind, points } of watch.seen.values())
		for (const [at, bytes, files] of points) {
			if (at < from || at > until)
				continue;
			most[kind] ??= { bytes: 0, files: 0 };
			most[kind].bytes = Math.max(most[kind].bytes, bytes);
			most[kind].files = Math.max(most[kind].files, files);
		}
	return most;
}

const wordsOfMost = (most) => Object.entries(most).map(
	([kind, { bytes, files }]) => `${kind} ${mib(bytes)} ${files} files`)
	.join(', ');

function meanCores(windows) {
	const sums = {};
	for (const { cores } of windows)
		for (const [name, used] of Object.entries(cores))
			sums[name] = (sums[name] ?? 0) + used / windows.length;
	return sums;
}

// Of about the last minute.
export function progressOf({ load, watch, disturber }) {
	const since = Date.now() - 60000;
	const late = load.windows.filter(({ at }) => at > since);
	const [, readers] = watch.readers.at(-1) ?? [];
	const { store, courier } = watch.status ?? {};
	return `${watch.seconds.toFixed(0)} s, ${load.part}: ` +
		`${load.answered} answers, p50 ${p(late, 0.5)} ms, ` +
		`p99 ${p(late, 0.99)} ms; ${load.failures.length} failures, ` +
		`${load.errors.length} errors${load.errors.length > 0
			? ` (${load.errors.at(-1).slice(0, 200)})` : ''}, ` +
		`${disturber.kills.length} kills, ` +
		`${readers} readers, ${courier?.waiting} webhooks due, file ` +
		`${mib(store?.used_bytes ?? 0)}; ${wordsOfCores(meanCores(late))}; ` +
		wordsOfMost(mostBetween(watch, watch.seconds - 10, Infinity));
}

const isLoad = ({ part, begun }) => begun > 0 &&
	/^(rough|steady|stretch)/.test(part);

function sayEdges({ load, watch }, say) {
	const windows = load.windows.filter(isLoad);
	if (windows.length === 0)
		return;
	const edge = Math.min(edgeS * 1000,
		(windows.at(-1).until - windows[0].at) / 3);
	const first = windows.filter(({ at }) => at < windows[0].at + edge);
	const last = windows.filter(({ until }) =>
		until > windows.at(-1).until - edge);
	for (const [name, some] of Object.entries(
		{ all: windows, first, last }))
		say(`${name === 'all' ? 'in all'
			: `the ${name} ${(edge / 1000).toFixed(0)} s`}: p50 ` +
			`${p(some, 0.5)} ms, p99 ${p(some, 0.99)} ms; ` +
			wordsOfCores(meanCores(some)));
	const from = (windows[0].at - watch.begun) / 1000;
	const until = (windows.at(-1).until - watch.begun) / 1000;
	say(`at first: ${wordsOfMost(mostBetween(watch, from,
		from + memoryS))}`);
	say(`at last: ${wordsOfMost(mostBetween(watch, until - memoryS,
		until))}`);
}

export function sayFigures(stage, say) {
	const { load, disturber } = stage;
	say(`requests: ${JSON.stringify(Object.fromEntries(load.done))}`);
	say(`answers: ${JSON.stringify(load.answers)}`);
	say(`done to it: ${JSON.stringify(disturber.done)}`);
	say('failures, each sent again: ' +
		JSON.stringify(countedBy(load.failures, ({ reason }) => reason)));
	sayEdges(stage, say);
}
