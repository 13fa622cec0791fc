// Random runs against the server, one after the other or at the same time.
import assert from 'node:assert/strict';
import fc from 'fast-check';

import { isLong } from '../http/amount.mjs';
import { createAccount } from '../http/fixtures.mjs';
import { explain, follow } from './explain.mjs';
import { createAccounts, createKnown, openWorld } from './world.mjs';

// The replays of one key say what the first answer said, byte for byte.
function assertReplays(ones) {
	const first = new Map();
	for (const { call, observed, text } of ones)
		if (call.key !== undefined && observed.status !== 422) {
			const key = `${call.shop} ${call.key}`;
			if (!observed.replayed && (observed.status < 300 ||
				observed.status === 402))
				first.set(key, text);
		}
	for (const { call, observed, text } of ones)
		if (observed.replayed && first.has(`${call.shop} ${call.key}`))
			assert.equal(text, first.get(`${call.shop} ${call.key}`));
}

async function sendAll(world, model, known, commands) {
	const ones = [];
	for (const command of commands)
		if (command.action === 'advance')
			await world.advance(command.seconds);
		else
			ones.push(await world.send(known, model.resolve(known, command),
				command));
	return ones;
}

// The lists that show all; ids that nobody was told of are seen there first.
async function lookAtAll(world, model, before) {
	const ones = [];
	for (const bound of [false, true])
		for (const call of model.finalCalls(before))
			if (world.has(call.shop))
				ones.push(await world.send(createKnown(), call, { bound }));
	return ones;
}

export async function runSequence(world, model, commands) {
	const known = createKnown();
	const ones = await sendAll(world, model, known, commands);
	ones.push(...await lookAtAll(world, model, known));
	follow(model, world.shops, ones);
	if (model.replaysText)
		assertReplays(ones);
	return { calls: ones.length };
}

export async function runParallel(world, model, { first, pool, clients }) {
	const known = createKnown();
	const before = await sendAll(world, model, known, first);
	const shops = follow(model, world.shops, before);
	const together = (await Promise.all(clients.map((numbers) =>
		sendAll(world, model, createKnown(known),
			numbers.map((number) => pool[number % pool.length]))))).flat();
	const after = await lookAtAll(world, model, known);
	const { tried, isDecided } = await explain(model, shops,
		[...together, ...after]);
	if (model.replaysText)
		assertReplays([...before, ...together]);
	return { calls: before.length + together.length + after.length,
		tried, isDecided };
}

const some = (calls, minLength, maxLength) =>
	fc.array(calls, { minLength, maxLength, size: 'max' });
const inOrder = (...parts) => fc.tuple(...parts).map((all) => all.flat());

// All calls there are, or those of one plot, which want the same of one object.
export const sequenceOf = (model) => fc.oneof(
	{ weight: model.plots.length,
		arbitrary: inOrder(model.beginnings, some(model.command, 1, 20)) },
	...model.plots.map(({ beginnings, calls }) => ({ weight: 1,
		arbitrary: inOrder(beginnings, some(calls, 2, 12)) })));

// With steps of the server's clock between them: beyond the time of a payment
// that waits, or of a key.
export function timedOf(model) {
	const step = fc.constantFrom(1000, 1000, 90000)
		.map((seconds) => [{ action: 'advance', seconds }]);
	return inOrder(model.beginnings, some(model.timed, 1, 6), step,
		some(model.timed, 1, 6), step, some(model.timed, 1, 6));
}

// The clients take from one small pool, so that they get into each other's way,
// also with one idempotency key.
const together = (first, call) => fc.record({ first,
	pool: some(call, 1, 4),
	clients: some(some(fc.nat(3), 1, 4), 2, 6),
});

export const togetherOf = (model) => fc.oneof(
	{ weight: model.plots.length, arbitrary: together(
		inOrder(model.beginnings, some(model.command, 0, 3)),
		model.conflicts) },
	...model.plots.map(({ beginnings, calls }) => ({ weight: 1,
		arbitrary: together(beginnings, calls) })));

// How long a failure is shrunk, at most.
const shrinkingMs = isLong ? 600000 : 20000;

// How a failure is told: what it was shrunk to, and how to see it again.
export function report({ seed, counterexamplePath, counterexample, numShrinks,
	errorInstance }, { found }) {
	return new Error(`run ${found}: FC_SEED=${seed} FC_PATH=${
		counterexamplePath} (shrunk ${numShrinks} times)\n${
			fc.stringify(counterexample[0])}\n${errorInstance.message}`);
}

// One line of runs, which ends early when another one has failed.
async function runLine(lines, { arbitrary, run, seed, path, numRuns }) {
	let failed = false;
	const property = fc.asyncProperty(arbitrary, async (input) => {
		if (lines.failure && (!failed || Date.now() > lines.until))
			return;
		lines.begun++;
		try {
			// What a race has shown once may take some tries again.
			for (let i = 0; i < (failed ? 8 : 1); i++)
				await run(input);
		} catch (error) {
			lines.failure ??= error;
			lines.found ??= lines.begun;
			lines.until ??= Date.now() + shrinkingMs;
			failed = true;
			throw error;
		}
	});
	const result = await fc.check(property, { seed, path, numRuns,
		noBias: true });
	if (result.failed)
		throw report(result, lines);
}

function readSeed({ FC_SEED: seed, FC_PATH: path }) {
	return seed === undefined ? { seed: Date.now() & 0x7fffffff }
		: { seed: Number(seed), path };
}

// Several lines of runs at once, so that they share commits; each has a seed.
// FC_SEED and FC_PATH repeat what a failure names, in one line.
export async function runMany(t, server, { model, arbitrary, run, count,
	lanes = 4 }) {
	const accounts = createAccounts(server, model);
	const stranger = await createAccount(server, 'Stranger');
	const sum = { runs: 0, calls: 0, tried: 0, undecided: 0 };
	const { seed, path } = readSeed(process.env);
	const width = path === undefined ? lanes : 1;
	const lines = { begun: 0 };

	async function runOne(input) {
		const world = await openWorld(server, model, stranger,
			await accounts.take(JSON.stringify(input).includes('"live"')));
		const { calls, tried = 0, isDecided = true } =
			await run(world, model, input);
		sum.runs++;
		sum.calls += calls;
		sum.tried += tried;
		sum.undecided += isDecided ? 0 : 1;
	}

	const ends = await Promise.allSettled(Array.from({ length: width },
		(_, i) => runLine(lines, { arbitrary: arbitrary(model), run: runOne,
			seed: seed + i, path, numRuns: Math.ceil(count / width) })));
	await accounts.end();
	t.diagnostic(`${model.name}: ${sum.runs} runs, ${sum.calls} calls` +
		`${sum.tried ? `, ${sum.tried} steps of orders tried, ${
			sum.undecided} runs undecided` : ''}; ` +
		`FC_SEED=${seed}`);
	for (const { status, reason } of ends)
		if (status === 'rejected')
			throw reason;
	// A search that ends too early is the exception: 26 of 3,765 runs did.
	assert.ok(sum.undecided <= 1 + sum.runs / 20,
		`${sum.undecided} undecided`);
}
