// Where the web server finds the workers: a unix socket, TCP, and sockets
// that systemd or spawn-fcgi hand over.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readlinkSync, writeFileSync }
	from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { fastcgi, fastcgiParams } from './fastcgi.mjs';
import { createIntent, getIntent } from './fixtures.mjs';
import { assertOk, build, startServer } from './harness.mjs';
import { assertClean, intentCount } from './importer.mjs';
import { intents, until, whole } from './kept.mjs';
import { makeKey, makeShop } from './operator.mjs';
import { family, start, whenEnded } from './runner.mjs';

const intentd = join(build, 'intentd');

// A port of the loopback that was free a moment ago.
function freePort(host = '127.0.0.1') {
	return new Promise((resolve, reject) => {
		const probe = net.createServer();
		probe.once('error', reject);
		probe.listen(0, host, () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
}

// -- A server past nginx ------------------------------------------------------

// A store, and what asks of it: {socket, words: those of intentd}.
function makeServer(t, { socket, settings = '' } = {}) {
	const operator = makeShop(t);
	const path = join(operator.folder, 'socket');
	const publicUrl = 'http://127.0.0.1:1';
	writeFileSync(operator.config, `${readFileSync(operator.config)}` +
		`public_url = ${publicUrl}\nworkers = 2\n` +
		`socket = ${socket ?? path}\n${settings}`);
	return { operator, path, publicUrl, socket: socket ?? path,
		testKey: makeKey(operator).secret,
		words: [intentd, '--config', operator.config] };
}

// With what it says in its log, and `ended`.
function launch(t, server, [program, ...words] = server.words, options) {
	return Object.assign(server, start(t, program, words, options));
}

const whenSaid = (server, word) => until(() => server.stderr.text,
	(text) => text.includes(word) || server.child.exitCode !== null);

async function assertReady(server, word) {
	assert.match(await whenSaid(server, 'ready, socket'), word);
}

const payOne = async (server) => assertOk(await fastcgi(server,
	fastcgiParams(server, 'POST', intents, whole), whole));

async function assertServes(server) {
	const { id } = await payOne(server);
	assert.equal(assertOk(await fastcgi(server, fastcgiParams(server, 'GET',
		`${intents}/${id}`))).id, id);
}

// Ends intentd by its own id, where it is not the child itself.
async function end(server, pid = server.pid) {
	process.kill(pid, 'SIGTERM');
	await whenEnded([pid]);
	assertClean(server.operator);
}

// -- Of the settings ----------------------------------------------------------

test('a unix socket has its mode, and goes with its server', async (t) => {
	const server = launch(t, makeServer(t, { settings: 'socket_mode = 0600' +
		`\nsocket_group = ${process.getgid()}\n` }));
	await assertReady(server, /ready, socket \S+\/socket, workers 2"$/m);
	const { mode, gid } = lstatSync(server.path);
	assert.equal(mode & 0o7777, 0o600);
	assert.equal(gid, process.getgid());
	await assertServes(server);
	await end(server);
	assert.ok(!existsSync(server.path));
});

describe('intentd does not start', () => {
	const refusals = {
		'with a group that is not there': [1, /socket_group: there is no `x/,
			() => ['--socket_group', 'xxxx']],
		'with mode 999': [2, /socket_mode: `999` is not an octal mode/,
			() => ['--socket_mode', '999']],
		'with a mode that lets all write': [2, /socket_mode: `0666` /,
			() => ['--socket_mode', '0666']],
		'with a path of 108 bytes': [2, /socket: longer than 107 bytes/,
			() => ['--socket', `/${'x'.repeat(107)}`]],
		'with port 0': [2, /has no port from 1 to 65535/,
			() => ['--socket', 'tcp:127.0.0.1:0']],
		'with port 70000': [2, /has no port from 1 to 65535/,
			() => ['--socket', 'tcp:127.0.0.1:70000']],
		'with a name as address': [2, /has no address in numbers/,
			() => ['--socket', 'tcp:localhost:9000']],
		'on all addresses': [2, /takes allow_remote = yes/,
			() => ['--socket', 'tcp:0.0.0.0:9000']],
		'on all addresses of IPv6': [2, /takes allow_remote = yes/,
			() => ['--socket', 'tcp:[::]:9000']],
		'on an IPv4 address as IPv6': [2, /is an IPv4 address/,
			() => ['--socket', 'tcp:[::ffff:10.0.0.1]:9000',
				'--allow_remote', 'yes']],
		'on an address that is not this host\'s': [1, /Cannot assign/,
			() => ['--socket', 'tcp:192.0.2.1:9000',
				'--allow_remote', 'yes']],
		'where a file is in the way': [1, /in the way, and no socket/,
			({ operator }) => ['--socket', operator.store]],
		'in a folder that is not there': [1, /No such file or directory/,
			({ path }) => ['--socket', `${path}/x`]],
	};

	for (const [name, [status, reason, wordsOf]] of Object.entries(refusals))
		test(name, (t) => {
			const { operator } = makeServer(t);
			const path = join(operator.folder, 'socket');
			const result = spawnSync(intentd, ['--store', operator.store,
				...wordsOf({ operator, path })], { encoding: 'utf8' });
			assert.equal(result.status, status, result.stderr);
			assert.match(result.stderr, /^intentd: [^\n]*\n$/);
			assert.match(result.stderr, reason);
			assert.ok(existsSync(operator.store));
		});
});

// -- TCP ----------------------------------------------------------------------

test('over TCP nothing is lost while workers are replaced', async (t) => {
	const socket = `tcp:127.0.0.1:${await freePort()}`;
	const options = { workers: 2, settings: { socket, max_requests: 50,
		restart_backoff_ms: 0 } };
	const first = await startServer(options);
	let last = first;
	t.after(() => last.stop());
	const before = first.pids().workers;
	const { id } = await createIntent(first);
	await Promise.all(Array.from({ length: 8 }, async () => {
		for (let i = 0; i < 60; i++)
			assertOk(await (i % 4 === 0
				? first.request('POST', intents,
					{ form: { amount: 2000, currency: 'usd' } })
				: first.request('GET', `${intents}/${id}`)));
	}));
	assert.ok(first.pids().workers.every((pid) => !before.includes(pid)));
	assert.doesNotMatch(first.log(), /did not take|brought no|signal \d/);
	assert.ok(first.log().includes(`ready, socket ${socket}, workers 2`));
	await first.halt();
	// At once, with the port still full of what was.
	last = await startServer({ ...options, home: first.home });
	assert.equal((await getIntent(last, id)).id, id);
});

test('over TCP and IPv6 requests are served', async (t) => {
	let port;
	try {
		port = await freePort('::1');
	} catch {
		t.skip('no IPv6 here');
		return;
	}
	const server = launch(t, makeServer(t, { socket: `tcp:[::1]:${port}` }));
	await assertReady(server, /ready, socket tcp:\[::1\]:\d+, workers/);
	await assertServes(server);
	await end(server);
	assert.equal(intentCount(server.operator), 1);
});

test('all addresses do with allow_remote = yes', async (t) => {
	const port = await freePort();
	const server = launch(t, makeServer(t, {
		socket: `tcp:0.0.0.0:${port}`, settings: 'allow_remote = yes\n' }));
	await assertReady(server, /ready, socket tcp:0\.0\.0\.0:\d+, workers/);
	server.socket = `tcp:127.0.0.1:${port}`;
	await assertServes(server);
	await end(server);
});

// -- spawn-fcgi ---------------------------------------------------------------

// Wherever the program has gone: its parent left it.
const pidOf = (text) => Number(text.match(/PID: (\d+)/)[1]);

for (const fork of [false, true])
	test(`spawn-fcgi ${fork ? 'leaves it behind' : 'becomes it'}`,
		async (t) => {
			const server = makeServer(t);
			const handed = join(server.operator.folder, 'handed');
			launch(t, server, ['spawn-fcgi', ...fork ? [] : ['-n'],
				'-s', handed, '-M', '0600', '--', ...server.words]);
			server.socket = handed;
			let { pid } = server;
			if (fork) {
				pid = pidOf((await server.ended).stdout);
				t.after(() => family(pid).forEach((one) =>
					process.kill(one.pid, 'SIGKILL')));
			} else {
				await assertReady(server,
					/ready, socket \S+\/handed from standard input, /);
			}
			await assertServes(server);
			for (const one of family(pid))
				assert.equal(readlinkSync(`/proc/${one.pid}/fd/0`),
					'/dev/null');
			assert.ok(!existsSync(server.path));
			await end(server, pid);
			// It is spawn-fcgi's.
			assert.ok(existsSync(handed));
		});

test('spawn-fcgi on all addresses is refused', async (t) => {
	const server = makeServer(t);
	launch(t, server, ['spawn-fcgi', '-n', '-p', `${await freePort()}`,
		'--', ...server.words]);
	const { code, stderr } = await server.ended;
	assert.equal(code, 1);
	assert.match(stderr, /from standard input: .* takes allow_remote = yes/);
});

// -- systemd ------------------------------------------------------------------

test('systemd starts it with the first connection', async (t) => {
	const server = makeServer(t);
	const handed = join(server.operator.folder, 'handed');
	launch(t, server, ['systemd-socket-activate', '-l', handed,
		...server.words]);
	await whenSaid(server, 'Listening on');
	server.socket = handed;
	await assertServes(server);
	await assertReady(server, /ready, socket \S+\/handed from systemd, /);
	assert.ok(!existsSync(server.path));
	await end(server);
	assert.ok(existsSync(handed));
});

test('systemd hands over a TCP socket', async (t) => {
	const port = await freePort();
	const server = makeServer(t);
	launch(t, server, ['systemd-socket-activate', '-l', `127.0.0.1:${port}`,
		...server.words]);
	await whenSaid(server, 'Listening on');
	server.socket = `tcp:127.0.0.1:${port}`;
	await assertServes(server);
	await assertReady(server, /ready, socket tcp:127\.0\.0\.1:\d+ from systemd/);
	await end(server);
});

test('systemd hands over two sockets, which is refused', async (t) => {
	const server = makeServer(t);
	const handed = ['one', 'two'].map((name) =>
		join(server.operator.folder, name));
	launch(t, server, ['systemd-socket-activate', '-l', handed[0],
		'-l', handed[1], ...server.words]);
	await whenSaid(server, `Listening on ${handed[1]}`);
	net.connect(handed[1]).on('error', () => {});
	const { code, stderr } = await server.ended;
	assert.equal(code, 1);
	assert.match(stderr, /systemd has handed over 2 sockets, and one is /);
});

// What a shell says in the variables, with descriptor 3 as it is.
const claim = ['sh', '-c',
	'LISTEN_PID=$$ LISTEN_FDS=$COUNT exec "$@" 3<&$FILE', 'sh'];

for (const [name, COUNT, FILE, reason] of [
	['what is no socket', '1', '0', /file 3 is no stream socket/],
	['nothing at all', '1', '-', /file 3 is no |Bad file descriptor/],
	['a number that is none', 'x', '0', /sockets from systemd: /]])
	test(`systemd hands over ${name}, which is refused`, async (t) => {
		const server = makeServer(t);
		launch(t, server, [...claim, ...server.words],
			{ env: { ...process.env, COUNT, FILE } });
		const { code, stderr } = await server.ended;
		assert.equal(code, 1);
		assert.match(stderr, reason);
	});
