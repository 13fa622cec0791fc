// What is compared: each kind of server, started on a loopback port of its
// own with its files in a folder of its own.
//
// A server is {url, key, groups, stop()}, and where it applies:
//   groups         the process ids whose trees answer, by what they are
//   prepare(load)  resolves to what a load needs besides: {ids}
//   begin()        before a run; what it resolves to is nothing
//   run()          a run, as runLoad() has it, of what is no load of requests
//   check(load)    after it; throws where an answer was another than the load
//                  expects
//   always         the status of its one answer, whatever is asked
//   store          the file that it maps
//   http           the server as tests/http/harness.mjs has it
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync,
	truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { assertOk, build, startServer } from '../http/harness.mjs';
import { end, poll, run, whenSaid } from './children.mjs';
import { peers } from './machine.mjs';
import { freePort } from './ports.mjs';
import { isRunning } from './processes.mjs';
import { startWebhooks } from './webhooks.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const emptyProgram = join(build, 'tests/bench/empty');

// What the bench sets of intentd: the store may grow to 64 GiB.
export const storeSettings = { store_bytes_max: 2 ** 36 };

function writeIds(folder, ids) {
	const path = join(folder, 'ids');
	writeFileSync(path, ids.map((id) => `${id}\n`).join(''));
	return path;
}

// -- intentd -----------------------------------------------------------------

const intents = '/v1/payment_intents';

// `count` ids of intents that are made for it.
async function makeIntents(server, count) {
	const ids = [];
	let left = count;
	await Promise.all(Array.from({ length: 8 }, async () => {
		while (left-- > 0)
			ids.push(assertOk(await server.request('POST', intents,
				{ form: 'amount=2000&currency=usd' })).id);
	}));
	return ids;
}

// What a load needs that is there before it.
const preparations = {
	async get(server, context) {
		if (existsSync(join(server.home, 'ids')))
			return { ids: join(server.home, 'ids') };
		return { ids: writeIds(server.home,
			await makeIntents(server, context.ids)) };
	},
	async list(server) {
		await makeIntents(server, 20);
	},
	async replay(server) {
		assertOk(await server.request('POST', intents, {
			form: 'amount=2000&currency=usd',
			headers: { 'Idempotency-Key': 'replayed' },
		}));
	},
};

// intentd logs a line for each request and nginx for what it refuses itself:
// every status is known without a word of wrk.
function statusesOf(log) {
	const counts = {};
	for (const [, status] of log.matchAll(/ status=(\d+)/g))
		counts[status] = (counts[status] ?? 0) + 1;
	return counts;
}

function checkLogs(log, refusals, load) {
	const expected = load.refused ? '400' : '200';
	const text = readFileSync(log, 'utf8') + (existsSync(refusals) ?
		readFileSync(refusals, 'utf8') : '');
	const statuses = statusesOf(text);
	assert.deepEqual(Object.keys(statuses), [expected],
		`${load.kind}: statuses ${JSON.stringify(statuses)}`);
	if (load.kind === 'replay')
		assert.doesNotMatch(text, / idempotency=(?!replayed)/);
}

function emptyFile(path) {
	if (existsSync(path))
		truncateSync(path);
}

async function startIntentd({ workers, settings, stored }, context) {
	const folder = stored ? context.stores.get(stored) : context.folder();
	const server = await startServer({ home: folder, workers,
		settings: { ...storeSettings, ...settings } });
	const log = join(folder, 'log');
	const refusals = join(server.dir, 'nginx.refusals.log');
	const { web: nginx, supervisor } = server.pids();
	return {
		http: server,
		url: server.baseUrl,
		key: server.testKey,
		store: server.store,
		groups: { nginx: [nginx], app: [supervisor] },
		prepare: (load) => preparations[load.kind]?.(server, context),
		begin() {
			emptyFile(log);
			emptyFile(refusals);
		},
		check: (load) => checkLogs(log, refusals, load),
		stop: () => server.stop(),
	};
}

// -- The empty program behind the same nginx ---------------------------------

// nginx/nginx.conf as scripts/run fills it in, but for what is compared:
// connections to the program kept or not.
function nginxSettings({ prefix, port, socket, kept }) {
	const words = {
		USER: process.getuid() === 0 ? 'user root;' : '',
		PREFIX: prefix,
		PORT: port,
		SOCKET: socket,
		DOCS: join(build, 'docs'),
		ERRORS: join(build, 'nginx'),
		SSL: '',
		BALANCER: '255.255.255.255',
		STATUS: `unix:${join(prefix, 'status.sock')}`,
		FASTCGI: join(root, 'nginx/fastcgi.conf'),
		PUBLIC_URL: `http://127.0.0.1:${port}`,
		DEFAULT_CONTRACT: 'card',
		READ_TIMEOUT_MS: 20000,
	};
	const text = readFileSync(join(root, 'nginx/nginx.conf'), 'utf8')
		.replace(/@([A-Z_]+)@/g, (_, word) => {
			assert.ok(word in words, `nginx.conf: @${word}@`);
			return words[word];
		});
	const upstream = `upstream intentd {\n\tserver "unix:${socket}";\n` +
		(kept ? `\tkeepalive ${kept};\n\tkeepalive_requests 1000000000;\n`
			: '') + '}';
	const changed = text.replace(/upstream intentd \{[^}]*\}/, upstream)
		.replace(/fastcgi_keep_conn \w+;/,
			`fastcgi_keep_conn ${kept ? 'on' : 'off'};`);
	assert.match(changed, /fastcgi_keep_conn/);
	return changed;
}

async function startNginx(folder, socket, kept) {
	const port = await freePort();
	const prefix = join(folder, 'nginx');
	mkdirSync(prefix);
	const file = join(prefix, 'nginx.conf');
	writeFileSync(file, nginxSettings({ prefix, port, socket, kept }));
	const child = run('nginx', ['-p', prefix, '-c', file, '-e', 'stderr'],
		{ log: join(folder, 'log') });
	const pidFile = join(prefix, 'nginx.pid');
	const up = await poll(() => !isRunning(child.pid) ||
		(existsSync(pidFile) && statSync(pidFile).size > 0));
	assert.ok(up && isRunning(child.pid),
		`nginx: ${readFileSync(join(folder, 'log'), 'utf8')}`);
	return { child, url: `http://127.0.0.1:${port}` };
}

// kept: connections that each nginx worker keeps; 0: none.
async function startEmpty({ workers, kept }, context) {
	const folder = context.folder();
	const socket = join(folder, 'empty.sock');
	// One that blocks on a kept connection serves no other.
	const processes = kept ? kept * os.cpus().length : workers;
	const program = run(emptyProgram, [socket, processes, context.answer],
		{ log: join(folder, 'log') });
	await whenSaid(program, /^ready$/m);
	const nginx = await startNginx(folder, socket, kept);
	const ids = writeIds(folder,
		[JSON.parse(readFileSync(context.answer, 'utf8')).id]);
	return {
		url: nginx.url,
		key: 'none',
		groups: { nginx: [nginx.child.pid], app: [program.pid] },
		always: 200,
		prepare: () => ({ ids }),
		async stop() {
			await end(nginx.child);
			await end(program);
		},
	};
}

// -- Peers -------------------------------------------------------------------

async function startMock(_, context) {
	const folder = context.folder();
	const child = run(process.execPath, [join(peers, 'mock.mjs')], {
		log: join(folder, 'log'),
		environment: { LOG_LEVEL: 'silent', NODE_ENV: 'production' },
	});
	const [, port] = await whenSaid(child, /^port (\d+)$/m);
	return {
		url: `http://127.0.0.1:${port}`,
		key: 'sk_test_bench',
		groups: { app: [child.pid] },
		stop: () => end(child),
	};
}

// The newest PostgreSQL of Debian, which keeps its programs out of PATH.
export function postgresFolder() {
	const all = '/usr/lib/postgresql';
	const [newest] = existsSync(all) ? readdirSync(all)
		.sort((a, b) => Number(b) - Number(a)) : [];
	return newest ? join(all, newest, 'bin') : null;
}

// It refuses to be run by root: then by Debian's user for it.
const unprivileged = process.getuid() === 0
	? ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : [];

// Sizes for a machine that it shares with its clients; durable as it comes
// (fsync, synchronous_commit and full_page_writes are on).
const postgresSettings = {
	listen_addresses: '',
	shared_buffers: '1GB',
	max_wal_size: '4GB',
	checkpoint_timeout: '15min',
	max_connections: 100,
	synchronous_commit: 'on',
	fsync: 'on',
};

function makeDatabase(programs, folder, options) {
	mkdirSync(folder);
	if (unprivileged.length > 0)
		execFileSync('chown', ['postgres', folder]);
	const child = run(join(programs, 'initdb'), ['-D', join(folder, 'data'),
		'--auth=trust', '--username=bench', '--no-sync',
		'--encoding=UTF8', '--locale=C.UTF-8'], options);
	child.stdout.resume();
	return child.ended;
}

async function startPostgres(folder, log) {
	const programs = postgresFolder();
	assert.ok(programs, 'there is no PostgreSQL: scripts/setup bench');
	const options = { log, setpriv: unprivileged, cwd: '/', end: 'INT' };
	const status = await makeDatabase(programs, folder, options);
	assert.equal(status, 0, readFileSync(log, 'utf8'));
	const settings = { ...postgresSettings, unix_socket_directories: folder };
	const child = run(join(programs, 'postgres'), ['-D', join(folder, 'data'),
		...Object.entries(settings).flatMap(([name, value]) =>
			['-c', `${name}=${value}`])], options);
	const socket = join(folder, '.s.PGSQL.5432');
	const ready = await poll(() => !isRunning(child.pid) || canConnect(socket));
	assert.ok(ready && isRunning(child.pid), readFileSync(log, 'utf8'));
	return child;
}

function canConnect(path) {
	return new Promise((resolve) => {
		const socket = net.connect(path, () => {
			socket.destroy();
			resolve(true);
		});
		socket.once('error', () => resolve(false));
	});
}

async function startFastify({ processes, connections }, context) {
	const folder = context.folder();
	const log = join(folder, 'log');
	const database = await startPostgres(join(folder, 'pg'), log);
	const key = 'sk_test_bench';
	const service = run(process.execPath, [join(peers, 'fastify/service.mjs')],
		{
			log,
			environment: {
				NODE_ENV: 'production',
				DATABASE_FOLDER: join(folder, 'pg'),
				DATABASE_USER: 'bench',
				API_KEY: key,
				PROCESSES: processes,
				CONNECTIONS: connections,
			},
		});
	const [, port] = await whenSaid(service, /^port (\d+)$/m);
	return {
		url: `http://127.0.0.1:${port}`,
		key,
		groups: { app: [service.pid], database: [database.pid] },
		async stop() {
			await end(service);
			await end(database, 'SIGINT'); // fast, after a checkpoint
		},
	};
}

const kinds = {
	intentd: startIntentd,
	empty: startEmpty,
	mock: startMock,
	fastify: startFastify,
	webhooks: startWebhooks,
};

export function start(descriptor, context) {
	return kinds[descriptor.kind](descriptor, context);
}
