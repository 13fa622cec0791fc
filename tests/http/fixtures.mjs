// What tests need before they can begin: intents in a status, keys, accounts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { assertOk, assertRefused } from './harness.mjs';

export const visa = 'pm_card_visa';
export const invalid = {
	status: 400, type: 'invalid_request_error', code: 'parameter_invalid',
};
export const missing = {
	status: 404, type: 'invalid_request_error', code: 'resource_missing',
};

export async function createIntent(server, more = {}, options = {}) {
	const json = { amount: 2000, currency: 'usd', ...more };
	return assertOk(await server.request('POST', '/v1/payment_intents',
		{ ...options, json }));
}

export function getIntent(server, id, options = {}) {
	return server.request('GET', `/v1/payment_intents/${id}`, options)
		.then(assertOk);
}

const recipes = {
	requires_payment_method: {},
	requires_confirmation: { payment_method: visa },
	processing: { payment_method: 'pm_card_pending', confirm: true },
	requires_action: { payment_method: 'pm_card_3ds_required', confirm: true },
	requires_capture: { payment_method: visa, confirm: true,
		capture_method: 'manual' },
	succeeded: { payment_method: visa, confirm: true },
};

// An intent in a status of the state table.
export async function intentIn(server, status, options = {}) {
	const open = status === 'canceled' ? 'requires_payment_method' : status;
	let intent = await createIntent(server, recipes[open], options);
	if (status === 'canceled')
		intent = assertOk(await server.request('POST',
			`/v1/payment_intents/${intent.id}/cancel`, options));
	assert.equal(intent.status, status);
	return intent;
}

export async function createCustomer(server, json = {}, options = {}) {
	return assertOk(await server.request('POST', '/v1/customers',
		{ ...options, json }));
}

export async function createRefund(server, json, options = {}) {
	return assertOk(await server.request('POST', '/v1/refunds',
		{ ...options, json }));
}

export async function createKey(server, json, options = {}) {
	return assertOk(await server.request('POST', '/v1/api_keys',
		{ ...options, json }));
}

export function restrictedKey(server, permissions, options = {}) {
	return createKey(server,
		{ type: 'restricted', permissions, name: 'narrow' }, options);
}

export async function operatorKey(server, account, ...words) {
	const key = await server.ctl('key', 'create', '--account', account,
		'--name', 'made for a test', ...words);
	assert.match(key.secret, /^[spr]k_(test|live)_[0-9A-Za-z]{32}$/);
	return key;
}

// Another account with a merchant and keys of both modes.
export async function createAccount(server, name = 'Other') {
	const account = await server.ctl('account', 'create', '--name', name);
	const merchant = await server.ctl('merchant', 'create',
		'--account', account.id, '--name', `${name} shop`);
	const [test, live] = await Promise.all(['test', 'live'].map((mode) =>
		operatorKey(server, account.id, '--mode', mode,
			'--type', 'secret')));
	return { id: account.id, merchantId: merchant.id,
		testKey: test.secret, liveKey: live.secret };
}

const lists = ['payment_intents', 'charges', 'refunds', 'customers'];

// All that can be seen with a key, to compare before and after.
export async function snapshot(server, keys = [server.testKey]) {
	const answers = await Promise.all(keys.flatMap((key) => lists.map(
		(name) => server.request('GET', `/v1/${name}?limit=100`, { key }))));
	return answers.map((answer) => {
		assertOk(answer);
		return answer.text;
	});
}

// All bytes of the store that are in use; the file itself has a size of 1 GiB
// or so, most of it a hole.
export function storeText(server) {
	const copy = join(server.home, 'copy.mdb');
	execFileSync('mdb_copy', ['-n', server.store, copy]);
	return readFileSync(copy, 'latin1');
}

// Asks again until the answer is the one awaited; what is awaited comes by
// itself and soon, so that the number of tries is only there to end at all.
export async function until(ask, isIt, tries = 20000) {
	for (let i = 0; i < tries; i++) {
		const answer = await ask();
		if (isIt(answer))
			return answer;
		// Who is asked may stand still: a server of this process may not.
		await setImmediate();
	}
	throw new Error('what was awaited did not come');
}

// Tests that a request is refused without any effect.  `world` is filled in
// before they run: the server, and the keys whose objects must not change.
export function refusals(world) {
	async function withoutEffect(act) {
		const { server, keys } = world;
		const { workers } = server.pids();
		const stored = await snapshot(server, keys);
		const result = await act();
		assert.deepEqual(await snapshot(server, keys), stored);
		assert.deepEqual(server.pids().workers, workers);
		return result;
	}

	// [method, path or function giving it, options of server.request]
	function refuses(what, [method, path, options], expected) {
		test(what, async () => {
			const where = typeof path === 'function' ? path() : path;
			const answer = await withoutEffect(() =>
				world.server.request(method, where, options));
			assertRefused(answer, expected);
		});
	}

	// A test for each member of the table.
	function refusesAll(table, expected, ask) {
		for (const [what, value] of Object.entries(table))
			refuses(what, ask(value), expected);
	}

	return { withoutEffect, refuses, refusesAll };
}

// While `act` runs, no worker does, nor the supervisor, which would kill them.
export async function withoutWorkers(server, act) {
	const { supervisor, workers } = server.pids();
	const all = [supervisor, ...workers];
	for (const pid of all)
		process.kill(pid, 'SIGSTOP');
	try {
		return await act();
	} finally {
		for (const pid of all.reverse())
			process.kill(pid, 'SIGCONT');
	}
}
