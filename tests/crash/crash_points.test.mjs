// Committer and workers that die at every arrow of the commit protocol, again
// and again, under load, and by kill -9 from outside as well: no answered
// command is missing, none has its effect twice, no slot is lost, and the audit
// log has every line once.
//
// CRASH_HITS=5000 makes it go on until so many processes have died so.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { amount, isLong } from '../http/amount.mjs';
import { assertChained, startAudited, verifyLog, whenCopied }
	from '../http/audit.mjs';
import { until } from '../http/fixtures.mjs';
import { assertOk, startServer } from '../http/harness.mjs';
import { assertAllThere, Load } from '../http/load.mjs';
import { behave, startReceiver } from '../http/receiver.mjs';
import { dawdle, openShop, settingsFor } from '../http/webhooks_load.mjs';

const hitsWanted = amount('CRASH_HITS', { short: 100, long: 2000 });
const killsWanted = amount('CRASH_KILLS', { short: 30, long: 200 });
const workers = 3;
const slotsEach = 4;
const shoppers = 10;

// The names of all points, as the program has them.
const names = [...readFileSync(fileURLToPath(new URL('../../app/crash.h',
	import.meta.url)), 'utf8').matchAll(/^\s*POINT\((\w+)\)/gm)]
	.map(([, name]) => name);
const isCouriers = (name) => name.startsWith('COURIER_');
// Without an endpoint there is nothing for a courier to do.
const points = names.filter((name) => !isCouriers(name));
// Each of them is died at in deaths.test.mjs as well: the short form has many
// deaths, by chance.
const pointsWanted = isLong ? points : [];
// What a worker may die of is in the first test.
const ofDeliveries = names.filter((name) => isCouriers(name) ||
	(isLong && name.startsWith('COMMITTER_')));

function countHits(server) {
	const hits = new Map();
	for (const [, name] of server.log().matchAll(/crash point (\w+)/g))
		hits.set(name, 1 + (hits.get(name) ?? 0));
	return hits;
}

const sum = (hits) => [...hits.values()].reduce((a, b) => a + b, 0);

// A few kills from outside as well: they come where no point is.
function killSome(server) {
	const { workers: pids, committer } = server.pids();
	for (const pid of [committer, pids[0]])
		try {
			if (pid && Math.random() < 0.5)
				process.kill(pid, 'SIGKILL');
		} catch (error) {
			assert.equal(error.code, 'ESRCH');
		}
}

function watch(load) {
	let answers = 0;
	load.onAnswer = () => {
		if (++answers % 25 !== 0)
			return;
		killSome(load.server);
		const hits = countHits(load.server);
		load.open = sum(hits) < hitsWanted ||
			pointsWanted.some((name) => !hits.has(name));
	};
}

// Every slot can still carry a command: as many at once as there are slots.
async function assertSlots(server) {
	const all = workers * slotsEach;
	for (let round = 0; round < 3; round++) {
		const answers = await Promise.all(Array.from({ length: 2 * all },
			() => server.request('POST', '/v1/customers',
				{ json: { name: 'slot' } })));
		answers.forEach((answer) => assertOk(answer));
	}
}

test('every point of the protocol is a good one to die at', async (t) => {
	let second;
	const first = await startAudited(null, { workers, settings: {
		commands_in_flight: slotsEach, restart_backoff_ms: 0,
		restarts_max: 0,
		public_url: 'https://pay.example.com' },
	environment: { CRASH: '1', INTENTD_CRASH_ONE_IN: '60' } });
	t.after(async () => {
		await second?.stop();
		await first.stop();
	});
	const load = new Load(first);
	watch(load);
	await load.run(shoppers);
	const hits = countHits(first);
	for (const reason of load.refusals.keys())
		assert.ok([500, 502, 503, 504, 'ECONNRESET'].includes(reason),
			`${reason}`);
	await first.halt();
	assert.doesNotMatch(first.log(),
		/[Aa]ssert|Sanitizer|signal ([67]|11)\b/);
	for (const name of pointsWanted)
		assert.ok(hits.has(name), `${name} was not reached`);
	t.diagnostic(`${sum(hits)} deaths at points, ${load.answered.length} ` +
		`requests, ${JSON.stringify([...load.refusals])}, ` +
		JSON.stringify(Object.fromEntries(hits)));
	// The same store under a server that does not die.
	second = await startAudited(null, { workers, home: first.home,
		settings: { commands_in_flight: slotsEach,
			public_url: 'https://pay.example.com' } });
	load.server = second;
	await assertAllThere(load);
	assertChained(await whenCopied(second));
	assert.equal(verifyLog(second, second.auditLog).status, 0);
	assert.doesNotMatch(first.log() + second.log(),
		/run: intentctl audit verify/);
});

test('no slot is lost by a death', async (t) => {
	const server = await startServer(t, { workers, settings: {
		commands_in_flight: slotsEach, restart_backoff_ms: 0,
		restarts_max: 0 } });
	const load = new Load(server);
	let kills = 0;
	load.onAnswer = () => {
		if (Math.random() < 0.1) {
			killSome(server);
			kills++;
		}
		load.open = kills < killsWanted;
	};
	await load.run(shoppers);
	await until(() => server.pids(), (pids) =>
		pids.workers.length === workers && pids.committer);
	await assertAllThere(load);
	await assertSlots(server);
});

// Deliveries are in the batches at which the committer dies, too.
test('every point of a delivery is a good one to die at', async (t) => {
	const receiver = await startReceiver();
	const servers = [];
	t.after(async () => {
		// The last one first: the folder is everyone's.
		for (const server of servers.reverse())
			await server.stop();
		await receiver.close();
	});
	const goOn = async ({ settings, ...more }) => {
		await servers.at(-1)?.halt();
		servers.push(await startServer({ home: servers[0]?.home, ...more,
			settings: { ...settingsFor(receiver), ...settings } }));
		return servers.at(-1);
	};
	const shop = await openShop(await goOn({}), receiver,
		{ good: () => behave.status(200), slow: () => dawdle(20) });
	// So few at a time that a courier that starts gets beyond its claims.
	const mortal = await goOn({ settings: { commands_in_flight: slotsEach,
		webhooks_per_endpoint: 2, restart_backoff_ms: 0, restarts_max: 0 },
	environment: { CRASH: '1', INTENTD_CRASH_ONE_IN: '100' } });
	shop.goOn(mortal);
	let hits;
	shop.onAnswer = () => {
		hits = countHits(mortal);
		shop.open = ofDeliveries.some((name) => !hits.has(name));
	};
	await shop.run(4);
	for (const name of ofDeliveries)
		assert.ok(hits.has(name), `${name} was not reached`);
	// Beyond every lease.
	shop.goOn(await goOn({ settings: { clock_offset_s: 60 } }));
	assert.doesNotMatch(mortal.log(),
		/[Aa]ssert|Sanitizer|signal ([67]|11)\b/);
	await shop.whenQuiet();
	const figures = await shop.assertAllArrived();
	t.diagnostic(JSON.stringify({ ...figures,
		hits: Object.fromEntries(hits) }));
	assert.ok(figures.doubles > 0);
});
