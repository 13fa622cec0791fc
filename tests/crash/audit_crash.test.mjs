// kill -9 of the committer and of the sweeper under a load: every line of the
// audit log is there once, in the file or in the store, and the chain holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertChained, parse, startAudited, verifyLog, whenCopied }
	from '../http/audit.mjs';
import { until } from '../http/fixtures.mjs';
import { assertAllThere, Load } from '../http/load.mjs';
import { family } from '../http/runner.mjs';

const shoppers = 8;
const kills = 20;

function pidOf(server, name) {
	const { supervisor } = server.pids();
	return family(supervisor).find((one) =>
		one.name === name && one.state !== 'Z')?.pid;
}

function killOne(server, name) {
	const pid = pidOf(server, name);
	try {
		if (pid === undefined)
			return 0;
		process.kill(pid, 'SIGKILL');
		return 1;
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
		return 0;
	}
}

// After every few answers one or the other, at any point of their work.
function killAlong(load) {
	const done = { 'intentd-commit': 0, 'intentd-sweeper': 0 };
	let answers = 0;
	let next = 5;

	load.onAnswer = () => {
		if (++answers < next)
			return;
		next += 5 + Math.floor(Math.random() * 20);
		const name = Math.random() < 0.3 ? 'intentd-commit'
			: 'intentd-sweeper';
		setTimeout(() => {
			done[name] += killOne(load.server, name);
		}, Math.random() * 10);
		load.open = Math.min(...Object.values(done)) < kills / 3 ||
			done['intentd-commit'] + done['intentd-sweeper'] < kills;
	};
	return done;
}

test('kill -9 loses no line of the log and doubles none', async (t) => {
	const server = await startAudited(t, { workers: 2,
		settings: { restart_backoff_ms: 20, restarts_max: 0 } });
	const load = new Load(server);
	const done = killAlong(load);
	await load.run(shoppers);
	load.onAnswer = () => {};
	await until(() => pidOf(server, 'intentd-commit') &&
		pidOf(server, 'intentd-sweeper'), (pid) => pid);
	const lines = await whenCopied(server);
	assertChained(lines);
	const { status, stderr } = verifyLog(server, server.auditLog);
	assert.equal(stderr, '');
	assert.equal(status, 0);
	assert.doesNotMatch(server.log(), /run: intentctl audit verify/);
	await assertAllThere(load);
	// What was made is there once, and nothing of it is not in the log.
	const made = lines.map(parse).filter(
		({ what }) => what === 'intent_create').map(({ object }) => object);
	assert.equal(new Set(made).size, made.length);
	for (const id of load.intents.keys())
		assert.ok(made.includes(id), id);
	t.diagnostic(`${JSON.stringify(done)}, ${lines.length} lines`);
});
