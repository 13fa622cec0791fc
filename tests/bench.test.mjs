// The bench in its short form: every series runs, measures something, and is
// written down.  How fast anything was is no matter here.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('bench/main.mjs', import.meta.url));

const requestSeries = ['create', 'confirm', 'get', 'list', 'refusal',
	'replay', 'mix'];
// What is compared in each, and at how many values of the axis.
const expected = {
	ceilings: { things: 4, values: 1 },
	...Object.fromEntries(requestSeries.map((name) =>
		[name, { things: 2, values: 1 }])),
	committers: { things: 3, values: 1 },
	workers: { things: 1, values: 2 },
	growth: { things: 2, values: 2 },
	memory: { things: 1, values: 2 },
	bytes: { things: 1, values: 2 },
	webhooks: { things: 4, values: 1 },
	peers: { things: 3, values: 1 },
};

function inherited() {
	return Object.fromEntries(Object.entries(process.env)
		.filter(([name]) => !name.startsWith('BENCH_')));
}

async function runBench(results, dir) {
	const child = spawn('setpriv', ['--pdeathsig', 'TERM', process.execPath,
		program, '--short'], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...inherited(), BENCH_RESULTS: results, BENCH_DIR: dir },
	});
	const said = { stdout: '', stderr: '' };
	for (const name of Object.keys(said)) {
		child[name].setEncoding('utf8');
		child[name].on('data', (chunk) => { said[name] += chunk; });
	}
	const [status] = await once(child, 'close');
	return { status, ...said };
}

function positive(value, what) {
	assert.ok(Number.isFinite(value) && value > 0, `${what}: ${value}`);
}

function checkPoint(point, where) {
	assert.equal(point.samples.length, 1, where);
	const [sample] = point.samples;
	for (const name of ['requests', 'rate', 'p50_ms', 'p99_ms'])
		positive(sample[name], `${where} ${name}`);
	assert.ok(sample.p99_ms >= sample.p50_ms, where);
	assert.ok(Number.isFinite(sample.cpu_app_us) && sample.cpu_app_us >= 0,
		where);
	assert.ok(sample.written_bytes >= 0, where);
	assert.deepEqual(point.rate, { median: sample.rate, min: sample.rate,
		max: sample.rate });
}

function checkSeries(series) {
	const { things, values } = expected[series.name];
	assert.equal(series.error, undefined, series.name);
	assert.equal(series.points.length, things * values, series.name);
	for (const point of series.points)
		checkPoint(point, `${series.name} ${point.thing} ${point.x}`);
	for (const ratio of series.ratios)
		positive(ratio.median, `${series.name}: ${ratio.name}`);
}

function checkMemory(results) {
	const { points } = results.series.find(({ name }) => name === 'memory');
	for (const { x, samples: [sample] } of points) {
		positive(sample.pss_worker_bytes, 'a worker');
		positive(sample.pss_map_bytes, 'the map');
		positive(sample.pss_nginx_bytes, 'nginx');
		assert.ok(sample.pss_intentd_bytes > sample.pss_worker_bytes);
		assert.ok(sample.processes.length > x, 'each process');
	}
}

function checkWritten(results) {
	const { points } = results.series.find(({ name }) => name === 'bytes');
	for (const { samples: [sample] } of points)
		positive(sample.written_bytes, 'bytes of a durable create');
}

// Every row has as many cells as the head, and every sample a row.
function checkCsv(text, results) {
	const [head, ...rows] = text.trimEnd().split('\n')
		.map((line) => line.replace(/"[^"]*"/g, '-').split(',').length);
	assert.ok(head > 10);
	for (const cells of rows)
		assert.equal(cells, head);
	const samples = results.series.flatMap(({ points }) => points ?? [])
		.flatMap((point) => point.samples);
	assert.equal(rows.length, samples.length);
}

function checkPlot(path, series) {
	const text = readFileSync(path, 'utf8');
	assert.match(text, /^<\?xml/);
	assert.match(text, /<\/svg>\s*$/);
	assert.ok(text.includes(series.title), 'its title');
}

function checkDescription({ machine, disk, durability, versions }) {
	positive(machine.cores, 'cores');
	positive(disk.fdatasync.p50_ms, 'fdatasync');
	assert.match(durability, /LMDB/);
	for (const [name, version] of Object.entries(versions))
		assert.notEqual(version, 'unknown', name);
}

test('the bench measures every series', async (t) => {
	const results = mkdtempSync(join(tmpdir(), 'intentd-results-'));
	// On a disk, where PostgreSQL's user may pass through.
	const dir = mkdtempSync('/var/tmp/intentd-place-');
	chmodSync(dir, 0o711);
	t.after(() => {
		for (const folder of [results, dir])
			rmSync(folder, { recursive: true, force: true });
	});
	const { status, stdout, stderr } = await runBench(results, dir);
	assert.equal(status, 0, stderr);
	assert.deepEqual(readdirSync(dir), [], 'nothing is left');

	const found = JSON.parse(readFileSync(join(results, 'results.json')));
	checkDescription(found);
	assert.deepEqual(found.series.map(({ name }) => name).sort(),
		Object.keys(expected).sort());
	for (const series of found.series) {
		assert.ok(stdout.includes(`\n${series.name}: ${series.title}\n`));
		checkSeries(series);
		checkPlot(join(results, `${series.name}.svg`), series);
	}
	checkMemory(found);
	checkWritten(found);
	checkCsv(readFileSync(join(results, 'results.csv'), 'utf8'), found);
	for (const goal of found.goals)
		assert.ok(stdout.includes(goal.name), goal.name);
});

test('a series that nobody knows is refused', async () => {
	const child = spawn(process.execPath, [program, '--short'], {
		stdio: ['ignore', 'ignore', 'pipe'],
		env: { ...inherited(), BENCH_SERIES: 'creat' },
	});
	let text = '';
	child.stderr.on('data', (chunk) => { text += chunk; });
	const [status] = await once(child, 'close');
	assert.notEqual(status, 0);
	assert.match(text, /BENCH_SERIES: no series creat/);
});
