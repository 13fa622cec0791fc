// intentd and intentctl with faults on demand (preload/fault.c), without a web
// server: FastCGI is spoken by hand, so that a server starts in no time.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync,
	readSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { isLong } from '../http/amount.mjs';
import { fastcgiBytes, fastcgiParams, fastcgiRequest } from '../http/fastcgi.mjs';
import { build, contractOf } from '../http/harness.mjs';
import { randomOf as fractionOf } from '../http/random.mjs';

const { errno, signals } = constants;
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// What is waited for at the longest; keeps no process alive.
const bound = (ms) => new Promise((resolve) =>
	setTimeout(resolve, ms, bound).unref());

// -- What is to fail ---------------------------------------------------------

// As struct control in preload/fault.c has them.
const at = { armed: 0, effect: 4, number: 8, nth: 12, stuck: 16, only: 20,
	never: 24, seen: 28, struck: 32, clock: 40, call: 48, process: 64 };
const controlBytes = 80;

const libraries = new Map(); // once a process, and gone with it

// What preload/NAME.c makes, for LD_PRELOAD.
export function buildLibrary(name = 'fault') {
	if (libraries.has(name))
		return libraries.get(name);
	const folder = mkdtempSync(join(tmpdir(), `intentd-${name}-`));
	process.once('exit', () => rmSync(folder, { recursive: true }));
	const library = join(folder, `${name}.so`);
	execFileSync('gcc', ['-O1', '-D_GNU_SOURCE', '-shared', '-fPIC', '-Wall',
		'-Wextra', '-Werror', '-o', library, fileURLToPath(
			new URL(`preload/${name}.c`, import.meta.url))]);
	libraries.set(name, library);
	return library;
}

export class Control {
	constructor(file) {
		writeFileSync(file, Buffer.alloc(controlBytes));
		this.descriptor = openSync(file, 'r+');
		this.environment = { LD_PRELOAD: buildLibrary(),
			FAULT_CONTROL: file };
	}

	// {call, error | short | signal, nth, stuck, process, only, never}
	arm({ call, error, signal, nth = 1, stuck = false, process: name = '',
		only = 0, never = 0 }) {
		const bytes = Buffer.alloc(controlBytes);
		this.disarm();
		readSync(this.descriptor, bytes, 0, controlBytes, 0);
		bytes.writeInt32LE(error ? 0 : signal ? 2 : 1, at.effect);
		bytes.writeInt32LE(errno[error] ?? signals[signal] ?? 0, at.number);
		bytes.writeUInt32LE(nth, at.nth);
		bytes.writeUInt32LE(Number(stuck), at.stuck);
		bytes.writeInt32LE(only, at.only);
		bytes.writeInt32LE(never, at.never);
		bytes.fill(0, at.seen, at.clock);
		bytes.fill(0, at.call);
		bytes.write(call, at.call, 'latin1');
		bytes.write(name, at.process, 'latin1');
		// All but the first four bytes, which are the switch.
		writeSync(this.descriptor, bytes, 4, at.clock - 4, 4);
		writeSync(this.descriptor, bytes, at.call, controlBytes - at.call,
			at.call);
		this.#write(at.armed, 1);
	}

	disarm() {
		this.#write(at.armed, 0);
	}

	#write(place, number) {
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32LE(number);
		writeSync(this.descriptor, bytes, 0, 4, place);
	}

	#read(place) {
		const bytes = Buffer.alloc(4);
		readSync(this.descriptor, bytes, 0, 4, place);
		return bytes.readUInt32LE();
	}

	// How many calls were faults.
	struck() {
		return this.#read(at.struck);
	}

	moveClock(seconds) {
		const bytes = Buffer.alloc(8);
		bytes.writeBigInt64LE(BigInt(seconds) * 1_000_000n);
		writeSync(this.descriptor, bytes, 0, 8, at.clock);
	}

	close() {
		closeSync(this.descriptor);
	}
}

// How often each row of a table was struck; and which need not be: patterns of
// their names, with the reason.
export class Hits {
	#rows = new Map();

	constructor(unstruck = []) {
		this.unstruck = unstruck;
	}

	add(name, struck) {
		this.#rows.set(name, (this.#rows.get(name) ?? 0) + struck);
	}

	isExcused(name) {
		return this.unstruck.some(([pattern]) => pattern.test(name));
	}

	// That none passes in silence.
	settle(t) {
		const names = [...this.#rows.keys()];
		const missed = names.filter((name) => this.#rows.get(name) === 0);
		t.diagnostic(`struck: ${names.length - missed.length} of ` +
			`${names.length} rows; not: ${missed.join('; ') || 'none'}`);
		if (!isLong)
			return;
		assert.deepEqual(missed.filter((name) => !this.isExcused(name)), [],
			'rows that were never struck');
		assert.deepEqual(this.unstruck.filter(([pattern]) =>
			!names.some((name) => pattern.test(name))), [],
			'reasons for rows that there are not');
	}
}

// -- A store, once a process -------------------------------------------------

const intentctl = join(build, 'intentctl');

// intentctl's exit status and texts; it may end by a signal.
export function control(words, environment = {}, options = {}) {
	const { status, signal, stdout, stderr } = spawnSync(intentctl, words,
		{ encoding: 'utf8', env: { ...process.env, ...environment },
			timeout: 60_000, killSignal: 'SIGKILL', ...options });
	return { status, signal, stdout, stderr };
}

export function operate(store, ...words) {
	const { status, stdout, stderr } = control(
		['--store', store, ...words, '--json']);
	assert.equal(status, 0, stderr);
	return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}

let shop; // the folder of a small store with an account and keys, and these

export function makeShop() {
	if (shop !== undefined)
		return shop;
	const folder = mkdtempSync(join(tmpdir(), 'intentd-shop-'));
	process.once('exit', () => rmSync(folder, { recursive: true }));
	const store = join(folder, 'intents.mdb');
	const config = join(folder, 'intentd.conf');
	writeFileSync(config, `store = ${store}\nstore_bytes = 1048576\n` +
		'store_bytes_max = 16777216\n');
	assert.equal(control(['--config', config, 'init']).status, 0);
	const account = operate(store, 'account', 'create', '--name', 'Shop').id;
	operate(store, 'merchant', 'create', '--name', 'Shop');
	const { secret } = operate(store, 'key', 'create', '--mode', 'test',
		'--type', 'secret', '--name', 'first');
	shop = { folder, store, account, testKey: secret };
	return shop;
}

// -- A server ----------------------------------------------------------------

const sizes = { store_bytes: 1048576, store_bytes_max: 16777216 };
const hasty = { workers: 1, request_timeout_ms: 1500,
	connection_timeout_ms: 500, restart_backoff_ms: 20, idempotency_wait_ms: 0,
	restarts_max: 0, shutdown_timeout_ms: 2000, sweep_interval_ms: 50,
	rate_card_merchant: 0, rate_card_api_keys: 0, rate_address: 0,
	rate_stable_test: 0, rate_stable_live: 0 };

function childrenOf(parent) {
	return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
		.flatMap((entry) => {
			try {
				const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
				const [, name, state, above] =
					stat.match(/\((.*)\) (\S) (\d+)/s);
				return Number(above) === parent && state !== 'Z'
					? [{ pid: Number(entry), name, state }] : [];
			} catch {
				return []; // It has just ended.
			}
		});
}

export class Server {
	constructor(t, { settings = {}, store, folder, testKey } = {}) {
		const made = makeShop();
		this.home = folder ?? mkdtempSync(join(tmpdir(), 'intentd-faults-'));
		this.store = store ?? join(this.home, 'intents.mdb');
		if (store === undefined)
			copyFileSync(made.store, this.store);
		this.testKey = testKey ?? made.testKey;
		this.publicUrl = 'http://127.0.0.1:8080';
		this.socket = join(this.home, 'intentd.sock');
		this.logFile = join(this.home, 'log');
		this.faults = new Control(join(this.home, 'control'));
		this.settings = { ...sizes, ...hasty, status: '',
			...settings, store: this.store, socket: this.socket };
		t.after(async () => {
			await this.stop();
			this.faults.close();
			rmSync(this.home, { recursive: true, force: true });
		});
	}

	// Starts it; does not wait for anything.
	spawn() {
		const log = openSync(this.logFile, 'a');
		this.child = spawn('setpriv', ['--pdeathsig', 'KILL',
			join(build, 'intentd'), ...Object.entries(this.settings)
				.map(([name, value]) => `--${name}=${value}`)],
		{ stdio: ['ignore', log, log],
			env: { ...process.env, ...this.faults.environment } });
		closeSync(log);
		this.ended = new Promise((resolve) => this.child.once('exit',
			(code, signal) => resolve({ code, signal })));
		return this;
	}

	async start() {
		this.spawn();
		await this.whenServing();
		return this;
	}

	log() {
		return readFileSync(this.logFile, 'utf8');
	}

	// What has come since the last call.
	newLog() {
		const text = this.log();
		const from = this.seenLog ?? 0;
		this.seenLog = text.length;
		return text.slice(from);
	}

	async whenLogged(pattern) {
		for (let i = 0; i < 4000 && !pattern.test(this.log()); i++)
			await rest(5);
		assert.match(this.log(), pattern);
	}

	// What `look` finds, once: a moment later it may be otherwise.
	async when(look) {
		for (let i = 0; i < 4000; i++) {
			const found = look();
			if (found)
				return found;
			assert.ok(!this.hasEnded, this.log());
			await rest(5);
		}
		throw new Error(this.log().slice(-3000));
	}

	get hasEnded() {
		return this.child.exitCode !== null || this.child.signalCode !== null;
	}

	processes() {
		return childrenOf(this.child.pid);
	}

	process(name) {
		return this.processes().find((one) => one.name === name);
	}

	whenProcess(name) {
		return this.when(() => this.process(name));
	}

	// Until it is no more; its successor may be there by then.
	async kill(name) {
		const { pid } = await this.whenProcess(name);
		try {
			process.kill(pid, 'SIGKILL');
		} catch (error) {
			assert.equal(error.code, 'ESRCH'); // It has just ended.
		}
		await this.when(() => !this.processes().some((one) =>
			one.pid === pid));
	}

	// The sweeper has written all of the audit log; or that is enough.
	async whenSwept(isEnough = () => false) {
		for (let i = 0; i < 2000; i++) {
			if (isEnough() || this.audit().trim() === '')
				return;
			await rest(5);
		}
		assert.fail(`not swept:\n${this.log().slice(-3000)}`);
	}

	assertAudit() {
		const { status, stderr, stdout } = control(['--store', this.store,
			'audit', 'verify', this.settings.audit_log]);
		assert.equal(status, 0, stdout + stderr);
	}

	// An answer, or {status: 0} where a connection ended without one, which
	// is a 502 of the web server.
	async request(method, path, { json, key } = {}) {
		const body = json === undefined ? '' : JSON.stringify(json);
		const answer = await Promise.race([
			fastcgiBytes(this, fastcgiRequest(fastcgiParams(this, method,
				path, body, key ? { HTTP_IDEMPOTENCY_KEY: key } : {}),
			body), { contract: contractOf(path) }).catch((error) => {
				// Nobody listens yet, or not any more.
				if (error.syscall === undefined)
					throw error;
				return null;
			}),
			bound(30_000),
		]);
		assert.notEqual(answer, bound,
			`${method} ${path} hangs:\n${this.log().slice(-2000)}`);
		return answer ?? { status: 0 };
	}

	// Asks the same again until it is done.
	async until(method, path, options,
		isIt = ({ status }) => [200, 201].includes(status)) {
		let answer;
		for (let i = 0; i < 2000; i++) {
			assert.ok(!this.hasEnded, this.log());
			answer = await this.request(method, path, options);
			if (isIt(answer))
				return answer;
			assert.ok(answer.status < 400 || answer.status > 499 ||
				answer.body.error.code === 'idempotency_key_in_use',
				answer.text);
			await rest(5);
		}
		return assert.fail(`${method} ${path}: ${answer.status} ` +
			`${answer.text}\n${this.log().slice(-3000)}`);
	}

	whenServing() {
		return this.until('GET', '/v1/customers?limit=1');
	}

	async stop() {
		this.faults.disarm();
		if (this.child === undefined)
			return undefined;
		if (!this.hasEnded) {
			this.child.kill('SIGTERM');
			this.child.kill('SIGCONT');
		}
		const ended = await Promise.race([this.ended, bound(20_000)]);
		if (ended === bound) {
			const left = this.processes();
			this.child.kill('SIGKILL');
			await this.ended;
			assert.fail(`it does not end: ${JSON.stringify(left)}\n` +
				this.log().slice(-3000));
		}
		return ended;
	}

	merchant() {
		return operate(this.store, 'merchant', 'list').data[0].id;
	}

	audit() {
		return control(['--store', this.store, 'audit', 'show']).stdout;
	}

	verify() {
		return operate(this.store, 'verify');
	}
}

export const startFaulty = (t, options) => new Server(t, options).start();

// -- Deaths ------------------------------------------------------------------

// Processes that ended by a signal that nobody sent: a broken program.
export const crashesIn = (log) =>
	log.match(/.*(ended after \d+ ms: signal (4|6|7|8|11),|Assertion|Sanitizer).*/g)
	?? [];

// OpenSSL takes memory for each digest: a process that gets none ends alone.
export const outOfMemory = /digest\.c:.*Assertion|signal 6,/;

// Whole numbers of a test, from a seed that can be given again.
export function randomOf(seed) {
	const fraction = fractionOf(seed);
	return (below) => Math.floor(fraction() * below);
}
