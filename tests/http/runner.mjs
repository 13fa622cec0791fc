// scripts/run as its user sees it: with any options, what it prints and how
// it ends.  Tests that want a server take harness.mjs instead.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from './fixtures.mjs';
import { web } from './harness.mjs';

export const script = fileURLToPath(
	new URL('../../scripts/run', import.meta.url));

const cleaners = new WeakMap(); // by test: what is done at its end

// What began last ends first.
export function atEnd(t, clean) {
	if (!cleaners.has(t)) {
		const stack = [];
		cleaners.set(t, stack);
		t.after(async () => {
			while (stack.length > 0)
				await stack.pop()();
		});
	}
	cleaners.get(t).push(clean);
}

// A directory that is gone when the test ends, after what runs in it.
export function makeFolder(t) {
	const folder = mkdtempSync(join(tmpdir(), 'intentd-run-'));

	atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

function collect(stream) {
	const kept = { text: '', listeners: [] };

	stream?.setEncoding('utf8');
	stream?.on('data', (chunk) => {
		kept.text += chunk;
		for (const listener of kept.listeners)
			listener();
	});
	return kept;
}

// A program with its output, which ends with the test.  `ended` resolves to
// {code, signal, stdout, stderr}.
export function start(t, program, words, options = {}) {
	const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...words],
		{ stdio: ['ignore', 'pipe', 'pipe'], ...options });
	const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
	const ended = new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code, signal) => resolve({ code, signal,
			stdout: stdout.text, stderr: stderr.text }));
	});

	atEnd(t, () => {
		if (child.exitCode === null && child.signalCode === null)
			child.kill('SIGTERM');
		return ended;
	});
	return { child, ended, stdout, stderr, pid: child.pid };
}

export function run(t, words, options) {
	// What is given later counts.
	return start(t, script, ['--web', web, ...words], options);
}

// Resolves to the text printed so far once a line with `word` has come.
export function whenSaid({ stdout, ended }, word) {
	return new Promise((resolve, reject) => {
		const look = () => stdout.text.includes(word) &&
			resolve(stdout.text);

		stdout.listeners.push(look);
		look();
		ended.then(({ stderr }) => reject(new Error(
			`it ended without saying "${word}":\n${stderr}`)));
	});
}

// The last line of what scripts/run says when it is ready.
export function whenReady(started) {
	return whenSaid(started, '/v1/refunds');
}

export function readEnvironment(data) {
	const lines = readFileSync(join(data, 'demo.env'), 'utf8')
		.trimEnd().split('\n');

	return Object.fromEntries(lines.map((line) => {
		const [, name, value] = line.match(/^([A-Z_]+)=(.*)$/);
		return [name, value];
	}));
}

function readStat(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		const [, name, state, parent] = stat.match(/\((.*)\) (\S) (\d+)/s);
		return { pid: Number(pid), name, state, parent: Number(parent) };
	} catch {
		return null; // It has just ended.
	}
}

// A process and all below it.
export function family(pid) {
	const all = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
		.map(readStat).filter((found) => found !== null);
	const members = all.filter((one) => one.pid === pid);

	for (const member of members)
		members.push(...all.filter((one) => one.parent === member.pid));
	return members;
}

export function isRunning(pid) {
	const found = readStat(pid);

	return found !== null && found.state !== 'Z';
}

// Resolves on one of the next turns of the event loop.
export function turn() {
	return new Promise((resolve) => {
		setImmediate(() => resolve(false));
	});
}

// Until the kernel has ended them, which it is about to do.
export function whenEnded(pids) {
	return until(async () => {
		await turn();
		return pids.some(isRunning);
	}, (any) => !any, 1e6);
}
