// The processes that make the load, as one: a rate, windows of time with what
// was answered in them and how fast, and what went wrong.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { add, emptyHistogram, percentileOf } from './histogram.mjs';
import { operations } from './mix.mjs';

const program = fileURLToPath(new URL('driver.mjs', import.meta.url));

/*
 * What counts as a rate that holds: answers come, and as fast as they are
 * asked for, and the drivers themselves are on time.  A pause of the disk or
 * of a driver's garbage collection is up to 100 ms on a machine of two cores.
 */
const holds = { p99_ms: 100, lateMs: 100, waitingSeconds: 0.1 };
const tries = 3; // somebody else on the machine may spoil some
const firstRate = 400;
const step = 1.3; // upwards, then once by its root
const leastRate = 25;
/*
 * Of the highest rate that holds: at the same time the server is killed,
 * reloaded, copied and verified, and its store becomes a hundred times larger.
 */
const share = 0.8;
const probation = 3; // times as long as a try, then less by a tenth
const leastShare = 0.5;

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Drivers {
	windows = []; // {at, until, begun, waiting, lateMs,
	//	latencies, part, cores}
	failures = []; // {at, reason}: explained by somebody's death, or not
	errors = []; // answers that must not be
	done = new Map(operations.map(({ name }) => [name, 0]));
	part = 'warm-up'; // of the test: what windows are marked with
	answers = {}; // by status: how many
	measure = () => ({}); // of each window: the cores that were used meanwhile
	#children = [];
	#partial = []; // windows of the drivers, one list for each

	// world: of mix.mjs, with baseUrl; bookFiles: one for each process.
	async open(world, bookFiles, seed) {
		await Promise.all(bookFiles.map(async (bookFile, number) => {
			const child = fork(program, { serialization: 'advanced' });
			this.#children.push(child);
			child.ended = new Promise((resolve) =>
				child.once('exit', resolve));
			child.on('message', (message) => this.#hear(number, message));
			const ready = this.#said(child, 'ready');
			child.send({ world: { ...world, bookFile,
				name: `soak ${number}`, seed: seed + number } });
			await ready;
		}));
	}

	#said(child, word) {
		return new Promise((resolve, reject) => {
			const hear = (message) => {
				if (!message[word])
					return;
				child.off('message', hear);
				resolve();
			};
			child.on('message', hear);
			child.ended.then((code) =>
				reject(new Error(`a driver has ended: ${code}`)));
		});
	}

	#hear(number, { window, error }) {
		if (error)
			this.errors.push(error);
		if (!window)
			return;
		this.failures.push(...window.failures);
		for (const [status, count] of Object.entries(window.answers))
			this.answers[status] = count + (this.answers[status] ?? 0);
		operations.forEach(({ name }, at) => this.done.set(name,
			this.done.get(name) + window.done[at]));
		this.#partial[number] ??= [];
		this.#partial[number].push(window);
		this.#merge();
	}

	// Their windows have begun together, a few ms apart.
	#merge() {
		if (this.#partial.length < this.#children.length ||
			!this.#children.every((_, at) => this.#partial[at]?.length))
			return;
		const all = this.#partial.map((windows) => windows.shift());
		const sum = (member) => all.reduce((n, one) => n + one[member], 0);
		this.windows.push({
			part: this.part, cores: this.measure(),
			at: all[0].at, until: all[0].until,
			begun: sum('begun'), waiting: sum('waiting'),
			lateMs: Math.max(...all.map(({ lateMs }) => lateMs)),
			latencies: all.reduce((histogram, { latencies }) =>
				add(histogram, latencies), emptyHistogram()),
		});
	}

	get answered() {
		return [...this.done.values()].reduce((sum, each) => sum + each, 0);
	}

	get pids() {
		return this.#children.map(({ pid }) => pid);
	}

	run(rate, windowMs) {
		const perSecond = rate / this.#children.length;
		for (const child of this.#children)
			child.send({ rate: { perSecond, windowMs } });
	}

	// Until all was answered, and no connection is open.
	async drain() {
		await Promise.all(this.#children.map((child) => {
			const idle = this.#said(child, 'idle');
			child.send({ rate: { perSecond: 0 } });
			return idle;
		}));
	}

	// So many commands at once, and all of them answered.
	async burst(count) {
		const each = Math.ceil(count / this.#children.length);
		await Promise.all(this.#children.map((child) => {
			const done = this.#said(child, 'burst');
			child.send({ burst: each });
			return done;
		}));
	}

	forget() {
		this.#children.forEach((child) => child.send({ forget: true }));
	}

	async close() {
		await Promise.all(this.#children.map((child) => {
			if (child.connected)
				child.send({ end: true });
			return child.ended;
		}));
	}

	// -- The highest rate that holds -------------------------------------

	// The last half of it counts: the first is for getting there.
	async #tries(rate, seconds) {
		const first = this.windows.length;
		this.run(rate, seconds * 500);
		await rest(seconds * 1000);
		await this.drain();
		const window = this.windows.slice(first).filter(({ begun }) =>
			begun > rate * seconds / 4).at(-1);
		const p99 = window ? p99Of(window) : Infinity;
		return { p99, lateMs: window?.lateMs ?? Infinity,
			waiting: window?.waiting ?? Infinity,
			cores: this.measure() };
	}

	async #heldAt(rate, seconds, say) {
		for (let i = 0; i < tries; i++) {
			const { p99, lateMs, waiting, cores } =
				await this.#tries(rate, seconds);
			say(`${rate}/s: p99 ${p99.toFixed(1)} ms, ${waiting} waiting, ` +
				`the drivers up to ${lateMs.toFixed(0)} ms late; ` +
				wordsOfCores(cores));
			if (p99 <= holds.p99_ms && lateMs <= holds.lateMs &&
				waiting <= rate * holds.waitingSeconds)
				return true;
		}
		return false;
	}

	// Downwards until one holds, then upwards: who makes the machine busy may
	// be gone meanwhile.
	async #findHighest(held) {
		let highest = firstRate;
		while (highest > leastRate && !await held(highest))
			highest = Math.round(highest / 2);
		const above = (factor) => Math.round(highest * factor);
		while (await held(above(step)))
			highest = above(step);
		return await held(above(Math.sqrt(step)))
			? above(Math.sqrt(step)) : highest;
	}

	// A try takes so many seconds.  {highest, rate}: the highest rate that
	// held, and the one to go on with.
	async findRate(seconds, say) {
		const highest = await this.#findHighest((rate) =>
			this.#heldAt(rate, seconds, say));
		let rate = Math.round(share * highest);
		while (rate > leastShare * highest &&
			!await this.#heldAt(rate, seconds * probation, say))
			rate = Math.round(rate * 0.9);
		return { highest, rate };
	}
}

export const p99Of = ({ latencies }) => percentileOf(latencies, 0.99);

export const wordsOfCores = (cores) => Object.entries(cores)
	.map(([name, used]) => `${name} ${used.toFixed(2)}`).join(', ') + ' cores';
