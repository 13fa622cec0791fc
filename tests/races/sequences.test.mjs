// Random calls one after the other: every answer and the final state are those
// of the model; also with steps of the server's clock between them, after which
// the model says what has expired, and which keys are forgotten.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { amount } from '../http/amount.mjs';
import { startServer } from '../http/harness.mjs';
import { card } from './card.mjs';
import { coin, coinAtOne } from './coin.mjs';
import { runMany, runSequence, sequenceOf, timedOf } from './runs.mjs';
import { closeConnections } from './world.mjs';

const count = amount('RACES_SEQUENCES', { short: 6, long: 3000 });
const timedCount = amount('RACES_TIMES', { short: 1, long: 500 });
let server;

before(async () => {
	server = await startServer({ workers: 3, conf: '' });
});

after(async () => {
	closeConnections();
	await server?.stop();
});

for (const model of [card, coin, coinAtOne])
	test(`sequences of the ${model.name} contract`, async (t) => {
		await runMany(t, server, { model, arbitrary: sequenceOf,
			run: runSequence, count });
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});

for (const model of [card, coin, coinAtOne])
	test(`the times of the ${model.name} contract`, async (t) => {
		await runMany(t, server, { model, arbitrary: timedOf,
			run: runSequence, count: timedCount,
			lanes: 1 }); // there is one clock
		assert.deepEqual((await server.ctl('verify')).findings, []);
	});
