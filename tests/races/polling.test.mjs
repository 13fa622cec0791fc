// Who polls a list with `ending_before` and the last row that was seen sees
// each row once, in its order, also while many are made at one time: lists are
// in the order of commits.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { amount } from '../http/amount.mjs';
import { visa } from '../http/fixtures.mjs';
import { assertOk, startServer } from '../http/harness.mjs';

const clients = 12;
const rounds = amount('POLLING_ROUNDS', { short: 8, long: 400 });

// What one client does again and again, and the lists that it adds to.
const contracts = {
	cards: {
		lists: ['payment_intents', 'events', 'charges', 'refunds'],
		query: () => '',
		async shop(server) {
			const { id } = assertOk(await server.request('POST',
				'/v1/payment_intents', { json: { amount: 1000,
					currency: 'usd', payment_method: visa } }));
			assertOk(await server.request('POST',
				`/v1/payment_intents/${id}/confirm`));
			assertOk(await server.request('POST', '/v1/refunds',
				{ json: { payment_intent: id, amount: 1 } }));
		},
	},
	coins: {
		lists: ['payment-intents', 'transactions'],
		query: ({ merchantId }) => `&merchant_id=${merchantId}`,
		async shop(server) {
			const { id } = assertOk(await server.request('POST',
				'/v1/payment-intents', { json: { amount: 4.5,
					currency: 'usd', merchant_id: server.merchantId } }),
			201);
			assertOk(await server.request('POST',
				`/v1/test-helpers/payment-intents/${id}/pay`));
		},
	},
};

// Every worker with little room for commands: some wait while others go on.
const servers = {
	'the committer': { commands_in_flight: 2, sandbox_latency_ms: 3 },
	'each worker by itself': { committers: 0, sandbox_latency_ms: 3 },
};

// A reader of one list: a page of ids, newest first.
const reader = (server, list, common) => async (query) => {
	const { data } = assertOk(await server.request('GET',
		`/v1/${list}?limit=100${common}${query}`));
	return data.map(({ id }) => id);
};

// All rows, the oldest first.
async function readAll(page) {
	const ids = await page('');
	for (let more = ids; more.length > 0;) {
		more = await page(`&starting_after=${ids.at(-1)}`);
		ids.push(...more);
	}
	return ids.reverse();
}

// Until nothing is new any more once everything has been made.
async function poll(page, isOver) {
	const seen = await readAll(page);
	for (;;) {
		const last = isOver();
		const more = await page(`&ending_before=${seen.at(-1)}`);
		if (last && more.length === 0)
			return seen;
		seen.push(...more.reverse());
	}
}

async function shopOften(server, shop) {
	for (let i = 0; i < rounds; i++)
		await shop(server);
}

for (const [who, settings] of Object.entries(servers))
	describe(`a poller misses nothing that is committed by ${who}`, () => {
		let server;

		before(async () => {
			server = await startServer({ workers: 3, settings });
		});

		after(() => server?.stop());

		for (const [name, { lists, query, shop }] of
			Object.entries(contracts))
			test(`lists of ${name}`, async (t) => {
				const pages = lists.map((list) =>
					reader(server, list, query(server)));
				let over = false;
				// Each list has a row to begin with.
				await shop(server);
				const shopping = Promise.all(Array.from({ length: clients },
					() => shopOften(server, shop)))
					.finally(() => over = true);
				const [, ...seen] = await Promise.all([shopping,
					...pages.map((page) => poll(page, () => over))]);
				for (const [i, list] of lists.entries()) {
					const all = await readAll(pages[i]);
					t.diagnostic(`${list}: ${all.length} rows`);
					assert.ok(all.length > clients * rounds);
					assert.deepEqual(seen[i], all, list);
				}
			});
	});
