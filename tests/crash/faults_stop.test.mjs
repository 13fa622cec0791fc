// Processes that are stopped (SIGSTOP), the committer at every call that it
// makes: readers are served meanwhile, the supervisor ends it in time, and what
// waited is done once.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { amount, isLong, seedOf } from '../http/amount.mjs';
import { randomOf, startFaulty } from './faulty.mjs';

const seed = seedOf('STOP_SEED');
const random = randomOf(seed);
const settings = { workers: 2, request_timeout_ms: 400,
	connection_timeout_ms: 200 };
const intent = (number) => ({ key: `stop-${number}`,
	json: { amount: 100, currency: 'usd' } });

async function assertMade(server, ids) {
	const { data } = (await server.until('GET',
		'/v1/payment_intents?limit=100')).body;
	assert.deepEqual(data.map(({ id }) => id), ids.slice(-100).reverse());
	assert.deepEqual(server.verify().findings, []);
}

test('the committer, stopped at each of its calls', async (t) => {
	const server = await startFaulty(t, { settings });
	const bound = amount('STOP_NTH', { short: 3, long: 60 });
	const ids = [(await server.until('POST', '/v1/payment_intents',
		intent(0))).body.id];
	let stops = 0;
	for (let i = 1; i <= bound; i++) {
		const nth = isLong ? i : 1 + random(12);
		server.faults.arm({ call: '*', signal: 'SIGSTOP', nth,
			process: 'intentd-commit' });
		const pending = server.request('POST', '/v1/payment_intents',
			intent(i));
		for (let reads = 0; reads < 3; reads++)
			assert.equal((await server.request('GET',
				`/v1/payment_intents/${ids[0]}`)).status, 200);
		const { status } = await pending;
		assert.ok([200, 500, 503].includes(status), `${status}`);
		const struck = server.faults.struck();
		server.faults.disarm();
		stops += struck;
		ids.push((await server.until('POST', '/v1/payment_intents',
			intent(i))).body.id);
		if (isLong && struck === 0)
			break;
	}
	t.diagnostic(`seed ${seed}: stopped ${stops} times`);
	assert.ok(stops > 0);
	assert.match(server.log(), /committer 1 \(pid \d+\) hangs/);
	await assertMade(server, ids);
});

describe('one that is stopped by somebody', () => {
	for (const name of ['intentd', 'intentd-sweeper', 'intentd-courier',
		'intentd-commit'])
		test(`${name} hinders no other one, and is replaced`, async (t) => {
			const server = await startFaulty(t, { settings });
			const ids = [];
			const count = () => server.processes().filter((one) =>
				one.name === name).length;
			const wanted = name === 'intentd' ? settings.workers : 1;
			await server.when(() => count() === wanted);
			const { pid } = server.process(name);
			process.kill(pid, 'SIGSTOP');
			for (let i = 0; i < 5; i++)
				ids.push((await server.until('POST',
					'/v1/payment_intents', intent(i))).body.id);
			await server.whenLogged(
				new RegExp(`\\(pid ${pid}\\) hangs: killed`));
			await server.when(() => count() === wanted &&
				!server.processes().some((one) => one.pid === pid));
			await assertMade(server, ids);
		});

	test('the supervisor: requests go on, and it does when it may',
		async (t) => {
			const server = await startFaulty(t, { settings });
			const ids = [];
			server.child.kill('SIGSTOP');
			for (let i = 0; i < 5; i++)
				ids.push((await server.until('POST',
					'/v1/payment_intents', intent(i))).body.id);
			const { pid } = server.process('intentd');
			process.kill(pid, 'SIGKILL');
			server.child.kill('SIGCONT');
			await server.whenLogged(/worker \d+ .*signal 9/);
			await assertMade(server, ids);
		});
});
