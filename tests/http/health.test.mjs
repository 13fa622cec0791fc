// Health checks through the web server, and what it keeps to itself.  Where
// intentd has no process for them, one stands in that answers what was asked.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { until } from './fixtures.mjs';
import { assertRefused, build, startServer } from './harness.mjs';

const hasStatus = /^status = /m.test(
	execFileSync(join(build, 'intentd'), ['--print-config'],
		{ encoding: 'utf8' }));

let server;
let socket;
let standIn;
const asked = [];

before(async () => {
	server = await startServer();
	socket = join(dirname(server.socket), 'status.sock');
	if (hasStatus)
		return;
	standIn = http.createServer((request, response) => {
		asked.push(request);
		const text = JSON.stringify({ status: 'ok' });
		response.writeHead(200, { 'Content-Type': 'application/json',
			'Content-Length': text.length });
		response.end(text);
	});
	await new Promise((resolve) => standIn.listen(socket, resolve));
});

after(async () => {
	standIn?.closeAllConnections();
	standIn?.close();
	await server.stop();
});

const get = (path, more) => server.request('GET', path, { key: null, ...more });

describe('through the web server', () => {
	for (const path of ['/healthz', '/readyz']) {
		test(`${path} is answered without a key`, async () => {
			const answer = await get(path);
			assert.equal(answer.status, 200, answer.text);
			assert.match(answer.headers['content-type'], /^application\/json/);
			assert.equal(typeof answer.body, 'object');
			if (standIn)
				assert.equal(asked.at(-1).url, path);
		});

		test(`${path} is 502 when nobody is there`, async () => {
			renameSync(socket, `${socket}.away`);
			try {
				assertRefused(await get(path), { status: 502,
					code: 'service_unavailable', param: null });
			} finally {
				renameSync(`${socket}.away`, socket);
			}
			await until(() => get(path), ({ status }) => status === 200);
		});
	}

	for (const path of ['/status', '/metrics'])
		test(`${path} is closed, as if it were not there`, async () => {
			const count = asked.length;
			assertRefused(await get(path), { status: 404,
				code: 'route_not_found', param: null });
			assert.equal(asked.length, count);
		});

	for (const path of ['/healthz/', '/healthz/x', '/health'])
		test(`${path} is no health check`, async () => {
			assertRefused(await get(path),
				{ status: 404, code: 'route_not_found' });
		});

	test('a key goes no further', async () => {
		await get('/healthz', { key: server.testKey });
		for (const { headers } of asked)
			assert.equal(headers.authorization, undefined);
	});
});
