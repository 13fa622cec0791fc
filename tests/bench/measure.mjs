// One series: its servers are started together, and its points measured in
// turn, round after round, so that what a noisy machine does to one of them
// in a minute it does to the others too.
import { execFileSync } from 'node:child_process';

import { runLoad } from './load.mjs';
import { deviceBytes } from './machine.mjs';
import { bytesWritten, memory, processTree, processorTime }
	from './processes.mjs';
import { start } from './servers.mjs';
import { summarize } from './statistics.mjs';

// -- One sample --------------------------------------------------------------

const allRoots = (groups) => Object.values(groups).flat();

function readCounters(server, context) {
	return {
		cpu: Object.entries(server.groups).map(([name, roots]) =>
			[name, processorTime(roots)]),
		device: deviceBytes(context.dir),
		processes: bytesWritten(allRoots(server.groups)),
	};
}

// What the counters went up by for each request.
function perRequest(before, after, requests) {
	const device = after.device === null ? null
		: (after.device - before.device) / requests;
	const processes = (after.processes - before.processes) / requests;
	return {
		...Object.fromEntries(after.cpu.map(([name, time], index) =>
			[`cpu_${name}_us`, (time - before.cpu[index][1]) / requests])),
		written_bytes: device ?? processes,
		written_by_processes_bytes: processes,
	};
}

// Proportional set sizes; the supervisor's children are all of intentd's.
function memoryOf(server) {
	const [supervisor] = server.groups.app;
	const all = processTree(supervisor).map((pid) =>
		memory(pid, server.store));
	const nginx = processTree(server.groups.nginx[0]).map((pid) =>
		memory(pid, server.store));
	const sum = (sizes, part) => sizes.reduce((total, size) =>
		total + size[part], 0);
	return {
		pss_worker_bytes: Math.max(...all.slice(1).map(({ rest }) => rest)),
		pss_intentd_bytes: sum(all, 'rest'),
		pss_map_bytes: sum(all, 'map'),
		pss_nginx_bytes: sum(nginx, 'rest'),
		processes: all,
	};
}

// A server that gives one fixed answer refuses nothing.
function loadFor(server, kind, prepared) {
	return { kind, key: server.key, ids: prepared?.ids,
		refused: kind === 'refusal' && !server.always };
}

async function measure(point, context) {
	const { server, clients, seconds } = point;
	const load = loadFor(server, point.thing.load, point.prepared);
	await server.begin?.();
	// What others have left to be written is not this one's.
	execFileSync('sync', ['--file-system', context.dir]);
	const before = readCounters(server, context);
	const found = await (server.run?.() ??
		runLoad(server.url, load, { clients, seconds }));
	const after = readCounters(server, context);
	await server.check?.(load);
	return {
		...found,
		...perRequest(before, after, found.requests),
		...point.memory ? memoryOf(server) : {},
	};
}

// -- A series ----------------------------------------------------------------

// One server for each descriptor that differs; `servers` has those that were
// started even where another one was not.
async function startServers(points, context, servers) {
	const named = new Map(points.map(({ descriptor }) =>
		[JSON.stringify(descriptor), descriptor]));
	const starts = await Promise.allSettled([...named].map(
		async ([name, descriptor]) =>
			servers.set(name, await start(descriptor, context))));
	for (const { status, reason } of starts)
		if (status === 'rejected')
			throw reason;
	for (const point of points) {
		point.server = servers.get(JSON.stringify(point.descriptor));
		point.prepared = await point.server.prepare?.(
			{ kind: point.thing.load });
	}
}

function listPoints(series, options) {
	return series.axis.values.flatMap((x) => series.things.map((thing) => ({
		x,
		thing,
		clients: series.axis.name === 'clients' ? x : options.goalClients,
		seconds: options.seconds,
		warmUpSeconds: series.warmUpSeconds ?? options.warmUpSeconds,
		memory: series.memory,
		descriptor: thing.server(x),
		samples: [],
	})));
}

async function runRounds(points, context, options) {
	// Caches, and connections that are kept.
	for (const point of points.filter(({ server }) => !server.run))
		await runLoad(point.server.url, loadFor(point.server,
			point.thing.load, point.prepared),
		{ clients: point.clients, seconds: point.warmUpSeconds });
	for (let round = 1; round <= options.runs; round++)
		for (const point of points) {
			const sample = await measure(point, context);
			point.samples.push(sample);
			context.say(`  ${round}/${options.runs} ${point.thing.name}` +
				` ${point.x}: ${sample.rate.toFixed(0)}/s`);
		}
}

function summarizePoint({ x, thing, clients, samples }) {
	const names = Object.keys(samples[0]).filter((name) =>
		typeof samples[0][name] === 'number');
	return {
		x,
		thing: thing.name,
		load: thing.load,
		clients,
		samples,
		...Object.fromEntries(names.map((name) => [name,
			summarize(samples.map((sample) => sample[name]))])),
	};
}

// Ratios are taken within a round, and then their median.
export function ratioOf(points, value, x) {
	const rounds = points[0].samples.map((_, round) => value((thing, at = x) =>
		points.find((point) => point.x === at &&
			point.thing === thing).samples[round]));
	return { x, rounds, ...summarize(rounds) };
}

export async function runSeries(series, context, options) {
	const servers = new Map();
	const points = listPoints(series, options);
	try {
		await startServers(points, context, servers);
		await runRounds(points, context, options);
	} finally {
		await Promise.all([...servers.values()].map((server) =>
			server.stop()));
	}
	const found = points.map(summarizePoint);
	return {
		points: found,
		ratios: (series.ratios ?? []).flatMap(({ name, value }) =>
			series.axis.values.map((x) => ({ name,
				...ratioOf(found, value, x) }))),
	};
}
