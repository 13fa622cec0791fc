// Where the time goes: one thing of a series under perf, as the symbols that
// took most of it, for each kind of process.  tests/bench/profile runs it.
//
//   profile [SERIES [X]]    create, and the goals' number of clients
//
// BENCH_SECONDS and the others choose as for the bench.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { makeContext, say } from './context.mjs';
import { runLoad } from './load.mjs';
import { readOptions } from './options.mjs';
import { processTree } from './processes.mjs';
import { table } from './report.mjs';
import { allSeries } from './series.mjs';
import { start } from './servers.mjs';

const symbolsShown = 25;

// A process of intentd has one function that runs it, in every call chain: its
// name says of which kind the process is.  The supervisor's is in all of them.
const runs = /^(?!supervisor)([a-z]+)_run$/;

// Samples a second, and bytes of stack that come with each: a worker's is
// large, and what is cut off leaves the process unnamed.
const frequency = 199;
const stackBytes = 65528;

function checkPerf() {
	try {
		execFileSync('perf', ['record', '-q', '-o', '/dev/null', 'true'],
			{ stdio: ['ignore', 'ignore', 'pipe'] });
	} catch (error) {
		throw new Error('perf is not to be had here (scripts/setup bench ' +
			'installs it; perf_event_paranoid or the machine may forbid it): ' +
			(error.stderr || error.message));
	}
}

function choose([name = 'create', x], options) {
	const series = allSeries(options).find((each) => each.name === name);
	const value = x === undefined ? undefined : Number(x);
	const thing = series?.things.find((each) =>
		each.server(value ?? series.axis.values[0]).kind === 'intentd');
	if (!thing || series.stores)
		throw new Error(`${name}: nothing of intentd alone to profile`);
	return {
		load: thing.load,
		descriptor: thing.server(value ?? series.axis.values.at(-1)),
		clients: series.axis.name === 'clients' && value
			? value : options.goalClients,
	};
}

async function record(file, pids, work) {
	const perf = spawn('perf', ['record', '-q', '-o', file, '-F', String(frequency),
		'--call-graph', `dwarf,${stackBytes}`, '-p', pids.join(',')],
	{ stdio: ['ignore', 'ignore', 'inherit'] });
	const ended = once(perf, 'exit');
	try {
		return await work();
	} finally {
		perf.kill('SIGINT');
		await ended;
	}
}

// Samples as {comm, pid, frames}: a frame is {symbol, object}, the innermost
// first.
function readSamples(file) {
	const text = execFileSync('perf', ['script', '-i', file, '--no-inline',
		'-F', 'comm,pid,ip,sym,dso'], { encoding: 'utf8',
		maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'ignore'] });
	return text.split('\n\n').map((block) => {
		const [head, ...lines] = block.trim().split('\n');
		const [, comm, pid] = head.match(/^(.+?) +(\d+)/) ?? [];
		const frames = lines.map((line) =>
			line.match(/^\s*[0-9a-f]+ (.*) \((.*)\)$/)).filter(Boolean)
			.map(([, symbol, object]) => ({ symbol,
				object: object.split('/').pop() }));
		return { comm, pid, frames };
	}).filter(({ frames }) => frames.length > 0);
}

// Of which kind each process is: what one of its samples says, all are.
function kindsOf(samples) {
	const kinds = new Map(samples.map(({ pid, comm }) => [pid, comm]));
	for (const { pid, frames } of samples)
		for (const { symbol } of frames) {
			const match = symbol.match(runs);
			if (match)
				kinds.set(pid, match[1]);
		}
	return kinds;
}

// Shares of `samples` that were in a symbol itself, or also in what it called.
function shares(samples, total) {
	const rows = new Map();
	const row = ({ symbol, object }) => {
		const key = `${symbol} ${object}`;
		if (!rows.has(key))
			rows.set(key, { symbol, object, self: 0, with: 0 });
		return rows.get(key);
	};
	for (const { frames } of samples) {
		row(frames[0]).self += 100 / total;
		for (const each of new Set(frames.map(row)))
			each.with += 100 / total;
	}
	return [...rows.values()];
}

function printTop(rows, measure) {
	const top = rows.sort((a, b) => b[measure] - a[measure])
		.slice(0, symbolsShown);
	process.stdout.write(table(['symbol', 'of', 'itself %', 'with calls %'],
		top.map((row) => [row.symbol, row.object, row.self.toFixed(1),
			row.with.toFixed(1)])));
}

function printReport(samples) {
	const kinds = kindsOf(samples);
	const groups = new Map();
	for (const sample of samples) {
		const kind = kinds.get(sample.pid);
		groups.set(kind, [...groups.get(kind) ?? [], sample]);
	}
	for (const [kind, list] of [...groups]
		.sort(([, a], [, b]) => b.length - a.length)) {
		const share = 100 * list.length / samples.length;
		console.log(`\n${kind}: ${share.toFixed(1)} % of all that was ` +
			'sampled; the most by itself, and with what it calls');
		const rows = shares(list, list.length);
		printTop(rows, 'self');
		console.log();
		printTop(rows, 'with');
	}
}

async function main() {
	const options = readOptions([], process.env);
	const { load: kind, descriptor, clients } =
		choose(process.argv.slice(2), options);
	checkPerf();
	const context = makeContext(options);
	const server = await start(descriptor, context);
	try {
		const prepared = await server.prepare({ kind });
		const load = { kind, key: server.key, ids: prepared?.ids,
			refused: kind === 'refusal' };
		await runLoad(server.url, load,
			{ clients, seconds: options.warmUpSeconds });
		const file = join(context.dir, 'perf.data');
		const pids = Object.values(server.groups).flat()
			.flatMap(processTree);
		say(`${kind}, ${clients} clients, ${JSON.stringify(descriptor)}`);
		const found = await record(file, pids, () => runLoad(server.url, load,
			{ clients, seconds: options.seconds }));
		console.log(`${found.rate.toFixed(0)} requests/s under perf, p50 ` +
			`${found.p50_ms} ms, p99 ${found.p99_ms} ms`);
		printReport(readSamples(file));
	} finally {
		await server.stop();
	}
}

await main();
