// A server that root starts and that the settings make somebody else: what it
// opens as root, and that nothing of root's is left to it.
import assert from 'node:assert/strict';
import { chownSync, copyFileSync, existsSync, readFileSync, readdirSync,
	statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { fastcgi, fastcgiParams } from './fastcgi.mjs';
import { until } from './fixtures.mjs';
import { assertOk, build } from './harness.mjs';
import { makeKey, makeOperator } from './operator.mjs';
import { atEnd, start } from './runner.mjs';
import { ask } from './status_client.mjs';

const isRoot = process.getuid() === 0;
const nobody = 65534; // On every Debian: user and group.
const intents = '/v1/payment_intents';

const statusOf = (pid) => Object.fromEntries(
	readFileSync(`/proc/${pid}/status`, 'latin1').trim().split('\n')
		.map((line) => line.split(/:\s+/)));

// With a folder, a store and a program that are `owner`'s.
function makeServer(t, settings, owner) {
	const operator = makeOperator(t);
	const { folder } = operator;
	const server = { operator, folder, publicUrl: 'http://127.0.0.1:1',
		socket: join(folder, 'socket'), dir: folder };
	copyFileSync(join(build, 'intentd'), join(folder, 'intentd'));
	server.configure = (more) => writeFileSync(operator.config,
		`store = ${operator.store}\nsocket = ${server.socket}\n` +
		`workers = 1\nstatus = ${join(folder, 'status.sock')}\n` +
		`pid_file = ${join(folder, 'pid')}\n` +
		`log = ${join(folder, 'log')}\n${more}`);
	server.configure('');
	operator.text('init');
	operator.text('account', 'create', '--name', 'Shop');
	operator.text('merchant', 'create', '--name', 'Shop');
	server.testKey = makeKey(operator).secret;
	server.configure(settings);
	if (owner !== undefined)
		for (const name of ['', ...readdirSync(folder)])
			chownSync(join(folder, name), owner, owner);
	server.log = () => existsSync(join(folder, 'log'))
		? readFileSync(join(folder, 'log'), 'utf8') : '';
	server.pid = () => Number(readFileSync(join(folder, 'pid'), 'utf8'));
	server.start = () => start(t, join(folder, 'intentd'),
		['--config', operator.config]);
	server.ready = async () => {
		const started = server.start();
		await until(() => existsSync(join(folder, 'pid')), Boolean);
		return started;
	};
	server.create = async () => {
		const body = JSON.stringify({ amount: 2000, currency: 'usd' });
		assertOk(await fastcgi(server,
			fastcgiParams(server, 'POST', intents, body), body));
	};
	return server;
}

function assertDropped(pid, what) {
	const status = statusOf(pid);
	for (const ids of [status.Uid, status.Gid])
		assert.deepEqual(ids.split('\t').map(Number),
			Array(4).fill(nobody), what);
	assert.ok(!status.Groups.trim().split(' ').includes('0'), what);
	for (const name of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'])
		assert.match(status[name], /^0+$/, `${what} ${name}`);
	assert.equal(status.NoNewPrivs, '1', what);
}

// A new program, which is no child of this process: it may wait for whoever is
// its parent now when it has ended.
async function end(pid) {
	process.kill(pid, 'SIGTERM');
	await until(() => !existsSync(`/proc/${pid}`) ||
		statusOf(pid).State.startsWith('Z'), Boolean);
}

const processesOf = async (server) =>
	(await ask(server, '/status')).body.processes;

// Who is not root can show no more than that it becomes nobody else.
const asRoot = (name, run) => test(name, isRoot ? run : async (t) => {
	const { code, stderr } = await makeServer(t, 'user = nobody\n')
		.start().ended;
	assert.equal(code, 1);
	assert.match(stderr, /only root can become somebody else/);
});

describe(isRoot ? 'a server that root starts' : 'a server', () => {
	asRoot('has nothing left of root, nor has a new program', async (t) => {
		const server = makeServer(t, 'user = nobody\nsocket_owner = root\n' +
			'socket_group = root\nsocket_mode = 0600\n', nobody);
		const { child } = await server.ready();
		const first = server.pid();
		for (const turn of ['first', 'second']) {
			const pid = server.pid();
			assertDropped(pid, `${turn} supervisor`);
			for (const one of await processesOf(server)) {
				assertDropped(one.pid, `${turn} ${one.kind}`);
				assert.equal(statusOf(one.pid).Seccomp, '2');
			}
			const { uid, gid, mode } = statSync(server.socket);
			assert.deepEqual([uid, gid, mode & 0o777], [0, 0, 0o600]);
			assert.equal(statSync(join(server.folder, 'log')).uid, nobody);
			assert.doesNotMatch(server.log(), /runs as root/);
			await server.create();
			if (turn === 'second')
				continue;
			process.kill(pid, 'SIGUSR2');
			const second = await until(server.pid,
				(now) => now !== first);
			atEnd(t, () => end(second));
			await until(() => child.exitCode, (code) => code !== null);
			assert.equal(child.exitCode, 0);
		}
	});

	asRoot('keeps its user when the settings are read again', async (t) => {
		const server = makeServer(t, 'user = nobody\n', nobody);
		const { child, ended } = await server.ready();
		// Who may look into a process owns its files in /proc (proc(5)).
		const looksInto = ({ pid }) => statSync(`/proc/${pid}/fd`).uid;
		assert.deepEqual([...new Set((await processesOf(server))
			.map(looksInto))], [0]);
		server.configure('user = daemon\ncore_files = yes\n');
		child.kill('SIGHUP');
		await until(server.log, (text) => /settings are in force/.test(text));
		assert.match(server.log(), /user: a reload does not change it/);
		const fresh = await until(() => processesOf(server).catch(() => []),
			(all) => all.length > 0 &&
				all.every(({ generation }) => generation === 2));
		for (const one of fresh) {
			assertDropped(one.pid, one.kind);
			assert.equal(looksInto(one), nobody, one.kind);
		}
		await server.create();
		child.kill('SIGTERM');
		assert.equal((await ended).code, 0);
	});

	asRoot("does not start on a store that is not its user's", async (t) => {
		const server = makeServer(t, 'user = nobody\n');
		chownSync(server.folder, nobody, nobody);
		const { code, stderr } = await server.start().ended;
		assert.equal(code, 1);
		assert.match(stderr, /intents\.mdb: No permission for the store's file/);
	});

	asRoot('says that it runs as root, unless that is wanted', async (t) => {
		for (const settings of ['', 'user = root\n']) {
			const server = makeServer(t, settings);
			const { child, ended } = await server.ready();
			const said = /this server runs as root/.test(server.log());
			assert.equal(said, settings === '');
			child.kill('SIGTERM');
			await ended;
		}
	});

	const refused = [
		{ settings: 'user = no-such-user-here', code: 1,
			says: /user: there is no `no-such-user-here`/ },
		{ settings: 'user = nobody\ngroup = no-such-group', code: 1,
			says: /group: there is no `no-such-group`/ },
		{ settings: 'user = 4000000000', code: 1,
			says: isRoot ? /has no group: set `group`/
				: /only root can become somebody else/ },
		{ settings: 'group = nogroup', code: 2, says: /group: needs a user/ },
	];
	for (const { settings, code, says } of refused)
		test(`does not start with ${settings.replace('\n', ', ')}`,
			async (t) => {
				const server = makeServer(t, `${settings}\n`);
				const ended = await server.start().ended;
				assert.equal(ended.code, code);
				assert.match(ended.stderr, says);
				assert.ok(!existsSync(server.socket));
			});
});
