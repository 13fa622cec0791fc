// A worker that has no memory to follow a store that has grown cannot read any
// more: it makes room for another one, which can.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startFaulty } from './faulty.mjs';

const path = '/v1/customers';
// A MiB has room for some dozens of them.
const customersMax = 200;
const metadata = Object.fromEntries(Array.from({ length: 50 },
	(_, i) => [`key_${i}`, 'v'.repeat(500)]));

test('a worker that cannot follow the committer is replaced', async (t) => {
	const server = await startFaulty(t, { settings: { workers: 2,
		couriers: 0, sweepers: 0 } });
	const made = [];
	server.faults.arm({ call: 'mmap', error: 'ENOMEM', process: 'intentd',
		never: server.child.pid });
	while (server.faults.struck() === 0 && made.length < customersMax)
		made.push((await server.until('POST', path,
			{ json: { metadata } })).body);
	assert.equal(server.faults.struck(), 1);
	await server.whenLogged(/has to be opened anew: starting anew/);
	// One refusal at most: whoever is lost takes no more connections.
	await server.until('GET', path);
	for (const { id } of made.slice(0, 10)) {
		const { status, body } = await server.request('GET',
			`${path}/${id}`);
		assert.deepEqual([status, body.id], [200, id]);
	}
});
