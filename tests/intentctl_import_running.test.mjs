// intentctl import while it runs: what it draws, what it leaves when it is
// ended, and that others can write beside it.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { getIntent } from './http/fixtures.mjs';
import { assertOk, startServer } from './http/harness.mjs';
import { assertClean, counts, intentCount, list, makeLargeShop, numbered,
	plain, text, writeLines } from './http/importer.mjs';
import { makeFolder, makeShop, operatorOf, program }
	from './http/operator.mjs';
import { turn } from './http/runner.mjs';

// -- Imports that do not end by themselves -----------------------------------

// An import of a pipe by name, which the test feeds and closes.
async function startImport(t, operator, words, { terminal = false } = {}) {
	const pipe = join(operator.folder, `pipe-${process.hrtime.bigint()}`);
	const line = [program, '--store', operator.store, 'import', ...words, pipe];
	const started = { terminal: join(operator.folder, 'tty'), out: '' };
	execFileSync('mkfifo', [pipe]);
	const child = terminal
		? spawn('script', ['-qefc', `tty > ${started.terminal}; ` +
			`stty cols ${terminal}; exec ${line.join(' ')}`, '/dev/null'],
		{ stdio: ['ignore', 'pipe', 'inherit'] })
		: spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
	for (const stream of [child.stdout, child.stderr])
		stream?.on('data', (bytes) => {
			started.out += bytes;
		});
	started.child = child;
	started.ended = new Promise((resolve) => child.once('close',
		(code, signal) => resolve({ code, signal })));
	// Opened for both, so that it waits for nobody and writes never fail.
	started.descriptor = openSync(pipe, 'r+');
	started.isOpen = true;
	started.write = (lines) => writeSync(started.descriptor, text(lines));
	started.close = () => {
		if (started.isOpen)
			closeSync(started.descriptor);
		started.isOpen = false;
	};
	t.after(async () => {
		started.close();
		if (child.exitCode === null && child.signalCode === null)
			child.kill('SIGKILL');
		await started.ended;
	});
	return started;
}

async function until(look) {
	for (let i = 0; i < 1e6; i++) {
		const found = await look();
		if (found)
			return found;
		await turn();
	}
	throw new Error('it never came');
}

describe('an import that is ended', () => {
	test('by SIGKILL leaves whole batches, from where it goes on', async (t) => {
		const operator = makeLargeShop(t);
		const lines = numbered(5000,
			(i) => ({ created: 1600000000 + i % 1000 }));
		let done = 0;
		for (let round = 0; round < 4; round++) {
			const path = writeLines(operator, lines);
			const child = spawn(program, ['--store', operator.store, 'import',
				'--batch', '10', '--from', String(done + 1), path],
			{ stdio: 'ignore' });
			const ended = new Promise((resolve) => child.once('close',
				(code, signal) => resolve(signal)));
			const count = await until(async () => {
				const now = intentCount(operator);
				return child.exitCode !== null || now > done ? now : 0;
			});
			child.kill('SIGKILL');
			await ended;
			const left = intentCount(operator);
			assert.ok(left >= count);
			assert.equal(left % 10, 0);
			assertClean(operator);
			done = left;
		}
		assert.ok(done > 0);
		operator.text('import', '--from', String(done + 1),
			join(operator.folder, 'in.jsonl'));
		assert.deepEqual(
			list(operator).map(({ amount }) => amount),
			lines.map(({ created, amount }) => [created, amount])
				.sort(([a, i], [b, j]) => a - b || i - j)
				.map(([, amount]) => amount));
		assertClean(operator);
	});

	test('by SIGINT says where, and keeps nobody waiting before', async (t) => {
		const operator = makeLargeShop(t);
		const started = await startImport(t, operator, ['--batch', '2']);
		started.write(numbered(5));
		// The fifth line waits for a sixth one, and the store is free.
		await until(() => intentCount(operator) === 4);
		operator.text('merchant', 'create', '--name', 'B');
		started.child.kill('SIGINT');
		assert.equal((await started.ended).code, 1);
		assert.match(started.out, new RegExp('^intentctl: \\S+: interrupted; ' +
			'all up to line 4 is imported: go on with --from 5\\n$'));
		assert.equal(intentCount(operator), 4);
	});
});

describe('beside a running server', () => {
	let server;
	let operator;

	before(async () => {
		server = await startServer();
		operator = operatorOf('--store', server.store);
	});
	after(() => server.stop());

	test('both write, and see what the other has written', async (t) => {
		const folder = makeFolder(t);
		const path = writeLines({ folder }, numbered(3000,
			(i) => ({ idempotency_key: `order-${i}` })));
		const child = spawn(program, ['--store', server.store, 'import',
			'--batch', '20', path], { stdio: ['ignore', 'pipe', 'inherit'] });
		let out = '';
		child.stdout.on('data', (bytes) => {
			out += bytes;
		});
		const ended = new Promise((resolve) => child.once('close', resolve));
		let answered = 0;
		while (child.exitCode === null) {
			assertOk(await server.request('POST', '/v1/payment_intents',
				{ json: plain }));
			answered++;
		}
		assert.equal(await ended, 0);
		assert.equal(out, 'import: 3000 created, 0 replayed, 0 refused\n');
		assert.ok(answered > 0);
		const tables = operator.json('verify').tables;
		assert.equal(tables.intents, 3000 + answered);
	});

	test('a key is one and the same here and there', async (t) => {
		const folder = makeFolder(t);
		const post = (key) => server.request('POST', '/v1/payment_intents',
			{ json: plain, headers: { 'Idempotency-Key': key } });
		const imported = (key) => operator.json('import', writeLines(
			{ folder }, [{ ...plain, idempotency_key: key }]));
		assert.deepEqual(imported('import-first'), counts(1));
		const replayed = await post('import-first');
		assert.equal(replayed.headers['idempotent-replayed'], 'true');
		await getIntent(server, assertOk(replayed).id);
		assertOk(await post('server-first'));
		assert.deepEqual(imported('server-first'), counts(0, 1));
		assertClean(operator);
	});
});

// -- The line of a terminal ---------------------------------------------------

// What was drawn, one after the other, without what cleared it.
const drawn = (out) => out.split('\n')[0].split('\r')
	.map((line) => line.trimEnd()).filter((line) => line !== '');

function inTerminal(operator, columns, words) {
	const { status, stdout } = spawnSync('script', ['-qec',
		`stty cols ${columns}; exec ${[program, '--store', operator.store,
			'import', ...words].join(' ')}`, '/dev/null'],
	{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
	return { status, out: stdout };
}

describe('progress', () => {
	test('is a bar, percent, lines, rate and time left', (t) => {
		const operator = makeLargeShop(t);
		const path = writeLines(operator, numbered(20000));
		const begun = process.hrtime.bigint();
		const { status, out } = inTerminal(operator, 72,
			['--batch', '50', path]);
		const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
		assert.equal(status, 0);
		const lines = drawn(out);
		assert.match(lines.at(-1),
			/^\[#+\] {2}100% {2}20000 lines {2}\d+\/s$/);
		assert.equal(lines.at(-1).length, 71);
		for (const line of lines.slice(0, -1)) {
			assert.match(line, new RegExp('^\\[#*\\.*\\] +\\d+%  \\d+ lines' +
				'(  \\d+/s(  \\d+:\\d\\d left)?)?$'));
			assert.ok(line.length < 72);
		}
		assert.ok(lines.length <= seconds * 10 + 2, `${lines.length}`);
		assert.equal(out.split('\n')[1].trimEnd(),
			'import: 20000 created, 0 replayed, 0 refused');
		assert.equal(out.split('\n').length, 3);
	});

	for (const [columns, last] of [
		[30, /^100% {2}200 lines( {2}\d+\/s)?$/],
		[12, /^100%$/], [4, /^$/], [1, /^$/]])
		test(`has room in ${columns} columns`, (t) => {
			const operator = makeShop(t);
			const { status, out } = inTerminal(operator, columns,
				[writeLines(operator, numbered(200))]);
			assert.equal(status, 0);
			assert.match(drawn(out).at(-1) ?? '', last);
			assert.match(out, /\nimport: 200 created/);
		});

	test('is a count alone of a pipe, in the width there now is', async (t) => {
		const operator = makeLargeShop(t);
		const started = await startImport(t, operator, ['--batch', '1'],
			{ terminal: 60 });
		started.write([plain]);
		await until(() => drawn(started.out).length > 0);
		assert.match(drawn(started.out)[0], /^1 lines/);
		const terminal = readFileSync(started.terminal, 'utf8').trim();
		execFileSync('stty', ['-F', terminal, 'cols', '10']);
		started.write(numbered(11));
		await until(() => intentCount(operator) === 12);
		started.close();
		assert.equal((await started.ended).code, 0);
		assert.match(drawn(started.out).at(-1), /^12 lines$/);
		assert.match(started.out, /import: 12 created/);
	});

	test('makes room for what is reported', (t) => {
		const operator = makeShop(t);
		const { status, out } = inTerminal(operator, 70, ['--batch', '1',
			'--skip-refused', writeLines(operator, [plain, plain, 'no', plain])]);
		assert.equal(status, 0);
		assert.match(out, /\r +\r\S+:3: parameter_invalid: [^\r\n]+\r\n/);
		assert.match(out, /100% {2}4 lines.*\r\nimport: 3 created/);
	});

	// Of lines that are passed over nothing is counted, and not below zero.
	for (const [from, status, end] of [
		['4', 0, /^import: 0 created/],
		['10', 1, /^intentctl: --from: \S+ has no more than 3 lines$/]])
		test(`counts no line before ${from} of a file of 3`, (t) => {
			const operator = makeShop(t);
			const found = inTerminal(operator, 70, ['--from', from,
				writeLines(operator, numbered(3))]);
			assert.equal(found.status, status);
			const [last, ...before] =
				found.out.trimEnd().split(/[\r\n]+/).reverse();
			assert.match(last, end);
			for (const line of before)
				assert.match(line, /^(|\[#*\] {2}100% {2}0 lines)$/);
		});

	test('counts from the line that it begins with', (t) => {
		const operator = makeShop(t);
		const { status, out } = inTerminal(operator, 70, ['--batch', '10',
			'--from', '31', writeLines(operator, numbered(50))]);
		assert.equal(status, 0);
		assert.match(drawn(out).at(-1), / {2}20 lines/);
		for (const line of drawn(out))
			assert.match(line, / {2}(10|20) lines/);
	});

	test('is nowhere else', (t) => {
		const operator = makeShop(t);
		const result = operator.call('import', '--batch', '1',
			writeLines(operator, numbered(50)));
		assert.deepEqual(result, { status: 0, stderr: '',
			stdout: 'import: 50 created, 0 replayed, 0 refused\n' });
	});
});
