// A process that sends requests at a constant rate, whether or not the earlier
// ones were answered; how long one took is counted from when it was to begin,
// so that what waits because the server does not answer counts as waiting.
//
// It is told by messages: {world} once, then {rate} (requests a second; 0: none
// any more), {burst} (so many creations at once), {forget}, {end}; and says
// {window} every so often, {idle} once all was answered, {burst} when a burst
// was, {error} where an answer was another than must be.
import { createWriteStream } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { randomOf } from '../http/random.mjs';
import { Client } from './client.mjs';
import { count, emptyHistogram } from './histogram.mjs';
import { Shop, operations, pickOperation } from './mix.mjs';

const tickMs = 1;

let shop, client, book, timer;
let next = 0; // when the next one is to begin
let interval = Infinity;
let waiting = 0;
let openedWindow;

function openWindow() {
	openedWindow = { at: Date.now(), begun: 0, waiting: 0, lateMs: 0,
		latencies: emptyHistogram(),
		done: operations.map(() => 0) };
}

// Failures and answers of the window go with it.
function closeWindow() {
	process.send({ window: { ...openedWindow, until: Date.now(), waiting,
		failures: client.failures.splice(0), answers: client.answers } });
	client.answers = {};
	openWindow();
}

// Of a creation each takes a place for commands, and a place in the batch.
async function burst(count) {
	try {
		await Promise.all(Array.from({ length: count }, () =>
			shop.makeCard()));
	} catch (error) {
		process.send({ error: `burst: ${error.stack}` });
	}
	process.send({ burst: true });
}

async function begin(at) {
	const operation = pickOperation(shop.random);
	waiting++;
	openedWindow.begun++;
	try {
		await operation.run(shop);
		openedWindow.done[operations.indexOf(operation)]++;
		if (!operation.odd)
			count(openedWindow.latencies, performance.now() - at);
	} catch (error) {
		process.send({ error: `${operation.name}: ${error.stack}` });
	}
	waiting--;
	if (waiting === 0 && interval === Infinity)
		becomeIdle();
}

function becomeIdle() {
	clearInterval(timer);
	timer = undefined;
	closeWindow();
	client.rest();
	process.send({ idle: true });
}

function tick() {
	const now = performance.now();
	// How late this process itself is tells whether it can keep up.
	openedWindow.lateMs = Math.max(openedWindow.lateMs, now - next);
	for (; next <= now; next += interval)
		begin(next);
	if (interval < Infinity)
		setTimeout(tick, tickMs);
}

function setRate(rate, windowMs) {
	const wasIdle = interval === Infinity;
	interval = rate > 0 ? 1000 / rate : Infinity;
	if (rate === 0)
		return waiting === 0 ? becomeIdle() : undefined;
	next = performance.now() + interval;
	timer ??= setInterval(closeWindow, windowMs);
	return wasIdle ? tick() : undefined;
}

const orders = {
	world({ baseUrl, name, seed, bookFile, ...world }) {
		book = createWriteStream(bookFile);
		client = new Client(baseUrl, name);
		shop = new Shop(client, world, randomOf(seed),
			(line) => book.write(line));
		openWindow();
		process.send({ ready: true });
	},
	rate: ({ perSecond, windowMs }) => setRate(perSecond, windowMs),
	burst,
	forget: () => shop.forget(),
	end: () => book.end(() => process.disconnect()),
};

process.on('message', (message) => {
	for (const [name, value] of Object.entries(message))
		orders[name](value);
});
// Whoever has started it is gone.
process.on('disconnect', () => process.exit());
