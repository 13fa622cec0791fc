// The programs, started without standard input, output or error: what is meant
// for people is written into no other file, least of all into the store.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { fastcgi, fastcgiParams } from './http/fastcgi.mjs';
import { assertOk, build } from './http/harness.mjs';
import { assertClean, intentCount, plain, writeLines }
	from './http/importer.mjs';
import { makeKey, makeShop, program } from './http/operator.mjs';
import { family, turn } from './http/runner.mjs';

const redirections = ['<&-', '>&-', '2>&-'];
const names = ['input', 'output', 'error'];
const closings = [1, 2, 3, 4, 5, 6, 7].map((bits) =>
	[0, 1, 2].filter((descriptor) => bits >> descriptor & 1));

// The words of a shell that closes some descriptors and becomes a program.
const without = (closed, ...words) => ['-c', `exec "$@" ${
	closed.map((descriptor) => redirections[descriptor]).join(' ')}`,
'bash', ...words];

const callWithout = (closed, ...words) => spawnSync('bash',
	without(closed, ...words), { encoding: 'utf8', input: '' });

for (const closed of closings)
	describe(`without standard ${
		closed.map((descriptor) => names[descriptor]).join(', ')}`, () => {
		const isOpen = (descriptor) => !closed.includes(descriptor);
		const control = (operator, ...words) => callWithout(closed, program,
			'--config', operator.config, ...words);

		test('a call of intentctl that fails harms no store', (t) => {
			const operator = makeShop(t);
			const before = readFileSync(operator.store);
			const bad = writeLines(operator, ['no']);
			const { status, stdout, stderr } =
				control(operator, 'import', bad);
			assert.equal(status, 1);
			assert.equal(stdout, '');
			if (isOpen(2))
				assert.match(stderr, /:1: parameter_invalid: /);
			assert.ok(readFileSync(operator.store).equals(before));
			assertClean(operator);
		});

		test('a call of intentctl that is done harms no store', (t) => {
			const operator = makeShop(t);
			const { status, stdout, stderr } = control(operator, 'import',
				writeLines(operator, [plain, plain]));
			assert.equal(status, isOpen(1) ? 0 : 1);
			assert.equal(stdout, isOpen(1)
				? 'import: 2 created, 0 replayed, 0 refused\n' : '');
			assert.equal(stderr, isOpen(1) || !isOpen(2) ? ''
				: 'intentctl: the output could not be written\n');
			assert.equal(intentCount(operator), 2);
			assertClean(operator);
		});

		test('an import of standard input fails where that is closed', (t) => {
			const operator = makeShop(t);
			const { status, stderr } = control(operator, 'import', '-');
			assert.equal(status, isOpen(0) && isOpen(1) ? 0 : 1);
			if (!isOpen(0) && isOpen(2))
				assert.match(stderr, /^intentctl: -: Bad file descriptor; /);
			assertClean(operator);
		});

		test('reference says in no document why it fails', (t) => {
			const { folder } = makeShop(t);
			const { status } = callWithout(closed,
				join(build, 'reference'), join(folder, 'none'));
			assert.equal(status, 1);
			assert.equal(callWithout(closed, join(build, 'reference'),
				folder).status, 0);
			assert.ok(readFileSync(join(folder, 'docs/errors.json'))
				.equals(readFileSync(join(build, 'docs/errors.json'))));
		});
	});

async function untilListening(child, socket) {
	for (let i = 0; i < 1e6 && !existsSync(socket); i++) {
		assert.equal(child.exitCode, null);
		await turn();
	}
}

test('intentd without any of the three serves requests', async (t) => {
	const operator = makeShop(t);
	const server = {
		socket: join(operator.folder, 'socket'),
		publicUrl: 'http://127.0.0.1:1',
		testKey: makeKey(operator).secret,
	};
	const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'bash',
		...without([0, 1, 2], join(build, 'intentd'),
			'--config', operator.config, '--socket', server.socket,
			'--public_url', server.publicUrl, '--workers', '2')],
	{ stdio: 'ignore' });
	const ended = new Promise((resolve) => child.once('exit', resolve));
	t.after(async () => {
		if (child.exitCode === null)
			child.kill('SIGTERM');
		await ended;
	});
	await untilListening(child, server.socket);
	const body = JSON.stringify(plain);
	assertOk(await fastcgi(server, fastcgiParams(server, 'POST',
		'/v1/payment_intents', body), body));
	const processes = family(child.pid);
	assert.ok(processes.length > 3);
	for (const { pid } of processes)
		for (const descriptor of [0, 1, 2])
			assert.equal(readlinkSync(`/proc/${pid}/fd/${descriptor}`),
				'/dev/null');
	child.kill('SIGTERM');
	assert.equal(await ended, 0);
	assert.equal(intentCount(operator), 1);
	assertClean(operator);
});
