// libFuzzer on what takes bytes from outside, and on the engine: the targets
// of tests/fuzz, which say what must hold (NAME_fuzz.c).
//
// First what is kept is run again: NAME's corpus in corpus/NAME, and in found
// what has once broken something, as NAME-WHAT.  Then NAME is fuzzed from there
// with the words of the program's tables.
//
// FUZZ_SECONDS: of CPU, for each target; FUZZ_TARGETS=NAME,NAME: those alone;
// FUZZ_SEED repeats a run.  FUZZ_KEEP=1: what was found to lead further is
// added to the kept corpus, minimised, up to GROWN_BYTES_MAX of each target.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync,
	statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { before, after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { amount, isLong, seedOf } from '../http/amount.mjs';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const variant = ['CC=clang', 'SANITIZE=address,undefined'];
const programs = join(root, 'build/clang-address-undefined/tests/fuzz');

// The longest input of each, in bytes: beyond it nothing new is to be seen.
const lengths = {
	codec: 2048,
	commands: 256,
	form: 4096,
	json: 4096,
	records: 8192,
	requests: 4096,
	values: 512,
};
const names = (process.env.FUZZ_TARGETS ?? Object.keys(lengths).join())
	.split(',');
const seconds = amount('FUZZ_SECONDS', { short: 6, long: 3600 });
const seed = seedOf('FUZZ_SEED');

// Of what machines have found; it is named by 12 digits.  Other names are seeds.
const GROWN_BYTES_MAX = 24 * 1024;
const grownName = /^[0-9a-f]{12}$/;
const OUTPUT_BYTES_MAX = 1 << 30;
// A run ends by the clock, CPU is counted by the runs.
const RUN_SECONDS_MAX = 600;

// A leak is not looked for: what allocates once a process is none.
const environment = { ...process.env,
	ASAN_OPTIONS: 'detect_leaks=0:handle_abort=1' };

// Fields, paths, words and the names of the stall, as libFuzzer's dictionary.
function dictionary() {
	const words = [
		['lib/api/card.c', /WORD\("([^"]+)"\)|ROUTE\("([A-Z]+)", "([^"]+)"/g],
		['lib/api/stable.c', /WORD\("([^"]+)"\)|ROUTE\("([A-Z]+)", "([^"]+)"/g],
		['lib/core/names.h', /NAME\(\w+,\s*(?:\\\n\s*)?"([^"]+)"\)/g],
		['lib/core/records.h', /KIND\(\w+, \w+, "(\w+)"\)/g],
		['app/fastcgi.c', /"([A-Z_]{6,})"/g],
		['tests/fuzz/stall.c', /\[STALL_\w+\] = "(\w+)"/g],
	].flatMap(([file, pattern]) =>
		[...readFileSync(join(root, file), 'utf8').matchAll(pattern)]
			.flatMap(([, ...groups]) => groups.filter(Boolean)
				.map((word) => file.startsWith('tests')
					? `{${word}}` : word)));
	assert.ok(words.length > 200, `only ${words.length} words`);
	return [...new Set([...words, '\\x0a==\\x0a', '[]', '%5B', 'https://',
		'http://', '.example/', '2026-01-02T03:04:05Z', '::ffff:', '0x'])]
		.map((word) => `"${word}"\n`).join('');
}

function filesOf(folder) {
	return existsSync(folder)
		? readdirSync(folder).sort().map((name) => join(folder, name)) : [];
}

function keptFiles(name) {
	return [...filesOf(join(here, 'corpus', name)),
		...filesOf(join(here, 'found')).filter((path) =>
			path.startsWith(join(here, 'found', `${name}-`)))];
}

// Runs a target: what it says on standard error, and the seconds of CPU that it
// took; or an assertion that has the input which broke it, in hexadecimal, and
// where that is.
async function libFuzzer(name, directory, options) {
	const artifact = join(directory, 'broken-');
	try {
		const { stdout, stderr } = await run('bash',
			['-c', '"$@"; status=$?; times; exit $status', 'bash',
				join(programs, `${name}_fuzz`),
				`-artifact_prefix=${artifact}`, '-timeout=120',
				'-rss_limit_mb=4096', ...options],
			{ env: environment, cwd: directory,
				maxBuffer: OUTPUT_BYTES_MAX });
		// Of the shell; and in the second line of what it has run.
		const cpu = [...stdout.trim().split('\n').pop()
			.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, minutes, rest]) =>
			sum + 60 * Number(minutes) + Number(rest), 0);
		return { output: stderr, cpu };
	} catch (error) {
		const broken = filesOf(directory).find((path) =>
			path.startsWith(artifact));
		if (!broken)
			throw error;
		const bytes = readFileSync(broken);
		const kept = join(tmpdir(), `intentd-fuzz-${basename(broken)}`);
		copyFileSync(broken, kept);
		assert.fail(`${name} broke:\n${error.stderr.slice(-6000)}\n` +
			`input: ${kept}\n${bytes.toString('hex')}`);
	}
}

// The figures of libFuzzer's last line and of -print_final_stats.
function figuresOf(output) {
	const figure = (pattern) => Number(output.match(pattern)?.[1] ?? NaN);
	const [, cov, ft, corpus, size] = output.match(
		/DONE +cov: (\d+) ft: (\d+) corp: (\d+)\/(\w+)/) ?? [];
	return {
		executions: figure(/number_of_executed_units: (\d+)/),
		memory: figure(/peak_rss_mb: +(\d+)/),
		cov, ft, corpus, size,
	};
}

const told = ({ executions, cpu, cov, ft, corpus, size, memory }) =>
	`${executions} executions in ${cpu.toFixed(0)} s of CPU, coverage ${cov} ` +
	`edges and ${ft} features, corpus ${corpus} of ${size}, ${memory} MB`;

function kilobytes(paths) {
	return (paths.reduce((sum, path) => sum + statSync(path).size, 0) /
		1024).toFixed(0);
}

// The smallest set of inputs beside the seeds that has all of the coverage, up
// to the bound: small ones first.
async function keep(name, directory, grown) {
	const folder = join(here, 'corpus', name);
	const merged = join(directory, 'merged');
	mkdirSync(merged);
	for (const path of filesOf(folder))
		if (!grownName.test(basename(path)))
			copyFileSync(path, join(merged, basename(path)));
		else
			rmSync(path);
	const seeds = new Set(readdirSync(merged));
	await libFuzzer(name, directory, ['-merge=1', merged, grown]);
	const found = filesOf(merged)
		.filter((path) => !seeds.has(basename(path)))
		.sort((a, b) => statSync(a).size - statSync(b).size);
	let bytes = 0;
	for (const path of found) {
		bytes += statSync(path).size;
		if (bytes > GROWN_BYTES_MAX)
			break;
		copyFileSync(path, join(folder, basename(path).slice(0, 12)));
	}
}

// Fuzzes until so much CPU was used; in the short form by the clock, since
// others use it as well.
async function fuzz(name, directory, grown, words) {
	const sum = { executions: 0, cpu: 0 };
	do {
		const left = Math.ceil(seconds - sum.cpu);
		const { output, cpu } = await libFuzzer(name, directory, [
			`-seed=${seed + sum.executions}`,
			`-max_total_time=${Math.min(left, RUN_SECONDS_MAX)}`,
			`-max_len=${lengths[name]}`, `-dict=${words}`,
			'-print_final_stats=1', '-reload=0', grown]);
		const figures = figuresOf(output);
		assert.ok(figures.executions > 0, output.slice(-2000));
		sum.cpu += cpu;
		Object.assign(sum, figures,
			{ executions: sum.executions + figures.executions });
		// Of an hour that somebody ends early this is left.
		if (isLong)
			console.error(`${name}: ${told(sum)}`);
	} while (isLong && sum.cpu < seconds);
	return sum;
}

describe('fuzz', () => {
	let directory;

	before(async () => {
		directory = await mkdtemp(join(tmpdir(), 'intentd-fuzz-'));
		await run('make', ['-j2', ...variant, 'fuzzers'],
			{ cwd: root, maxBuffer: OUTPUT_BYTES_MAX });
	});

	after(() => rm(directory, { recursive: true, force: true }));

	it('has a length for each target', () => {
		assert.deepEqual(readdirSync(here).filter((file) =>
			file.endsWith('_fuzz.c')).sort(),
		Object.keys(lengths).sort().map((name) => `${name}_fuzz.c`));
	});

	for (const name of names) {
		it(`${name}: what is kept`, async (t) => {
			const files = keptFiles(name);
			assert.ok(files.length > 0, 'there is a corpus');
			const { output } = await libFuzzer(name, directory, files);
			const runs = output.match(/^Executed /gm)?.length;
			assert.equal(runs, files.length);
			t.diagnostic(`${name}: ${runs} kept inputs, ` +
				`${kilobytes(files)} KB`);
		});

		it(`${name}: ${seconds} s of fuzzing`, async (t) => {
			const own = join(directory, name);
			const grown = join(own, 'corpus');
			const words = join(own, 'words');
			mkdirSync(grown, { recursive: true });
			writeFileSync(words, dictionary());
			for (const path of keptFiles(name))
				copyFileSync(path, join(grown, basename(path)));
			const done = await fuzz(name, own, grown, words);
			t.diagnostic(`${name}: ${told(done)}, seed ${seed}`);
			if (process.env.FUZZ_KEEP === '1')
				await keep(name, own, grown);
		});
	}
});
