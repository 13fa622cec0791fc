// make bench: measures, prints tables, and writes results.json, results.csv
// and a plot for each series.  A goal that is missed is said; what fails is a
// run that did not do what it was to measure.
//
//   main.mjs [--short]     options.mjs names the environment's variables
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeContext, say } from './context.mjs';
import { makeStores } from './growth.mjs';
import { describeDisk, describeMachine, describeVersions, peers }
	from './machine.mjs';
import { ratioOf, runSeries } from './measure.mjs';
import { readOptions } from './options.mjs';
import { drawPlot } from './plots.mjs';
import { csv, goalsText, headText, seriesText } from './report.mjs';
import { allSeries, goals } from './series.mjs';
import { emptyProgram, postgresFolder, start } from './servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

const durability = 'intentd: LMDB as it comes (each commit flushed, no ' +
	'NOSYNC, no NOMETASYNC); PostgreSQL: fsync and synchronous_commit on';

// -- Before the first series -------------------------------------------------

function buildPrograms() {
	execFileSync('make', ['-s', '--no-print-directory', '-C', root, 'all',
		relative(root, emptyProgram)], { stdio: ['ignore', 2, 2] });
	if (!existsSync(join(peers, 'node_modules')))
		throw new Error(`npm's packages are missing: npm ci in ${peers}`);
}

// An intent as intentd shows it: what the empty program answers.
async function fetchAnswer(context) {
	const server = await start({ kind: 'intentd', workers: 1 }, context);
	try {
		const { text } = await server.http.request('POST',
			'/v1/payment_intents', { form:
				'amount=2000&currency=usd&payment_method=pm_card_visa' });
		writeFileSync(context.answer, text);
	} finally {
		await server.stop();
	}
}

// -- The series --------------------------------------------------------------

// Rows as JSON can hold them: things by name.
const describe = ({ name, title, axis, things }) => ({ name, title, axis,
	things: things.map((thing) => thing.name) });

async function tryToRun(series, context, options) {
	try {
		if (series.stores)
			await makeStores(series.stores, context);
		return await runSeries(series, context, options);
	} catch (error) {
		say(error.stack);
		return { error: error.message };
	}
}

function judge(goal, results, options) {
	const { name, atLeast, atMost } = goal;
	const wanted = atLeast ? `>= ${atLeast}` : `<= ${atMost}`;
	const series = results.find((each) => each.name === goal.series);
	if (!series?.points)
		return { name, wanted, reached: null };
	const found = ratioOf(series.points, goal.value,
		goal.x ?? options.goalClients);
	return { name, wanted, series: series.name, axis: series.axis.name,
		...found, reached: atLeast ? found.median >= atLeast
			: found.median <= atMost };
}

function writeResults(all, options) {
	mkdirSync(options.results, { recursive: true });
	writeFileSync(join(options.results, 'results.json'),
		`${JSON.stringify(all, null, '\t')}\n`);
	writeFileSync(join(options.results, 'results.csv'), csv(all.series));
}

function choose(options) {
	const series = allSeries(options);
	const names = series.map(({ name }) => name);
	for (const name of options.series ?? [])
		if (!names.includes(name))
			throw new Error(`BENCH_SERIES: no series ${name}; there are ` +
				names.join(', '));
	return series.filter(({ name }) => options.series?.includes(name) ?? true);
}

async function main() {
	const options = readOptions(process.argv.slice(2), process.env);
	const chosen = choose(options);
	buildPrograms();
	const context = makeContext(options);
	const all = {
		date: new Date().toISOString(),
		machine: describeMachine(),
		disk: describeDisk(context.dir, options.flushes),
		durability,
		versions: describeVersions(join(postgresFolder() ?? '', 'postgres')),
		options,
		series: [],
		goals: [],
	};
	process.stdout.write(headText(all));
	await fetchAnswer(context);
	for (const series of chosen) {
		say(`${series.name}: ${series.title}`);
		const result = { ...describe(series),
			...await tryToRun(series, context, options) };
		all.series.push(result);
		process.stdout.write(seriesText(result));
		writeResults(all, options);
		if (result.points)
			drawPlot(result, join(options.results, `${series.name}.svg`),
				series.plot);
	}
	all.goals = goals(options).map((goal) =>
		judge(goal, all.series, options));
	process.stdout.write(goalsText(all.goals));
	writeResults(all, options);
	const failed = all.series.filter(({ error }) => error);
	for (const { name } of failed)
		say(`bench: ${name} failed`);
	return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
