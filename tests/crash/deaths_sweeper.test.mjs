// The sweeper, killed at each step of writing down what has expired, alone or
// with all of its server: every payment in coins expires, with one line in the
// audit log.
//
// DEATHS_SWEEPER=300 makes it die so often in each way.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { amount, isLong } from '../http/amount.mjs';
import { assertChained, parse, verifyLog, whenCopied } from
	'../http/audit.mjs';
import { until } from '../http/fixtures.mjs';
import * as coins from '../http/stable_fixtures.mjs';
import { startModel, standUp } from './standing.mjs';

const deaths = amount('DEATHS_SWEEPER', { short: 0, long: 60 });
const ttlS = 600;
const each = 3; // payments of one life, that expire in the next one

let model;

before(async () => {
	model = await startModel({ workers: 1, environment: { CRASH: '1' },
		settings: { restart_backoff_ms: 0, restarts_max: 0,
			sweep_interval_ms: 10, commands_in_flight: 4,
			public_url: 'https://pay.example.com' } });
});
after(() => model?.server.stop());

const asOwner = ['OWNER_WRITTEN', 'OWNER_READY', 'OWNER_SUBMITTED',
	'AUDIT_TORN', 'AUDIT_WROTE', 'AUDIT_FLUSHED', 'AUDIT_FORGOT'];
const asCommitter = ['ENGINE_BEGINS', 'ENGINE_BEGUN', 'ENGINE_LOADED',
	'ENGINE_DECIDES', 'ENGINE_DECIDED', 'ENGINE_PUTS', 'ENGINE_PUT',
	'ENGINE_REMOVES', 'ENGINE_REMOVED',
	'STORE_COMMITS', 'STORE_WRITES', 'STORE_TORN', 'STORE_WROTE',
	'STORE_FLUSHES', 'STORE_FLUSHED', 'STORE_SWITCHES', 'STORE_SWITCHED',
	'STORE_COMMITTED'];
const inShort = new RegExp('OWNER_(READY|SUBMITTED)|AUDIT_WROTE|' +
	'ENGINE_(PUT|REMOVED)$|STORE_(TORN|FLUSHED|COMMITTED)');
const ways = {
	'through the committer': { steps: asOwner, settings: [] },
	'by itself': { steps: asCommitter, settings: ['--committers=0'] },
};

// One life: what the one before has made expires, or its sweeper dies of that
// first; then the next ones are made.
async function live(standing, { step, passage, all, life, made }) {
	const { server } = standing;
	const begin = (environment) => standing.start(environment,
		`--clock_offset_s=${life * 2 * ttlS}`);
	const ended = begin({ INTENTD_CRASH_AT: `${step}=${passage}`,
		INTENTD_CRASH_IN: 'intentd-sweeper',
		...all && { INTENTD_CRASH_ALL: '1' } });
	let died = false;
	const look = () => {
		died ||= standing.news().includes(`crash point ${step}`);
	};
	if (all) {
		await ended;
		look();
		begin({});
	}
	await standing.whenServing();
	await until(() => (look(), died), (is) => is, 1500);
	await until(async () => (await coins.listOf(server, coins.intents,
		{ status: 'expired' }, server.coin)).total_count, (count) =>
		count === made.size, 1500);
	for (let i = 0; i < each; i++)
		made.add((await coins.createCoin(server, { ttl: ttlS },
			server.coin)).id);
	standing.kill();
	await standing.ended;
}

async function dieAtAll(t, { steps, settings }) {
	const standing = await standUp(t, model);
	const { server } = standing;
	server.auditLog = `${server.home}/audit.log`;
	standing.settings = [`--audit_log=${server.auditLog}`, ...settings];
	standing.start();
	await standing.whenServing();
	const account = await coins.createCoinAccount(server);
	server.coin = { key: account.testKey, merchantId: account.merchantId };
	const made = new Set();
	for (let i = 0; i < each; i++)
		made.add((await coins.createCoin(server, { ttl: ttlS },
			server.coin)).id);
	standing.kill();
	await standing.ended;
	let died = 0;
	let life = 0;
	do
		for (const step of steps.filter((one) => isLong || inShort.test(one)))
			await live(standing, { step, made, life: ++life,
				passage: isLong && /ENGINE/.test(step)
					? 1 + Math.floor(Math.random() * 6) : 1,
				all: ++died % 2 === 0 });
	while (died < deaths);
	standing.start({}, `--clock_offset_s=${++life * 2 * ttlS}`);
	await standing.whenServing();
	await until(async () => (await coins.listOf(server, coins.intents,
		{ status: 'expired' }, server.coin)).total_count, (count) =>
		count === made.size, 1500);
	const lines = await whenCopied(server);
	assertChained(lines);
	assert.equal(verifyLog(server, server.auditLog).status, 0);
	const expired = lines.map(parse).filter(({ what }) =>
		what === 'coin_expire').map(({ object }) => object);
	assert.deepEqual(expired.sort(), [...made].sort());
	const { findings } = await server.ctl('verify');
	assert.deepEqual(findings, []);
	t.diagnostic(`${died} deaths, ${made.size} payments expired`);
}

describe('a sweeper that dies at a step', { concurrency: 2 }, () => {
	for (const [way, row] of Object.entries(ways))
		test(way, (t) => dieAtAll(t, row));
});
