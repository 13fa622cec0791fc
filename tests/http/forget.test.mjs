// Events that are older than event_retention_days go by themselves, with a
// line of the audit log each time; payments never.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { createIntent, until } from './fixtures.mjs';
import { startServer } from './harness.mjs';

const day = 24 * 3600;
// Of old events: more than the sweeper removes in one look, and some.
const cases = [[1, 16 * 256 + 100], [0, 300]];

// Payments of long ago, each with its event, imported beside a server.
async function importOld(server, folder, daysAgo, count) {
	const created = Math.floor(Date.now() / 1000) - daysAgo * day;
	const file = join(folder, `${daysAgo}.jsonl`);
	writeFileSync(file, `${JSON.stringify({ amount: 100, currency: 'usd',
		created })}\n`.repeat(count));
	await server.ctl('import', file);
}

async function tablesOf(server) {
	return (await server.ctl('stats')).tables;
}

for (const [committers, many] of cases)
	test(`old events are forgotten, with ${committers} committer`,
		async (t) => {
			const folder = mkdtempSync(join(tmpdir(), 'intentd-forget-'));
			t.after(() => rmSync(folder, { recursive: true }));
			const settings = { committers, sweep_interval_ms: 10,
				event_retention_days: 20 };
			const first = await startServer({ settings });
			await importOld(first, folder, 21, many);
			await importOld(first, folder, 19, 3);
			const before = await tablesOf(first);
			assert.equal(before.events, many + 3);
			const { home } = first;
			await first.halt();

			const server = await startServer(t, { home, settings });
			const after = await until(() => tablesOf(server),
				({ events }) => events === 3);
			assert.equal(after.intents, many + 3);
			assert.equal(before.lists - after.lists, 2 * many);
			await createIntent(server);
			assert.deepEqual((await server.ctl('verify')).findings, []);
			const { data } = await server.ctl('audit', 'show',
				'--from', before.audit, '--limit', 100);
			const gone = data.filter(({ what }) => what === 'events_forget');
			assert.ok(gone.every(({ who }) => who === 'sweeper'));
			assert.equal(gone.reduce((sum, { detail }) =>
				sum + Number(detail), 0), many);
		});
