// Servers without scripts/run around them, so that all of one can die at one
// moment, and start again, while the web server before it stays:
//
//	const model = await startModel({ settings });
//	const standing = await standUp(t, model);
//	standing.start({ INTENTD_CRASH_AT: 'STORE_FLUSHED=3' });
//	standing.server.request(...)
//	await standing.ended
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdirSync, mkdtempSync, openSync,
	readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from '../http/fixtures.mjs';
import { intentctl, sendRequest, startServer } from '../http/harness.mjs';

// What this process has not ended by close(), because it ends before that.
const unclosed = new Map(); // folders, by who stands there
process.once('exit', () => {
	for (const [standing, home] of unclosed) {
		standing.killAll();
		rmSync(home, { recursive: true, force: true });
	}
});

// Spawns a leader of a process group, which hears `signal` should this process
// be killed.
function lead(signal, words, log, environment = {}) {
	const file = openSync(log, 'a');
	const child = spawn('setpriv', ['--pdeathsig', signal, ...words], {
		detached: true, stdio: ['ignore', file, file],
		env: { ...process.env, ...environment } });
	closeSync(file);
	child.on('error', () => {});
	return child;
}

const endOf = (child) => new Promise((resolve) =>
	child.once('exit', (code, signal) => resolve({ code, signal })));

// Whether anybody of a process group still runs.
function isThere(group) {
	return readdirSync('/proc').some((entry) => {
		try {
			if (!/^\d+$/.test(entry))
				return false;
			const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
			const [, state, own] = stat.match(/\) (\S) \d+ (\d+)/s);
			return Number(own) === group && state !== 'Z';
		} catch {
			return false; // It has just ended.
		}
	});
}

class Standing {
	#words; // intentd's, and the web server's
	#web;
	#log;
	#read = 0; // of the log
	#groups = []; // leaders, of all that were started

	constructor(server, words) {
		Object.assign(this, { server });
		this.#words = words;
		this.#log = join(server.home, 'log');
	}

	async serveWeb(settings) {
		const prefix = join(this.server.dir, 'nginx');
		mkdirSync(prefix);
		writeFileSync(join(prefix, 'nginx.conf'), settings);
		// By TERM it takes its workers along.
		this.#web = lead('TERM', ['nginx', '-p', prefix, '-c',
			join(prefix, 'nginx.conf'), '-e', 'stderr'], this.#log);
		this.#groups.push(this.#web);
		await until(() => this.#web.exitCode !== null ||
			existsSync(join(prefix, 'nginx.pid')), (is) => is);
		assert.equal(this.#web.exitCode, null, 'the web server has ended');
		// What is in the log so far is of another server.
		this.news();
	}

	settings = []; // of all that start, as --name=value; `more` are of one

	start(environment = {}, ...more) {
		this.child = lead('KILL', [...this.#words, ...this.settings, ...more],
			this.#log, environment);
		this.#groups.push(this.child);
		this.ended = this.#end(this.child);
		return this.ended;
	}

	// As systemd does before it starts a service again: until nobody of it
	// is left, who could still listen for a moment.
	async #end(child) {
		await endOf(child);
		await until(() => isThere(child.pid), (is) => !is);
	}

	// All that has come to the log since the last call.
	news() {
		const file = openSync(this.#log, 'r');
		try {
			const bytes = Buffer.alloc(fstatSync(file).size - this.#read);
			readSync(file, bytes, 0, bytes.length, this.#read);
			const whole = bytes.lastIndexOf('\n') + 1;
			this.#read += whole;
			return bytes.toString('latin1', 0, whole);
		} finally {
			closeSync(file);
		}
	}

	// All processes that start() has led to, whoever leads them now.
	kill(child = this.child) {
		try {
			process.kill(-child.pid, 'SIGKILL');
		} catch (error) {
			if (error.code !== 'ESRCH')
				throw error;
		}
	}

	async whenServing() {
		await until(() => this.server.request('GET',
			'/v1/payment_intents?limit=1'), ({ status }) => status === 200);
	}

	killAll() {
		this.#groups.forEach((child) => this.kill(child));
	}

	async close() {
		this.killAll();
		await Promise.all(this.#groups.filter(({ exitCode, signalCode }) =>
			exitCode === null && signalCode === null).map(endOf));
		await until(() => this.#groups.some(({ pid }) => isThere(pid)),
			(is) => !is);
	}
}

// What scripts/run makes, once, for all that stand up: a store, keys, arguments
// and the web server's settings; `environment` chooses the programs.
export async function startModel(options) {
	const server = await startServer(options);
	const words = readFileSync(`/proc/${server.pids().supervisor}/cmdline`,
		'utf8').split('\0').slice(0, -1);
	const settings = readFileSync(join(server.dir, 'nginx', 'nginx.conf'),
		'utf8');
	await server.halt();
	return { server, words, settings };
}

async function findPort() {
	const listener = net.createServer().listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const { port } = listener.address();
	listener.close();
	await once(listener, 'close');
	return port;
}

// Another server like the model, on a copy of its data.
export async function standUp(t, model) {
	const home = mkdtempSync(join(tmpdir(), 'intentd-stands-'));
	let standing;
	t.after(async () => {
		await standing?.close();
		unclosed.delete(standing);
		rmSync(home, { recursive: true, force: true });
	});
	execFileSync('cp', ['-a', '--sparse=always', model.server.dir, home]);
	const dir = join(home, 'data');
	const here = (text) => text.replaceAll(model.server.dir, dir);
	const port = await findPort();
	const server = { ...model.server, home, dir, store: join(dir, 'intents.mdb'),
		baseUrl: `http://127.0.0.1:${port}`,
		request: (method, path, more) =>
			sendRequest(server, method, path, more),
		ctl: (...words) => intentctl(server.store, ...words) };
	standing = new Standing(server, model.words.map(here));
	unclosed.set(standing, home);
	await standing.serveWeb(here(model.settings).replaceAll(
		`127.0.0.1:${new URL(model.server.baseUrl).port}`,
		`127.0.0.1:${port}`));
	return standing;
}
