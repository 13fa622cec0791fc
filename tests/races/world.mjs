// Where the models meet the server: an account of its own for each run, its
// calls sent through the web server, and what came of them.
import assert from 'node:assert/strict';
import http from 'node:http';
import { performance } from 'node:perf_hooks';

import { advance } from '../http/clock.mjs';
import { operatorKey } from '../http/fixtures.mjs';
import { observe } from './explain.mjs';

const kept = new http.Agent({ keepAlive: true });
const prefixes = ['pi', 'ch', 'ref', 'cus', 'evt', 'txn', 'we'];

// Ids that a client has seen, by kind and in the order in which it did, and
// the calls that it has made.
export function createKnown(before) {
	const known = { calls: [...before?.calls ?? []] };
	for (const prefix of prefixes)
		known[prefix] = [...before?.[prefix] ?? []];
	return known;
}

function learn(known, value) {
	if (value === null || typeof value !== 'object')
		return;
	for (const [name, one] of Object.entries(value))
		if (name !== 'id')
			learn(known, one);
	const prefix = typeof value.id === 'string' && value.id.split('_')[0];
	if (prefix in known && !known[prefix].includes(value.id))
		known[prefix].push(value.id);
}

// The stable contract takes the key as a member of the body, too.
function withKey(key, call, json) {
	if (call.key === undefined)
		return { json };
	return call.inBody ? { json: { ...json, idempotency_key: key } }
		: { json, headers: { 'Idempotency-Key': key } };
}

let runs = 0;

// {send(known, call, how): sends it and returns what the explanation needs;
// how: `fresh`, on a connection of its own; `bound`, with a key that is bound to
// the merchant, which sees and does the same}.
// A shop is what one account has in one mode: the run's in test mode, in live
// mode, and another account, which all runs share and which is told apart by keys.
export async function openWorld(server, model, stranger, account) {
	const keys = { test: account.testKey, live: account.liveKey,
		other: stranger.testKey };
	const run = `run ${process.pid}-${++runs}`;
	const shops = model.createShops(server, account, stranger);

	async function send(known, call, how = {}) {
		const bound = Boolean(how.bound) && call.shop === 'test';
		const { method, path, query, json } = model.request(call, account);
		const words = query ? `?${new URLSearchParams(query)}` : '';
		const begin = performance.now();
		const answer = await server.request(method, `${path}${words}`, {
			...withKey(`${run} ${call.key}`, call, json),
			key: bound ? account.boundKey : keys[call.shop],
			agent: how.fresh ? undefined : kept });
		const end = performance.now();
		assert.ok(answer.status < 500, answer.text);
		learn(known, answer.body);
		known.calls.push(call);
		return { call: { ...call, bound, ahead: server.ahead }, begin, end,
			observed: observe(answer), text: answer.text };
	}

	return { shops, send, advance: (seconds) => advance(server, seconds),
		has: (shop) => keys[shop] !== undefined };
}

// Only what a run needs, since each word to intentctl is a process.
async function makeAccount(server, words) {
	const { id } = await server.ctl('account', 'create', '--name', 'Run');
	const merchant = await server.ctl('merchant', 'create', '--account', id,
		'--name', 'Run', ...words);
	const [all, bound] = await Promise.all([[], ['--merchant', merchant.id]]
		.map((more) => operatorKey(server, id, '--mode', 'test',
			'--type', 'secret', ...more)));
	return { id, merchantId: merchant.id, testKey: all.secret,
		boundKey: bound.secret };
}

async function addLiveKey(server, account) {
	const { secret } = await operatorKey(server, account.id, '--mode', 'live',
		'--type', 'secret');
	return { ...account, liveKey: secret };
}

// The accounts that runs take, made a few ahead of them.
export function createAccounts(server, model, ahead = 4) {
	const waiting = [];
	return {
		async take(needsLive) {
			while (waiting.length <= ahead)
				waiting.push(makeAccount(server, model.merchantWords()));
			const account = await waiting.shift();
			return needsLive ? addLiveKey(server, account) : account;
		},
		end: () => Promise.allSettled(waiting),
	};
}

export const closeConnections = () => kept.destroy();
