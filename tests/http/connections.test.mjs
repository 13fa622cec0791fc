// Connections that outlive their requests, and what they can do to a worker:
// whatever one of them does or leaves undone, the others are served.
//
// A worker that is stopped (SIGSTOP) finds several things at once when it goes
// on, in an order that the test has chosen.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { fastcgiBegin, fastcgiPad, fastcgiPairs, fastcgiParams,
	fastcgiRecord, fastcgiRequest, record } from './fastcgi.mjs';
import { createIntent } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import * as others from './kept.mjs';
import { answeredIds, ask, dropsIn, fatIntents, getFatList, getList, intents,
	kept, postOne, stop, theWorker, until,
	whole } from './kept.mjs';
import { whenEnded } from './runner.mjs';

let server;

before(async () => {
	server = await startServer({ workers: 1 });
});

after(() => server.stop());

const connect = (t, on = server) => others.connect(t, on);
const assertOthersServed = (t) => others.assertOthersServed(t, server);

// -- One connection, several requests -----------------------------------------

describe('on a kept connection', () => {
	const large = (bytes) => kept(server, 'POST', intents,
		{ body: 'x'.repeat(bytes) });
	const exchanges = {
		'a list': [() => getList(server), { status: 200 }],
		'a new intent': [() => postOne(server), { status: 200 }],
		'an error': [() => kept(server, 'GET', '/v1/nothing'),
			{ status: 404 }],
		'a body with a wrong length': [() => kept(server, 'POST', intents,
			{ body: whole, CONTENT_LENGTH: '99' }), { status: 400 }],
		'a body that is too large': [() => large(64 * 1024 + 1),
			{ status: 413 }],
		'a body in several reads': [() => large(900 * 1024),
			{ status: 413 }],
	};

	for (const [first, [makeFirst, expected]] of Object.entries(exchanges))
		for (const [second, [makeSecond, wanted]] of Object.entries(exchanges))
			test(`${first}, then ${second}`, async (t) => {
				const connection = connect(t);
				const one = await ask(connection, makeFirst());
				assert.equal(one.status, expected.status, one.text);
				const two = await ask(connection, makeSecond());
				assert.equal(two.status, wanted.status, two.text);
			});

	test('a body far too large is refused, and ends it', async (t) => {
		const connection = connect(t);
		assertRefused(await ask(connection, large((1 << 20) + 1)),
			{ status: 413, code: 'request_too_large' });
		await connection.closed;
	});

	test('several sent at once are answered one after the other',
		async (t) => {
			const connection = connect(t);
			connection.send(Buffer.concat([postOne(server, 'req_one'),
				kept(server, 'GET', '/v1/nothing', { id: 'req_two' }),
				getList(server, 'req_three')]));
			const answers = [await connection.answer(),
				await connection.answer(), await connection.answer()];
			assert.deepEqual(answers.map(({ status, headers }) =>
				[status, headers['request-id']]),
			[[200, 'req_one'], [404, 'req_two'], [200, 'req_three']]);
		});

	for (const count of [1, 8, 255])
		test(`records with ${count} bytes of padding are understood`,
			async (t) => {
				const connection = connect(t);
				const padded = fastcgiPad(postOne(server), count);
				for (let i = 0; i < 2; i++)
					assertOk(await ask(connection, padded));
				connection.send(Buffer.concat([padded,
					fastcgiPad(getList(server), count)]));
				assertOk(await connection.answer());
				assertOk(await connection.answer());
			});

	test('a request that says so ends it', async (t) => {
		const connection = connect(t);
		assertOk(await ask(connection, getList(server)));
		assertOk(await ask(connection, fastcgiRequest(
			fastcgiParams(server, 'GET', intents))));
		assert.equal((await connection.closed).length, 0);
	});

	test('the end of what is sent leaves the answer to come', async (t) => {
		const connection = connect(t);
		connection.send(postOne(server));
		connection.end();
		assertOk(await connection.answer());
		await connection.closed;
	});
});

// -- What one connection does to the others -----------------------------------

// [what it sends first, what it sends then; undefined: the end]
function disturbances() {
	const request = postOne(server);
	const at = (count) => [request.subarray(0, count),
		request.subarray(count)];
	return {
		'is silent': [Buffer.alloc(0), request],
		'has sent one byte': at(1),
		'has sent half of a header': at(5),
		'has sent a header without its content': at(8),
		'has sent half of the parameters': at(100),
		'has sent half of the body': at(request.length - 20),
		'has sent all but the last byte': at(request.length - 1),
	};
}

describe('others are served while a connection', () => {
	const names = ['is silent', 'has sent one byte',
		'has sent half of a header', 'has sent a header without its content',
		'has sent half of the parameters', 'has sent half of the body',
		'has sent all but the last byte'];

	for (const name of names)
		test(name, async (t) => {
			const [first, rest] = disturbances()[name];
			const connection = connect(t);
			connection.send(first);
			await assertOthersServed(t);
			assertOk(await ask(connection, rest));
			assertOk(await ask(connection, getList(server)));
		});

	test('is idle between two requests', async (t) => {
		const connection = connect(t);
		assertOk(await ask(connection, postOne(server)));
		await assertOthersServed(t);
		assertOk(await ask(connection, postOne(server)));
	});

	test('sends byte by byte', async (t) => {
		const connection = connect(t);
		const other = connect(t);
		const request = postOne(server);
		for (let i = 0; i < request.length; i++) {
			connection.send(request.subarray(i, i + 1));
			if (i % 40 === 0)
				assertOk(await ask(other, getList(server)));
		}
		assertOk(await connection.answer());
	});

	test('does not read its answer', async (t) => {
		const connection = connect(t);
		connection.send(await getFatList(server, 'req_unread'));
		await until(() => answeredIds(server),
			(ids) => ids.includes('req_unread'));
		await assertOthersServed(t);
		const { data } = assertOk(await connection.answer());
		assert.equal(data.length, fatIntents);
		assertOk(await ask(connection, getList(server)));
	});

	test('goes away without reading its answer', async (t) => {
		const connection = connect(t);
		connection.send(await getFatList(server, 'req_left'));
		await until(() => answeredIds(server),
			(ids) => ids.includes('req_left'));
		connection.destroy();
		await assertOthersServed(t);
		await until(() => server.log(), (log) => log.includes(
			'req_left: the web server did not take the answer'));
	});
});

// -- What is no request -------------------------------------------------------

function garbage() {
	const request = postOne(server);
	const pairs = fastcgiPairs(fastcgiParams(server, 'POST', intents, whole));
	const begin = fastcgiBegin({ keep: true });
	const params = fastcgiRecord(record.params, pairs);
	const beginAs = (role) => Buffer.concat([fastcgiRecord(record.begin,
		Buffer.from([0, role, 1, 0, 0, 0, 0, 0])), request.subarray(16)]);
	return {
		'HTTP': Buffer.from(`GET ${intents} HTTP/1.1\r\n\r\n`),
		'zeroes': Buffer.alloc(4096),
		'another version': Buffer.concat([Buffer.from([2]),
			request.subarray(1)]),
		'another role': beginAs(9),
		'parameters first': request.subarray(16),
		'an abort': Buffer.concat([begin, fastcgiRecord(record.abort)]),
		'a question about the server': fastcgiRecord(9,
			fastcgiPairs({ FCGI_MAX_CONNS: '' }), 0),
		'a question within a request': Buffer.concat([begin,
			fastcgiRecord(9, fastcgiPairs({ FCGI_MAX_REQS: '' }), 0)]),
		'a second request within the first': Buffer.concat([begin,
			fastcgiRecord(record.begin,
				Buffer.from([0, 1, 0, 0, 0, 0, 0, 0]), 2)]),
		'another id': Buffer.concat([begin,
			fastcgiRecord(record.params, pairs, 2)]),
		'parameters longer than their record': Buffer.concat([begin,
			fastcgiRecord(record.params, Buffer.from([127, 127, 65])),
			fastcgiRecord(record.params), fastcgiRecord(record.stdin)]),
		'a parameter of two gigabytes': Buffer.concat([begin,
			fastcgiRecord(record.params, Buffer.from([255, 255, 255, 255,
				255, 255, 255, 255, 65])),
			fastcgiRecord(record.params), fastcgiRecord(record.stdin)]),
		'parameters without an end': Buffer.concat([begin,
			...Array.from({ length: 1000 }, () => params)]),
	};
}

describe('a connection is closed that brings', () => {
	const names = ['HTTP', 'zeroes', 'another version', 'another role',
		'parameters first', 'an abort', 'a question about the server',
		'a question within a request', 'a second request within the first',
		'another id', 'parameters longer than their record',
		'a parameter of two gigabytes', 'parameters without an end'];

	for (const name of names)
		for (const behind of [false, true])
			test(`${name}${behind ? ', behind a request' : ''}`,
				async (t) => {
					const bytes = garbage()[name];
					const drops = dropsIn(server);
					const worker = theWorker(server);
					const connection = connect(t);
					if (behind)
						assertOk(await ask(connection, getList(server)));
					assert.equal(await ask(connection, bytes), null);
					await assertOthersServed(t);
					assert.equal(dropsIn(server), drops + 1);
					assert.equal(theWorker(server), worker);
				});
});

// -- Whose turn it is ---------------------------------------------------------

describe('of requests that have come', () => {
	// What `act` sends is there when the worker looks.
	async function whileStopped(act) {
		const worker = theWorker(server);
		await stop(worker);
		try {
			await act();
		} finally {
			process.kill(worker, 'SIGCONT');
		}
	}

	async function open(t, count) {
		const connections = Array.from({ length: count }, () => connect(t));
		for (const connection of connections)
			assertOk(await ask(connection, getList(server)));
		return connections;
	}

	test('the first is answered first', async (t) => {
		const connections = await open(t, 8);
		const ids = connections.map((_, i) => `req_order${i}`);
		await whileStopped(() => connections.forEach((connection, i) =>
			connection.send(getList(server, ids[i]))));
		await Promise.all(connections.map((one) => one.answer()));
		assert.deepEqual(answeredIds(server).slice(-8), ids);
	});

	test('one that was begun first and ended last is answered last',
		async (t) => {
			const [one, two] = await open(t, 2);
			const request = postOne(server, 'req_long');
			one.send(request.subarray(0, 50));
			// By this answer the worker has read that.
			assertOk(await ask(two, getList(server)));
			await whileStopped(() => {
				two.send(getList(server, 'req_short'));
				one.send(request.subarray(50));
			});
			await Promise.all([one.answer(), two.answer()]);
			assert.deepEqual(answeredIds(server).slice(-2),
				['req_short', 'req_long']);
		});

	test('many on one connection leave others their turn', async (t) => {
		const [greedy, modest] = await open(t, 2);
		const many = Array.from({ length: 20 },
			(_, i) => getList(server, `req_greedy${i}`));
		await whileStopped(() => {
			greedy.send(Buffer.concat(many));
			modest.send(getList(server, 'req_modest'));
		});
		for (let i = 0; i < many.length; i++)
			assertOk(await greedy.answer());
		assertOk(await modest.answer());
		const ids = answeredIds(server).slice(-21);
		assert.ok(ids.indexOf('req_modest') <= 2, ids.join(' '));
	});
});

// -- The end ------------------------------------------------------------------

describe('a worker that has answered enough', () => {
	test('goes without losing a request', async (t) => {
		const on = await startServer(t, { workers: 2,
			settings: { max_requests: 40, restart_backoff_ms: 0 } });
		const before = on.pids().workers;
		await Promise.all(Array.from({ length: 8 }, async () => {
			for (let i = 0; i < 40; i++)
				assertOk(await on.request('GET', intents));
		}));
		assert.ok(on.pids().workers.every((pid) => !before.includes(pid)));
		assert.doesNotMatch(on.log(), /did not take|brought no|signal \d/);
	});

	// The kernel wakes one worker for a connection; should that one begin to
	// end just then, it must not leave the connection to those that sleep.
	test('accepts what has waited by then', async (t) => {
		const on = await startServer(t, { workers: 2,
			settings: { max_requests: 5, restart_backoff_ms: 0 } });
		const [worker, other] = on.pids().workers;
		const silent = [];
		await stop(other);
		const asking = connect(t, on);
		try {
			// The answer after the one that was enough is a last one.
			for (let isLast = false; !isLast;) {
				await stop(worker);
				silent.push(connect(t, on));
				await silent.at(-1).connected;
				asking.send(getList(on));
				process.kill(worker, 'SIGCONT');
				const answer = await asking.answer();
				assertOk(answer);
				({ isLast } = answer);
			}
			// Silent, it came with the request that was enough; a
			// successor would keep it.
			const waited = silent.at(-2);
			assert.ok((await ask(waited, getList(on))).isLast);
		} finally {
			process.kill(other, 'SIGCONT');
		}
	});

	test('says so behind its last answer', async (t) => {
		const on = await startServer(t, { workers: 1,
			settings: { max_requests: 4 } });
		const connection = connect(t, on);
		let answer = assertOk(await ask(connection, getList(on)));
		for (let i = 0; answer !== null && i < 5; i++)
			answer = await ask(connection, getList(on));
		assert.equal(answer, null);
		const rest = await connection.closed;
		assert.deepEqual([...rest], [1, 10, 0, 0, 0, 0, 0, 0]);
	});
});

// Whether SIGTERM waits for the process.
function isToldToEnd(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const [, mask] = status.match(/^ShdPnd:\s*(\w+)$/m);
	return (BigInt(`0x${mask}`) >> 14n & 1n) === 1n;
}

describe('the end of the server', () => {
	test('comes at once with idle connections, and leaves none unanswered',
		async (t) => {
			const on = await startServer(t, { workers: 1 });
			const { supervisor, workers: [worker] } = on.pids();
			const idle = Array.from({ length: 5 }, () => connect(t, on));
			for (const one of idle)
				assertOk(await ask(one, getList(on)));
			const silent = connect(t, on);
			const half = connect(t, on);
			half.send(postOne(on).subarray(0, 60));
			const late = connect(t, on);
			assertOk(await ask(late, getList(on)));
			await stop(worker);
			late.send(postOne(on));
			process.kill(supervisor, 'SIGTERM');
			await until(() => isToldToEnd(worker), Boolean);
			process.kill(worker, 'SIGCONT');
			assertOk(await late.answer());
			assert.equal((await late.closed).length, 8);
			for (const one of [...idle, silent, half])
				assert.equal(await one.answer(), null);
			await whenEnded([worker, supervisor]);
			assert.ok(!existsSync(on.socket));
			assert.doesNotMatch(on.log(), /did not end|did not take|signal/);
		});
});

// -- What it costs ------------------------------------------------------------

const reads = {
	'a list': () => () => getList(server),
	'an intent by its id': async () => {
		const { id } = await createIntent(server);
		return () => kept(server, 'GET', `${intents}/${id}`);
	},
};

for (const [name, prepare] of Object.entries(reads))
	test(`${name} is one write, and its log line another`, async (t) => {
		const writes = () => Number(readFileSync(
			`/proc/${theWorker(server)}/io`, 'utf8')
			.match(/^syscw: (\d+)$/m)[1]);
		const makeBytes = await prepare();
		const connection = connect(t);
		const count = 50;
		// The last log line is written after its answer was.
		const settled = (ids) => until(() => answeredIds(server).length,
			(found) => found >= ids);
		assertOk(await ask(connection, makeBytes()));
		const ids = answeredIds(server).length;
		await settled(ids);
		const before = writes();
		for (let i = 0; i < count; i++)
			assertOk(await ask(connection, makeBytes()));
		await settled(ids + count);
		assert.equal(writes() - before, 2 * count);
	});
