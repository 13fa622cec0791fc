// The units of scripts/: what systemd thinks of them, and whether the program
// does only what they allow; and what the program tells systemd.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';

import { fastcgi, fastcgiConnect, fastcgiParams } from './http/fastcgi.mjs';
import { assertOk, build } from './http/harness.mjs';
import { intentCount } from './http/importer.mjs';
import { getList, intents, until } from './http/kept.mjs';
import { makeFolder, makeKey, makeOperator } from './http/operator.mjs';
import { start } from './http/runner.mjs';

const unitOf = (name) => fileURLToPath(
	new URL(`../scripts/${name}`, import.meta.url));
const service = readFileSync(unitOf('intentd.service'), 'utf8');
const intentd = join(build, 'intentd');

const analyze = (...words) => execFileSync('systemd-analyze', words,
	{ encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });

// All values of a directive, in order.
const valuesOf = (name) => [...service.matchAll(
	new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value);

// -- The units ----------------------------------------------------------------

describe('the units', () => {
	// With the program where the build has it, and without manual pages:
	// what `make install` has not placed yet cannot be found.
	test('are what systemd understands', (t) => {
		const folder = makeFolder(t);
		for (const name of ['intentd.service', 'intentd.socket'])
			writeFileSync(join(folder, name),
				readFileSync(unitOf(name), 'utf8')
					.replace('=/usr/sbin/intentd ', `=${intentd} `)
					.replace(/^Documentation=.*\n/m, ''));
		const { status, stdout, stderr } = spawnSync('systemd-analyze',
			['verify', join(folder, 'intentd.service'),
				join(folder, 'intentd.socket')], { encoding: 'utf8' });
		assert.equal(stdout + stderr, '');
		assert.equal(status, 0);
	});

	test('expose no more than 1.1 of 10', () => {
		const judged = analyze('security', '--offline=true',
			'--threshold=11', '--no-pager', unitOf('intentd.service'));
		const [, exposure] = judged.match(
			/Overall exposure level for intentd\.service: ([\d.]+)/);
		assert.ok(Number(exposure) <= 1.1, judged);
	});

	test('let the server end as slowly as its settings do', () => {
		const settings = execFileSync(intentd, ['--print-config'],
			{ encoding: 'utf8' });
		const [, timeout] = settings.match(/^shutdown_timeout_ms = (\d+)$/m);
		const [, seconds] = valuesOf('TimeoutStopSec')[0].match(/^(\d+)s$/);
		assert.ok(seconds * 1000 > Number(timeout));
	});
});

// -- What the service may call ------------------------------------------------

// systemd's groups of system calls: {'@aio': ['io_cancel', ...]}.
function readGroups() {
	const groups = {};
	let group;
	for (const line of analyze('syscall-filter', '--no-pager').split('\n')) {
		const word = line.trim();
		if (word === '' || word.startsWith('#'))
			continue;
		if (line.startsWith('@'))
			group = groups[word] = [];
		else
			group.push(word);
	}
	return groups;
}

const expand = (groups, word) => word.startsWith('@')
	? groups[word].flatMap((inner) => expand(groups, inner)) : [word];

// SystemCallFilter= as systemd reads it: the first line allows, and from then
// on each one adds to it, or with a ~ takes away.
function allowedCalls() {
	const groups = readGroups();
	const allowed = new Set();
	for (const line of valuesOf('SystemCallFilter')) {
		const names = line.replace(/^~/, '').split(' ')
			.flatMap((word) => expand(groups, word));
		for (const name of names)
			if (line.startsWith('~'))
				allowed.delete(name);
			else
				allowed.add(name);
	}
	return allowed;
}

// What the unit's other lines forbid, as strace shows a call.
const forbidden = [
	{ line: 'MemoryDenyWriteExecute=yes',
		call: /^mmap\(.*PROT_WRITE\|PROT_EXEC|^mprotect\(.*PROT_EXEC/ },
	{ line: 'RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6',
		call: /^socket(pair)?\((?!AF_(UNIX|NETLINK|INET6?),)/ },
	{ line: 'RestrictNamespaces=yes',
		call: /^(unshare|setns)\(|^clone3?\(.*CLONE_NEW/ },
	{ line: 'RestrictSUIDSGID=yes', call: /^f?chmod(at)?\(.* 0[24567]\d{3}\b/ },
	{ line: 'RestrictRealtime=yes', call: /^sched_setscheduler\(/ },
	{ line: 'LockPersonality=yes', call: /^personality\(/ },
];

// One call a line, behind the process: what is told of in two is put together.
function readCalls(file) {
	const lines = readFileSync(file, 'utf8').split('\n');
	return lines.map((line) => line.replace(/^\d+ +/, ''))
		.filter((line) => /^\w+\(/.test(line));
}

// -- A server -----------------------------------------------------------------

const initialBytes = 1 << 20;

// With a store that grows; `words` start it.
function makeServer(t, settings = '') {
	const operator = makeOperator(t);
	const server = { operator, publicUrl: 'http://127.0.0.1:1',
		socket: join(operator.folder, 'socket'),
		words: [intentd, '--config', operator.config] };
	writeFileSync(operator.config, `store = ${operator.store}\n` +
		`store_bytes = ${initialBytes}\nsocket = ${server.socket}\n` +
		`public_url = ${server.publicUrl}\nworkers = 2\n` +
		`rate_card_merchant = 0\nrate_stable_test = 0\n` +
		`status = ${server.socket}.status\n` +
		`pid_file = ${server.socket}.pid\n${settings}`);
	operator.text('init');
	operator.text('account', 'create', '--name', 'Shop');
	server.merchant = operator.json('merchant', 'create',
		'--name', 'Shop').id;
	server.testKey = makeKey(operator).secret;
	return server;
}

const supervisorOf = (server) =>
	Number(readFileSync(`${server.socket}.pid`, 'utf8'));

function send(server, method, path, json) {
	const body = json === undefined ? '' : JSON.stringify(json);
	return fastcgi(server, fastcgiParams(server, method, path, body), body);
}

// -- What the service may call ------------------------------------------------

// Some that fill the store, over a few connections at a time.
async function createMany(server, connections, each) {
	const metadata = Object.fromEntries(Array.from({ length: 50 },
		(_, i) => [`key${i}`, 'x'.repeat(500)]));
	await Promise.all(Array.from({ length: connections }, async () => {
		for (let i = 0; i < each; i++)
			assertOk(await send(server, 'POST', intents,
				{ amount: 2000, currency: 'usd', metadata }));
	}));
}

async function payInCoins(server) {
	const { id } = assertOk(await send(server, 'POST', '/v1/payment-intents',
		{ amount: 4.5, currency: 'usd', merchant_id: server.merchant }), 201);
	assert.equal((await send(server, 'GET', `/v1/qr/${id}.png`)).status, 200);
	assertOk(await send(server, 'POST',
		`/v1/test-helpers/payment-intents/${id}/pay`));
}

async function keepOne(server) {
	const connection = fastcgiConnect(server);
	connection.send(getList(server));
	assertOk(await connection.answer());
	connection.destroy();
}

// The calls of all processes of a server that has had much to do.
async function traceServer(t) {
	const server = makeServer(t, 'sweep_interval_ms = 10\n' +
		'max_requests = 20\nrestart_backoff_ms = 0\n');
	const trace = join(server.operator.folder, 'trace');
	const { ended, stderr } = start(t, 'strace',
		['-I1', '-f', '-qq', '-o', trace, ...server.words]);
	await until(() => existsSync(`${server.socket}.pid`), Boolean);
	await createMany(server, 4, 20);
	await payInCoins(server);
	await keepOne(server);
	// New workers, then a new program, then the end.
	const first = supervisorOf(server);
	process.kill(first, 'SIGHUP');
	await until(() => stderr.text,
		(text) => text.includes('the settings are in force'));
	process.kill(first, 'SIGUSR2');
	await until(() => supervisorOf(server), (pid) => pid !== first);
	process.kill(supervisorOf(server), 'SIGTERM');
	assert.equal((await ended).code, 0);
	assert.ok(statSync(server.operator.store).size > initialBytes);
	assert.equal(intentCount(server.operator), 80);
	return readCalls(trace);
}

test('a busy server does nothing that the service may not', async (t) => {
	const allowed = allowedCalls();
	assert.ok(allowed.has('accept4') && !allowed.has('chown'));
	const calls = await traceServer(t);
	const names = new Set(calls.map((call) => call.match(/^\w+/)[0]));
	assert.ok(names.has('epoll_wait') && names.has('fdatasync'));
	assert.deepEqual([...names].filter((name) => !allowed.has(name)), []);
	for (const { line, call } of forbidden) {
		assert.ok(service.includes(`\n${line}\n`), line);
		assert.deepEqual(calls.filter((one) => call.test(one)), [], line);
	}
});

// -- What systemd is told -----------------------------------------------------

// A socket such as systemd's, and what has come: messages without an end.
async function listenForWords(t) {
	const path = join(makeFolder(t), 'notify');
	const { stdout } = start(t, 'socat', ['-u', `UNIX-RECV:${path}`, 'STDOUT']);
	await until(() => existsSync(path), Boolean);
	return { path, heard: () => stdout.text };
}

const count = (text, word) => text.split(word).length - 1;

describe('systemd hears', () => {
	test('when requests are served, that it lives, and that it ends',
		async (t) => {
			const { path, heard } = await listenForWords(t);
			const server = makeServer(t);
			const [program, ...words] = server.words;
			const { child, ended } = start(t, program, words, { env: {
				...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000',
			} });
			await until(heard, (text) => text.includes('READY=1'));
			assertOk(await send(server, 'GET', intents));
			// Idle: what else it waits for is seconds away.
			const pings = count(heard(), 'WATCHDOG=1');
			await until(heard,
				(text) => count(text, 'WATCHDOG=1') >= pings + 5);
			assert.doesNotMatch(heard(), /STOPPING/);
			child.kill('SIGTERM');
			assert.equal((await ended).code, 0);
			await until(heard, (text) => text.includes('STOPPING=1'));
			assert.equal(count(heard(), 'READY=1'), 1);
		});

	test('nothing of a watchdog that it has not asked for', async (t) => {
		const { path, heard } = await listenForWords(t);
		const server = makeServer(t);
		const [program, ...words] = server.words;
		const { child, ended } = start(t, program, words,
			{ env: { ...process.env, NOTIFY_SOCKET: path } });
		await until(heard, (text) => text.includes('READY=1'));
		assertOk(await send(server, 'GET', intents));
		child.kill('SIGTERM');
		await ended;
		await until(heard, (text) => text.includes('STOPPING=1'));
		assert.doesNotMatch(heard(), /WATCHDOG/);
	});

	// Only the main process is heard, and the new one is not that yet.
	test('that a new program is main and ready, from the old one',
		async (t) => {
			const { path, heard } = await listenForWords(t);
			const server = makeServer(t);
			const [program, ...words] = server.words;
			const { child, ended } = start(t, program, words,
				{ env: { ...process.env, NOTIFY_SOCKET: path } });
			await until(heard, (text) => text.includes('READY=1'));
			child.kill('SIGUSR2');
			const text = await until(heard, (text) =>
				/MAINPID=\d+/.test(text));
			const [, pid] = text.match(/MAINPID=(\d+)/);
			process.kill(Number(pid), 'SIGTERM');
			assert.match(text, /READY=1\nMAINPID=/);
			assert.equal((await ended).code, 0);
			await until(heard, (text) => text.includes('STOPPING=1'));
		});

	test('not that a server is ready which cannot start', async (t) => {
		const { path, heard } = await listenForWords(t);
		const server = makeServer(t);
		writeFileSync(server.socket, 'in the way');
		const [program, ...words] = server.words;
		const { ended } = start(t, program, words,
			{ env: { ...process.env, NOTIFY_SOCKET: path } });
		assert.equal((await ended).code, 1);
		assert.equal(heard(), '');
	});
});
