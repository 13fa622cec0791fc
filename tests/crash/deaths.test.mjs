// One death at each step: of the process that has come to it, whose place
// another one takes, and of the whole server at that moment, which is started
// again; in the midst of a load by a client that retries what it does not know.
// In the end nothing is lost, nothing doubled and no key stuck.
//
// DEATHS=500 makes each way of dying go on until there were so many.
// DEATHS_SEED=1 repeats at which passage of a step it dies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { assertChained, verifyLog, whenCopied } from '../http/audit.mjs';
import { amount, isLong, seedOf } from '../http/amount.mjs';
import { until } from '../http/fixtures.mjs';
import { assertAllThere } from '../http/load.mjs';
import { randomOf } from '../http/random.mjs';
import { startReceiver } from '../http/receiver.mjs';
import { family } from '../http/runner.mjs';
import { Book, errandsOf } from './book.mjs';
import { standUp, startModel } from './standing.mjs';

// In each way of dying; once at every step at least.
const deathsWanted = amount('DEATHS', { short: 0, long: 500 });
const depth = amount('DEATHS_DEPTH', { short: 1, long: 4 });
const seed = seedOf('DEATHS_SEED');
const shoppers = 8;
// Answers within which a step is come to, or is not on the way at all.
const answersMax = 4000;

// -- Steps -------------------------------------------------------------------

// All names, as the program has them.
const names = [...readFileSync(fileURLToPath(new URL('../../app/crash.h',
	import.meta.url)), 'utf8').matchAll(/^\s*(?:POINT|STEP)\((\w+)\)/gm)]
	.map(([, name]) => name);
const having = (...parts) => names.filter((name) =>
	parts.some((part) => name.startsWith(part)));

// Which passage may be the last one: what a command meets often is died at in
// many places of it.
const seldom = { STORE_SYNC: 6, PROCESS_: 6, COMMITTER_RECOVER: 2,
	SUPERVISOR_FORKED: 6, SUPERVISOR_: 1 };
const often = { ENGINE_LOAD: 120, ENGINE_PUT: 120, ENGINE_: 30, STORE_WR: 40,
	STORE_TORN: 40, STORE_: 12, OWNER_: 12, COMMITTER_: 12, AUDIT_: 4,
	COURIER_: 3 };

const random = randomOf(seed);
const draw = (most) => 1 + Math.floor(random() * most);

const spanOf = (spans, name) => Object.entries(spans).find(([part]) =>
	name.startsWith(part))?.[1];
const passageOf = (name) =>
	draw(spanOf(seldom, name) ?? depth * spanOf(often, name));
const armed = (steps) => ({ INTENTD_CRASH_AT: [...steps].map((name) =>
	`${name}=${passageOf(name)}`).join(',') });

// -- A server, a client, and their figures -----------------------------------

const figures = { deaths: {}, ways: {}, requests: 0, unknown: 0, replays: 0,
	inUseMs: 0, backMs: [] };

function note(way, name) {
	figures.deaths[name] = 1 + (figures.deaths[name] ?? 0);
	figures.ways[way] = 1 + (figures.ways[way] ?? 0);
}

const deathsIn = (text) =>
	[...text.matchAll(/crash point (\w+)/g)].map(([, name]) => name);

class Trial {
	died = 0; // deaths of this one
	#since = 0; // the last death that has no answer after it

	constructor(way, standing, book) {
		Object.assign(this, { way, standing, book, answers: 0 });
		book.onAnswer = () => { this.answers++; };
		const attempt = book.attempt.bind(book);
		book.attempt = async (...request) => {
			const answer = await attempt(...request);
			if (answer?.status < 300 && this.#since > 0) {
				figures.backMs.push(Date.now() - this.#since);
				this.#since = 0;
			}
			return answer;
		};
	}

	// What the log says of deaths since the last call.
	deaths() {
		const text = this.standing.news();
		this.said = text.slice(-2000);
		assert.doesNotMatch(text, /[Aa]ssert|Sanitizer|signal ([67]|11)\b/);
		const died = deathsIn(text);
		died.forEach((name) => this.noteDeath(name));
		return died;
	}

	noteDeath(name) {
		note(this.way, name);
		this.died++;
		this.#since = Date.now();
	}

	// So many answers more, 5xx among them; or until `over`.
	async afterAnswers(count, over = () => false) {
		const wanted = this.answers + count;
		await until(() => pause(2), () => this.answers >= wanted || over(),
			60000);
	}

	// Runs `act` beside the load, then the shoppers come to their ends with
	// a server that does not die any more.
	async beside(act) {
		const shopping = this.book.run(shoppers);
		// Whoever fails first says why.
		await Promise.race([shopping, act()]);
		this.standing.kill();
		await this.standing.ended;
		this.deaths();
		// Beyond every lease of the dead.
		this.standing.start({}, '--clock_offset_s=60');
		this.book.open = false;
		await shopping;
	}

	// As the dead have left it, before anybody mends it.
	async verify() {
		const { findings } = await this.standing.server.ctl('verify');
		assert.deepEqual(findings, [], this.said);
	}

	async close(t) {
		const { book, standing: { server } } = this;
		const auditLog = `${server.home}/audit.log`;
		await assertAllThere(book);
		await book.assertCoins();
		await book.assertSecrets();
		const told = await book.assertEvents();
		assertChained(await whenCopied(
			Object.assign(server, { auditLog })));
		assert.equal(verifyLog(server, auditLog).status, 0);
		this.deaths();
		figures.requests += book.attempts;
		figures.unknown += book.refused;
		figures.replays += book.replays;
		figures.inUseMs = Math.max(figures.inUseMs, book.inUseMs);
		t.diagnostic(JSON.stringify({ way: this.way, deaths: this.died,
			answered: book.answered.length, attempts: book.attempts,
			unknown: Object.fromEntries(book.refusals),
			replays: book.replays, ...told,
			// As was just asserted.
			lost: 0, doubled: 0, stuck: 0 }));
	}
}

let model;

before(async () => {
	model = await startModel({ workers: 2, environment: { CRASH: '1' },
		settings: { allow_private_webhooks: 'yes',
			webhook_ports: '*', public_url: 'https://pay.example.com',
			restart_backoff_ms: 0,
			restarts_max: 0, commands_in_flight: 4,
			webhooks_per_endpoint: 2, sweep_interval_ms: 10 } });
});
after(() => model?.server.stop());

async function begin(t, way, { settings, kind = 'inside' } = {}) {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const standing = await standUp(t, model);
	standing.settings = Object.entries({ ...settings,
		webhook_ca_file: receiver.caFile,
		audit_log: `${standing.server.home}/audit.log`,
	}).map(([name, value]) => `--${name}=${value}`);
	standing.start();
	await standing.whenServing();
	const book = new Book(standing.server);
	book.errands = errandsOf[kind];
	await book.prepare(receiver);
	standing.kill();
	await standing.ended;
	return new Trial(way, standing, book);
}

// -- The two ways of dying ---------------------------------------------------

// Each step is died at once in the life of one server, by whoever comes to it.
async function dieOneByOne(trial, steps) {
	const left = new Set(steps);
	const begun = trial.answers;
	let last;
	trial.standing.start(armed(left));
	await until(async () => {
		await pause(5);
		const { exitCode, signalCode } = trial.standing.child;
		for (last of trial.deaths())
			left.delete(last);
		assert.ok(trial.answers - begun < answersMax,
			`not come to: ${[...left].join(' ')}`);
		// It also opens the store before there are others.
		if (exitCode !== null || signalCode !== null) {
			assert.match(`${last}`, /^STORE_SYNC/, trial.said);
			await trial.standing.ended;
			trial.standing.start(armed(left));
		}
		return left.size;
	}, (size) => size === 0, 20000);
	trial.standing.kill();
	await trial.standing.ended;
}

// Each step is the end of a server and of all its processes at that moment.
async function dieTogether(trial, steps) {
	const left = new Set(steps);
	while (left.size > 0) {
		const begun = trial.answers;
		let ended = false;
		trial.standing.start({ ...armed(left), INTENTD_CRASH_ALL: '1' })
			.then(() => { ended = true; });
		await trial.afterAnswers(answersMax, () => ended);
		assert.ok(ended, `${trial.answers - begun} answers, not come to: ` +
			[...left].join(' '));
		const died = trial.deaths();
		assert.ok(died.length > 0, `it has ended by itself: ${trial.said}`);
		died.forEach((name) => left.delete(name));
		await trial.verify();
	}
}

// Until all steps were died at, and as often as is wanted.
async function again(trial, once) {
	do
		await once();
	while (trial.died < deathsWanted);
}

// -- The supervisor, whose death is everybody's ------------------------------

const tell = (signal) => ({ standing }) =>
	process.kill(standing.child.pid, signal);
const killWorker = ({ standing: { child } }) =>
	process.kill(family(child.pid).find(({ name, parent }) =>
		name === 'intentd' && parent === child.pid).pid, 'SIGKILL');

// What makes it come to its steps, once it serves.
const supervisorActs = {
	SUPERVISOR_FORKED: () => {},
	SUPERVISOR_READY: () => {},
	SUPERVISOR_REAPED: killWorker,
	SUPERVISOR_RELOADED: tell('SIGHUP'),
	SUPERVISOR_REPLACES: tell('SIGUSR2'),
	SUPERVISOR_TOLD: tell('SIGUSR2'),
	SUPERVISOR_HEARD: tell('SIGUSR2'),
	SUPERVISOR_ENDS: tell('SIGTERM'),
	SUPERVISOR_DRAINED: tell('SIGTERM'),
	SUPERVISOR_ENDED: tell('SIGTERM'),
};

// It alone, so that the others end as it has arranged; or all at once.
async function dieAsSupervisor(trial, steps) {
	for (const step of steps) {
		const all = trial.died % 2 === 1 ? { INTENTD_CRASH_ALL: '1' } : {};
		let died = [];
		const isOver = () => {
			died = [...died, ...trial.deaths()];
			return died.length > 0;
		};
		const ended = trial.standing.start({ ...armed([step]), ...all });
		if (step !== 'SUPERVISOR_FORKED' && step !== 'SUPERVISOR_READY') {
			await trial.standing.whenServing();
			await trial.afterAnswers(3);
			supervisorActs[step](trial);
		}
		await trial.afterAnswers(answersMax, isOver);
		assert.deepEqual(died, [step]);
		// A new program may serve on, or be about to.
		await trial.afterAnswers(3);
		trial.standing.kill();
		await ended;
	}
}

// -- kill -9 from outside, where no step is ----------------------------------

const pick = (list) => list[draw(list.length) - 1];

// Whom somebody else has ended at that moment is not there any more.
function killed(pid) {
	try {
		return process.kill(pid, 'SIGKILL');
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
		return false;
	}
}

async function dieByChance(trial, kinds) {
	const left = new Set(kinds);
	let ended = trial.standing.start({});
	await trial.standing.whenServing();
	while (left.size > 0) {
		await trial.afterAnswers(draw(12) - 1);
		await pause(draw(10) - 1);
		const { pid } = trial.standing.child;
		const all = family(pid).filter(({ state: one }) => one !== 'Z');
		const kind = draw(3) === 1 ? pick([...left]) : pick(kinds);
		const found = kind === 'supervisor' ? pid
			: pick(all.filter((one) => one.name === kind &&
				one.pid !== pid))?.pid;
		if (found === undefined)
			continue;
		if (!killed(kind === 'supervisor' && draw(2) === 1 ? -pid : found)) {
			if (kind === 'supervisor') {
				// Whom it has let open the store first was killed.
				trial.deaths();
				assert.match(trial.said, /opening it ends with signal 9/);
				await ended;
				ended = trial.standing.start({});
			}
			continue;
		}
		left.delete(kind);
		trial.noteDeath(kind);
		if (kind !== 'supervisor')
			continue;
		await ended;
		ended = trial.standing.start({});
	}
	trial.standing.kill();
	await ended;
}

// -- All ways ----------------------------------------------------------------

const ofEngine = having('ENGINE_', 'STORE_', 'OWNER_ANSWER', 'PROCESS_');
const ofCommitter = having('ENGINE_', 'STORE_', 'OWNER_', 'COMMITTER_',
	'PROCESS_', 'AUDIT_', 'COURIER_CLAIMED', 'COURIER_SENT',
	'COURIER_ANSWERED', 'COURIER_REPORTED').filter((name) =>
	!['OWNER_RESTS', 'OWNER_RESUMES'].includes(name));
// A server that starts has nobody's batch to sort.
const ofNobody = (name) => name !== 'COMMITTER_RECOVERS';
// What is only there where another engine, or a receiver, is asked.
const ofOutside = [...having('OWNER_REST', 'OWNER_RESUMES'), 'ENGINE_REMEMBERED',
	'STORE_FLUSHED', 'STORE_SWITCHED', 'STORE_COMMITTED', 'OWNER_ANSWERS'];
const inShort = having('STORE_', 'COMMITTER_MARKED', 'COMMITTER_FINISHED',
	'OWNER_DONE');
const outside = { sandbox_latency_ms: 20, idempotency_wait_ms: 0,
	request_timeout_ms: 1000, connection_timeout_ms: 500 };

const ways = {
	'of a process, others go on': { steps: ofCommitter, die: dieOneByOne },
	'of a process that commits alone':
		{ steps: ofEngine, die: dieOneByOne, settings: { committers: 0 } },
	'of a process, with an engine outside': { steps: ofOutside,
		die: dieOneByOne, settings: outside, kind: 'outside' },
	'of the whole server': { die: dieTogether,
		steps: isLong ? ofCommitter.filter(ofNobody) : inShort },
	'of the supervisor': { die: dieAsSupervisor,
		steps: Object.keys(supervisorActs) },
	'by kill -9 from outside': { die: dieByChance, steps: ['intentd',
		'intentd-commit', 'intentd-sweeper', 'intentd-courier',
		'intentd-monitor', 'supervisor'] },
};
if (isLong)
	Object.assign(ways, {
		'of the whole server, with an engine outside': { die: dieTogether,
			steps: ofOutside, settings: outside, kind: 'outside' },
		'of the whole server, each commits alone': { die: dieTogether,
			steps: ofEngine, settings: { committers: 0 } },
	});

// A lease that ends without an attempt takes an endpoint that fails
// (crash_points.test.mjs); deaths_ctl.test.mjs has intentctl's own steps.
test('every step that the program has is here', () => {
	const here = new Set(Object.values(ways).flatMap(({ steps }) => steps));
	assert.deepEqual(names.filter((name) => !here.has(name)),
		['COURIER_RELEASED', 'COPY_WRITTEN', 'COPY_LINKED', 'COPY_NAMED']);
});

describe('death at every step', { concurrency: 2 }, () => {
	for (const [way, { steps, die, ...options }] of Object.entries(ways))
		test(way, async (t) => {
			const trial = await begin(t, way, options);
			await trial.beside(() =>
				again(trial, () => die(trial, steps)));
			await trial.close(t);
		});
});

const percentile = (sorted, part) =>
	sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

after(() => {
	const back = figures.backMs.sort((a, b) => a - b);
	const deaths = Object.values(figures.deaths).reduce((a, b) => a + b, 0);
	console.log(`# deaths ${JSON.stringify({ seed, deaths,
		...figures, backMs: { p50: percentile(back, 0.5),
			p99: percentile(back, 0.99) } })}`);
});
