// What is done to a server while it is under load: signals that lose nobody a
// request, kills that may, and the operator's commands beside it.
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { isRunning } from '../bench/processes.mjs';
import { askAnyway, ofKind } from '../http/status_client.mjs';
import { supervisorOf } from './watch.mjs';

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const mostMs = 60000;

// Until it is so; a bound that ends a test which will not pass.
export async function until(condition, what, most = mostMs) {
	for (const end = Date.now() + most; Date.now() < end;) {
		const found = await condition();
		if (found)
			return found;
		await rest(100);
	}
	throw new Error(`${what}: it did not come`);
}

// Settings that a reload changes, one after the other.
const variants = [
	{ access_log: 'off', batch_commands: 256, webhooks_in_flight: 64 },
	{ access_log: 'on', batch_commands: 16, sweep_interval_ms: 200 },
	{ access_log: 'on', slow_log_ms: 50 },
	{ access_log: 'off', max_requests: 5000, event_retention_days: 7 },
];
const usual = { event_retention_days: 7 };

export class Disturber {
	kills = []; // ms since 1970
	done = {}; // by name: how often
	aheadSeconds = 0;
	#variant = 0;
	#logs = 0;

	constructor(server, random) {
		Object.assign(this, { server, random });
		this.conf = join(server.dir, 'intentd.conf');
	}

	#note(name) {
		this.done[name] = 1 + (this.done[name] ?? 0);
	}

	signal(name) {
		process.kill(supervisorOf(this.server), name);
		this.#note(name);
	}

	// -- What loses nobody a request -------------------------------------

	async reload(settings) {
		const all = { ...usual, ...settings,
			clock_offset_s: this.aheadSeconds };
		writeFileSync(this.conf, Object.entries(all).map(([name, value]) =>
			`${name} = ${value}\n`).join(''));
		const { generation } = await this.status();
		this.signal('SIGHUP');
		await until(async () => (await this.status()).generation >
			generation, 'a reload');
		await this.settle();
	}

	status() {
		return until(async () =>
			(await askAnyway(this.server, '/status'))?.body, 'the monitor');
	}

	// All processes are of the settings in force, and as many as usual.
	async settle() {
		const kinds = { committer: 1, sweeper: 1, monitor: 1, courier: 2,
			worker: this.server.workers };
		await until(async () => {
			const status = await this.status();
			return status.processes.length ===
				Object.values(kinds).reduce((sum, one) => sum + one) &&
				Object.entries(kinds).every(([kind, count]) =>
					ofKind(status, kind).filter(({ generation }) =>
						generation === status.generation)
						.length === count);
		}, 'the usual processes');
	}

	// A day or more later: with nobody who waits for an answer.
	async jump(seconds) {
		this.aheadSeconds += seconds;
		await this.reload(usual);
		this.#note('jump');
	}

	reloadOther() {
		return this.reload(variants[this.#variant++ % variants.length]);
	}

	async replace() {
		const supervisor = supervisorOf(this.server);
		this.signal('SIGUSR2');
		await until(() => {
			const now = supervisorOf(this.server);
			return now !== undefined && now !== supervisor;
		}, 'another supervisor');
		await until(() => !isRunning(supervisor), 'the end of the old one');
		await this.settle();
	}

	// As logrotate does it, and the file that was moved away is removed.
	async rotate() {
		const log = this.server.logFile;
		const moved = `${log}.${this.#logs++}`;
		renameSync(log, moved);
		this.signal('SIGUSR1');
		await until(() => existsSync(log), 'another log');
		rmSync(moved);
	}

	async scale() {
		this.signal('SIGTTIN');
		await until(async () => ofKind(await this.status(), 'worker')
			.length > this.server.workers, 'another worker');
		this.signal('SIGTTOU');
		await this.settle();
	}

	// -- The operator ----------------------------------------------------

	ctl(...words) {
		return this.server.ctl('--config', this.conf, ...words);
	}

	async backup() {
		const file = join(this.server.home, 'backup.mdb');
		await this.ctl('backup', '--force', file);
		rmSync(file);
		this.#note('backup');
	}

	async verify() {
		const { findings } = await this.ctl('verify');
		if (findings.length > 0)
			throw new Error(JSON.stringify(findings.slice(0, 5)));
		this.#note('verify');
	}

	async purge() {
		this.#note('purge');
		return this.ctl('purge', '--yes');
	}

	// -- Kills -----------------------------------------------------------

	async kill(kind, { but = [] } = {}) {
		const status = await this.status();
		const pids = ofKind(status, kind).map(({ pid }) => pid)
			.filter((pid) => pid && !but.includes(pid));
		const pid = pids[Math.floor(this.random() * pids.length)];
		if (pid === undefined)
			return;
		this.kills.push(Date.now());
		try {
			process.kill(pid, 'SIGKILL');
			this.#note(`kill ${kind}`);
		} catch (error) {
			if (error.code !== 'ESRCH')
				throw error;
		}
	}

	// Whether a kill explains what a client saw then.
	explains(at, afterMs) {
		return this.kills.some((kill) => at >= kill - 50 &&
			at <= kill + afterMs);
	}
}

// One pass of everything.
export const everything = [
	(disturber) => disturber.kill('worker'),
	(disturber) => disturber.reloadOther(),
	(disturber) => disturber.kill('committer'),
	(disturber) => disturber.rotate(),
	(disturber) => disturber.kill('courier'),
	(disturber) => disturber.replace(),
	(disturber) => disturber.kill('monitor'),
	(disturber) => disturber.scale(),
	(disturber) => disturber.kill('sweeper'),
	(disturber) => disturber.backup(),
	(disturber) => disturber.verify(),
];
