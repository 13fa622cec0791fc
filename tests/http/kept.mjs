// Kept connections past the web server, for tests of what they do to a worker.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

import { fastcgiConnect, fastcgiParams, fastcgiRequest } from './fastcgi.mjs';
import { createIntent } from './fixtures.mjs';
import { assertOk } from './harness.mjs';
import { turn } from './runner.mjs';

export const intents = '/v1/payment_intents';
export const fatIntents = 20;
export const whole = JSON.stringify({ amount: 2000, currency: 'usd' });
export const theWorker = (on) => on.pids().workers[0];

// What `look` finds once it is as wanted; others need the processor, too: the
// first looks follow each other, and then a millisecond is between them.
export async function until(look, isIt) {
	for (let i = 0; i < 3e4; i++) {
		const found = look();
		if (isIt(found))
			return found;
		await (i < 1000 ? turn() : setTimeout(1));
	}
	throw new Error('what was awaited did not come');
}

// Until it has stopped, it may still look once.
export async function stop(worker) {
	process.kill(worker, 'SIGSTOP');
	await until(() => readFileSync(`/proc/${worker}/stat`, 'latin1'),
		(stat) => /\) T /.test(stat));
}

let lastId = 0;

// A request as nginx sends it, on a connection that is to be kept.
export function kept(on, method, path, { body = '', id, ...more } = {}) {
	return fastcgiRequest(fastcgiParams(on, method, path, body,
		{ REQUEST_ID: id ?? `req_kept${++lastId}`, ...more }), body,
	{ keep: true });
}

export const getList = (on, id) => kept(on, 'GET', `${intents}?limit=1`, { id });
export const postOne = (on, id) => kept(on, 'POST', intents, { body: whole, id });

// A request whose answer is more than a socket holds (208 KiB).
export async function getFatList(on, id) {
	const metadata = Object.fromEntries(Array.from({ length: 50 },
		(_, i) => [`key${i}`, 'x'.repeat(500)]));
	for (let i = 0; i < fatIntents; i++)
		await createIntent(on, { metadata });
	return kept(on, 'GET', `${intents}?limit=${fatIntents}`, { id });
}

export function connect(t, on) {
	const connection = fastcgiConnect(on);
	t.after(() => connection.destroy());
	return connection;
}

// An exchange on a kept connection.
export async function ask(connection, bytes) {
	connection.send(bytes);
	return connection.answer();
}

// Others are served: through the web server, and on a kept connection past it.
export async function assertOthersServed(t, on) {
	const other = connect(t, on);
	for (let i = 0; i < 3; i++) {
		assertOk(await on.request('GET', `${intents}?limit=1`));
		assertOk(await ask(other, getList(on)));
	}
}

// The ids of the requests that were answered, in order.
export function answeredIds(on) {
	return [...on.log().matchAll(/ request=(req_\w+) contract=/g)]
		.map(([, id]) => id);
}

const dropped = 'dropped a connection that brought no request';

export const dropsIn = (on) => on.log().split(dropped).length - 1;
