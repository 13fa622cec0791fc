// A courier over very many deliveries: it may not grow.  Receivers are of all
// kinds: kept connections and ones that end after each answer, an address and a
// name (which a thread of its own resolves), and bodies of many lengths.
//
// SOAK_DELIVERIES: how many at least
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { amount, isLong } from '../http/amount.mjs';
import { visa } from '../http/fixtures.mjs';
import { assertOk, startServer } from '../http/harness.mjs';
import { startReceiver } from '../http/receiver.mjs';
import { settingsFor } from '../http/webhooks_load.mjs';
import { createEndpoint } from '../http/webhook_fixtures.mjs';
import { growthOf } from './growth.mjs';
import { look } from './watch.mjs';

const deliveries = amount('SOAK_DELIVERIES', { short: 400, long: 60000 });
const endpoints = 16; // as many as a merchant has
const shoppers = 4;
const looks = 60; // of the memory, over all deliveries
const inFlight = 64;
const ahead = isLong ? 1000 : 150; // deliveries that may wait
/*
 * Of each delivery, once everything has been used: half of the smallest thing
 * that can be allocated.  Undisturbed, it was 2.7 bytes over 20,000 (a few
 * pages: what sixteen connections begin anew with never is at the same place).
 * The short form is first uses; only pages for each delivery are beyond its
 * bound.
 */
const growthEach = isLong ? 16 : 4096;

const filesMost = 8; // connections come and go

const cards = '/v1/payment_intents';

// Until as many deliveries wait as a courier has at a time, none is answered:
// it then has used the most that it ever will of connections.
class Counter {
	seen = 0;
	#held = [];

	// Of the first half the connections end with each answer.
	behaviour(number) {
		const headers = number < endpoints / 2 ? {}
			: { Connection: 'close' };
		return ({ response }) => {
			this.receiver.requests.length = 0;
			this.seen++;
			this.#answer(() => response.writeHead(200, headers)
				.end('x'.repeat(this.seen * 37 % 3000)));
		};
	}

	#answer(answer) {
		if (this.seen > inFlight)
			return answer();
		this.#held.push(answer);
		if (this.seen === inFlight)
			this.#held.forEach((held) => held());
	}

	url(number) {
		this.receiver.answer(`/${number}`, this.behaviour(number));
		const url = this.receiver.url(`/${number}`);
		return number % 2 === 0 ? url : url.replace('127.0.0.1', 'localhost');
	}
}

async function open(t) {
	const counter = new Counter();
	counter.receiver = await startReceiver();
	t.after(() => counter.receiver.close());
	const server = await startServer(t, { workers: 1, settings: {
		...settingsFor(counter.receiver), couriers: 1,
		webhooks_in_flight: inFlight } });
	for (let number = 0; number < endpoints; number++)
		await createEndpoint(server, { url: counter.url(number),
			enabled_events: ['*'] });
	return { server, counter };
}

async function pay(server, number) {
	const { id } = assertOk(await server.request('POST', cards, { json: {
		amount: 2000, currency: 'usd', payment_method: visa,
		description: 'x'.repeat(number * 61 % 900) } }));
	assertOk(await server.request('POST', `${cards}/${id}/confirm`,
		{ json: {} }));
}

// Until so many were delivered; look() is called now and then.
async function run({ server, counter }, seen) {
	let made = 0;
	const each = 3 * endpoints; // about; what is really told is counted
	const shop = async () => {
		while (counter.seen < deliveries) {
			if (made * each - counter.seen < ahead)
				await pay(server, made++);
			else
				await new Promise((resolve) => setTimeout(resolve, 10));
			seen();
		}
	};
	await Promise.all(Array.from({ length: shoppers }, shop));
}

test('a courier does not grow by what it delivers', async (t) => {
	const say = (text) => {
		t.diagnostic(text);
		if (isLong)
			process.stderr.write(`${text}\n`);
	};
	const stage = await open(t);
	const [pid] = stage.server.pids().couriers;
	const points = [];
	await run(stage, () => {
		const { seen } = stage.counter;
		if (seen < points.length * deliveries / looks)
			return;
		const { ownBytes, files, threads } = look(pid);
		points.push([seen, ownBytes, files, threads]);
		if (points.length % 6 === 1)
			say(`${seen} deliveries: ${ownBytes / 1024} KiB, ` +
				`${files} files, ${threads} threads`);
	});
	assert.deepEqual(stage.server.pids().couriers, [pid]);
	// The first third is for whatever is used for the first time.
	const late = points.slice(points.length / 3);
	const grown = growthOf(late);
	const each = grown / (late.at(-1)[0] - late[0][0]);
	const files = growthOf(late.map(([seen, , count]) => [seen, count]));
	say(`${stage.counter.seen} deliveries: grown by ${each.toFixed(2)} ` +
		`bytes each in the last two thirds, files by ${files.toFixed(1)}`);
	assert.ok(each <= growthEach, `${each} bytes for each delivery`);
	assert.ok(files <= filesMost, `${files} files`);
});
