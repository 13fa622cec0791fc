// The processes that the bench starts besides intentd: each ends with it, and
// is ended by its own id.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

import { isRunning } from './processes.mjs';

const running = new Set();
const endMs = 30000;

// Waits without giving way: for the end of this process, when nothing else
// can be awaited.
function pause(ms) {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

process.on('exit', () => {
	for (const child of running)
		child.kill('SIGTERM');
	for (let i = 0; i < 200; i++)
		if ([...running].some(({ pid }) => isRunning(pid)))
			pause(25);
	for (const child of running)
		child.kill('SIGKILL');
});

export function run(command, words, options = {}) {
	const log = openSync(options.log, 'a');
	const child = spawn('setpriv', ['--pdeathsig', options.end ?? 'TERM',
		...options.setpriv ?? [], command, ...words.map(String)], {
		cwd: options.cwd,
		env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`,
			...options.environment },
		stdio: ['ignore', 'pipe', log],
	});
	closeSync(log);
	child.logFile = options.log;
	child.ended = new Promise((resolve) => {
		child.once('error', resolve);
		child.once('exit', resolve);
	}).then((how) => running.delete(child) && how);
	running.add(child);
	return child;
}

// The match of `pattern` in what the child says on standard output.
export function whenSaid(child, pattern) {
	let text = '';
	child.stdout.setEncoding('utf8');
	return new Promise((resolve, reject) => {
		child.stdout.on('data', (chunk) => {
			text += chunk;
			const match = text.match(pattern);
			if (match)
				resolve(match);
		});
		child.ended.then((how) => reject(new Error(
			`${child.spawnargs.join(' ')} ended (${how}):\n${text}` +
			readFileSync(child.logFile, 'utf8'))));
	});
}

// Until `condition` resolves to something true; false after `tries`.
export async function poll(condition, tries = 400) {
	for (let i = 0; i < tries; i++) {
		const found = await condition();
		if (found)
			return found;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	return false;
}

// Asks a child to end, and after a while no longer asks.
export async function end(child, signal = 'SIGTERM') {
	if (running.has(child))
		child.kill(signal);
	const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
	const how = await child.ended;
	clearTimeout(timer);
	return how;
}
