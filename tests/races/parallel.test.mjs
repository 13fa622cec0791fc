// Random calls of several clients at once: some order of them, in which none
// comes before one that had ended when it began, explains every answer and the
// final state.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { amount } from '../http/amount.mjs';
import { startServer } from '../http/harness.mjs';
import { card } from './card.mjs';
import { coin, coinAtOne } from './coin.mjs';
import { runMany, runParallel, togetherOf } from './runs.mjs';
import { closeConnections } from './world.mjs';

const count = amount('RACES_PARALLEL', { short: 8, long: 6000 });
let server;

before(async () => {
	server = await startServer({ workers: 3 });
});

after(async () => {
	closeConnections();
	await server?.stop();
});

for (const model of [card, coin, coinAtOne])
	test(`parallel calls of the ${model.name} contract`, async (t) => {
		await runMany(t, server, { model, arbitrary: togetherOf,
			run: runParallel, count });
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});
