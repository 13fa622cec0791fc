// kill -9 of couriers, of the committer and of workers, at random and under
// load: every event arrives at every endpoint that asked for it, and what
// arrives twice is the same event.
//
// CRASH_SECONDS=60 makes the load last so long.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { amount } from '../http/amount.mjs';
import { startServer } from '../http/harness.mjs';
import { behave, startReceiver } from '../http/receiver.mjs';
import { dawdle, openShop, refuseOnce, settingsFor } from '../http/webhooks_load.mjs';

const seconds = amount('CRASH_SECONDS', { short: 0, long: 60 });
const killsWanted = 12;
const answersEach = 12; // of a kill
// The first wait after a failure, and more.
const ahead = 2 * 60;

function killOne(pid) {
	try {
		process.kill(pid, 'SIGKILL');
		return 1;
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
		return 0;
	}
}

const pick = (list) => list[Math.floor(Math.random() * list.length)];

// A courier, sometimes others as well; counts those that it has ended.
function killSome(server, kills) {
	const { couriers, committer, workers } = server.pids();
	const chosen = { courier: pick(couriers),
		committer: Math.random() < 0.2 && committer,
		worker: Math.random() < 0.2 && pick(workers) };
	for (const [kind, pid] of Object.entries(chosen))
		if (pid)
			kills[kind] += killOne(pid);
}

// Kills after every few answers, at any point of what is under way then.
function killAlong(shop, wanted) {
	const end = Date.now() + seconds * 1000;
	const kills = { courier: 0, committer: 0, worker: 0 };
	let next = 10;
	shop.onAnswer = () => {
		if (shop.answers < next)
			return;
		next += 5 + Math.floor(Math.random() * 15);
		setTimeout(killSome, Math.random() * 30, shop.server, kills);
		shop.open = kills.courier < wanted ||
			shop.answers < wanted * answersEach || Date.now() < end;
	};
	return kills;
}

const behaviours = { good: () => behave.status(200),
	slow: () => dawdle(40), refusing: refuseOnce };

async function loseNothing(t, settings, wanted = killsWanted) {
	const receiver = await startReceiver();
	t.after(() => receiver.close());
	const options = { settings: { ...settingsFor(receiver),
		restart_backoff_ms: 0, restarts_max: 0, ...settings } };
	const servers = [await startServer(options)];
	// The last one first: the folder is everyone's.
	t.after(async () => {
		for (const server of servers.reverse())
			await server.stop();
	});
	const shop = await openShop(servers[0], receiver, behaviours);
	const kills = killAlong(shop, wanted);
	await shop.run(6);
	// No lease of the dead is waited for.
	await shop.whenArrived();
	await servers[0].halt();
	servers.push(await startServer({ home: servers[0].home,
		settings: { ...options.settings, clock_offset_s: ahead } }));
	shop.goOn(servers[1]);
	await shop.whenQuiet();
	const figures = await shop.assertAllArrived();
	t.diagnostic(JSON.stringify({ kills, ...figures }));
	assert.doesNotMatch(servers[0].log(),
		/[Aa]ssert|Sanitizer|signal ([67]|11)\b/);
	for (const reason of shop.refusals.keys())
		assert.ok(['502', '503', 'ECONNRESET'].includes(`${reason}`),
			`${reason}`);
	return figures;
}

describe('kill -9', { concurrency: 3 }, () => {
	test('of a courier loses no event', async (t) => {
		const { doubles } = await loseNothing(t, {});
		assert.ok(doubles > 0, 'nobody was killed in an attempt');
	});

	test('of one of three couriers neither', (t) =>
		loseNothing(t, { couriers: 3 }, killsWanted / 2));

	test('nor where couriers commit themselves', (t) =>
		loseNothing(t, { committers: 0 }, killsWanted / 2));
});
