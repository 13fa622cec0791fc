// One server of one's own for a test file: scripts/run on a free port and a
// temporary directory, ended by its own process id, leaving nothing behind.
//
// Every answer that passes through here is held against what the contract
// says of all answers: Request-Id, Content-Type and the standard error JSON.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdirSync, mkdtempSync, openSync,
	readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { assertNoSecretIn, noteSecrets } from './leaks.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Where scripts/run finds the programs, too: CC and SANITIZE choose.
export const build = join(root, execFileSync('make', ['-s',
	'--no-print-directory', '-C', root, '--eval=where: ; @echo $(BUILD)',
	'where'], { encoding: 'utf8' }).trim());

// Which web server all of this runs through: nginx, or apache.
export const web = process.env.INTENTD_WEB ?? 'nginx';
export const webProcess = { nginx: 'nginx', apache: 'apache2' }[web];

// Where the web servers differ, other than in words; the README has the same.
export const webIs = {
	nginx: {
		boundsAllHeaders: true, // together: 32 KiB
		checksPreconditions: true, // of the pages below /docs/
		refusesTooManyAtATime: true, // or lets them wait
		answersHalfClosed: false, // a client that has ended too early
		refusesLengthWithChunks: true, // or goes by the chunks (RFC 9112, 6.3)
		refusesTwoKeysInALine: false, // itself, with 400; else intentd, 401
		refusesUnknownExpectations: false, // or ignores them
		answersOptionsOfStar: false, // 200 and nothing
		refusesLowerCaseMethods: true, // itself, with 400; else intentd, 405
	},
	apache: {
		boundsAllHeaders: false, // each: 8 KiB, and 100 of them
		checksPreconditions: false,
		refusesTooManyAtATime: false,
		answersHalfClosed: true,
		refusesLengthWithChunks: false,
		refusesTwoKeysInALine: true,
		refusesUnknownExpectations: true,
		answersOptionsOfStar: true,
		refusesLowerCaseMethods: false,
	},
}[web];

const noRates = {
	rate_card_merchant: 0,
	rate_card_api_keys: 0,
	rate_stable_test: 0,
	rate_stable_live: 0,
	rate_address: 0,
};

// -- Answers -----------------------------------------------------------------

const stableRoots = new Set(['payment-intents', 'transactions', 'merchants',
	'qr', 'webhook-endpoints', 'test-helpers']);

// The contract that answers a path: README, second table.
export function contractOf(path) {
	const [, version, rootName] = path.split('?')[0].split('/');
	return version === 'v1' && stableRoots.has(rootName) ? 'stable' : 'card';
}

// Every error that this process has seen, in order.
export const seenErrors = [];

function remember(contract, status, { code, type, param, doc_url: url }) {
	const row = { contract, code, status, type, param };
	seenErrors.push({ ...row, url });
	if (process.env.SEEN_ERRORS)
		appendFileSync(process.env.SEEN_ERRORS, JSON.stringify(row) + '\n');
}

// Headers that must come with some refusals.
const neededHeaders = [
	{ header: 'www-authenticate', when: ({ status }) => status === 401 },
	{ header: 'allow', when: ({ status }) => status === 405 },
	{ header: 'retry-after', when: ({ status, code }) => status === 429 ||
		['service_unavailable', 'idempotency_key_in_use'].includes(code) },
];

function checkErrorMembers(error, decline) {
	const members = ['code', 'doc_url', 'message', 'param', 'type'];
	if (decline)
		members.push('decline_code');
	assert.deepEqual(Object.keys(error).sort(), members.sort());
	for (const name of members)
		if (name !== 'param')
			assert.equal(typeof error[name], 'string', name);
	assert.ok(error.param === null || typeof error.param === 'string');
	assert.ok(error.message.length > 0);
}

// README section 1, for any answer of 400 and above.
function checkError(answer, { contract, publicUrl, key }) {
	const { headers, body, status } = answer;
	assert.match(headers['content-type'], /^application\/json\b/);
	assert.deepEqual(Object.keys(body), ['error']);
	const { error } = body;
	checkErrorMembers(error, error.code === 'card_declined');
	assert.equal(error.doc_url,
		`${publicUrl}/docs/errors/${contract}#${error.code}`);
	if (key)
		assert.ok(!error.message.includes(key), error.message);
	for (const { header, when } of neededHeaders)
		if (when({ status, code: error.code }))
			assert.ok(headers[header], `${status} needs ${header}`);
	remember(contract, status, error);
}

function parseBody(answer) {
	const type = answer.headers['content-type'] ?? '';
	if (type.startsWith('application/json') && answer.text !== '')
		answer.body = JSON.parse(answer.text);
	return answer;
}

// Checks what holds for every answer and returns it with its body parsed.
export function checkAnswer(answer, expected) {
	assert.match(answer.headers['request-id'] ?? '', /^req_[0-9a-zA-Z]+$/,
		'Request-Id');
	assert.ok(answer.headers['content-type'], 'Content-Type');
	parseBody(answer);
	if (answer.status >= 400 && expected.method !== 'HEAD')
		checkError(answer, expected);
	return answer;
}

// What a refusal must be; `expected` has any of status, type, code, param.
export function assertRefused(answer, expected) {
	const { type, code, param } = answer.body?.error ?? {};
	const found = { status: answer.status, type, code, param };
	const wanted = Object.fromEntries(Object.keys(found)
		.map((name) => [name, name in expected ? expected[name] : found[name]]));
	assert.deepEqual(found, wanted, answer.text);
	return answer.body.error;
}

export function assertOk(answer, status = 200) {
	assert.equal(answer.status, status, answer.text);
	return answer.body;
}

// -- Requests ----------------------------------------------------------------

// {a: {b: 1}, c: ['x']} as a[b]=1&c[]=x.
export function encodeForm(value, name = '') {
	if (Array.isArray(value))
		return value.map((item) => encodeForm(item, `${name}[]`)).join('&');
	if (value !== null && typeof value === 'object')
		return Object.entries(value).map(([key, item]) =>
			encodeForm(item, name === '' ? key : `${name}[${key}]`))
			.join('&');
	return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
}

export function authorization(key, scheme) {
	if (scheme === 'basic')
		return `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
	return `Bearer ${key}`;
}

function payload({ json, form, body }) {
	if (json !== undefined)
		return { type: 'application/json', bytes: JSON.stringify(json) };
	if (form !== undefined)
		return {
			type: 'application/x-www-form-urlencoded',
			bytes: typeof form === 'string' ? form : encodeForm(form),
		};
	return { bytes: body };
}

function requestHeaders(key, options, { type, bytes }, method) {
	const headers = { ...options.headers };
	const has = (name) => Object.keys(headers)
		.some((given) => given.toLowerCase() === name);
	if (key && !has('authorization'))
		headers.Authorization = authorization(key, options.auth);
	if (type && !has('content-type'))
		headers['Content-Type'] = type;
	if (bytes !== undefined || method === 'POST')
		headers['Content-Length'] = Buffer.byteLength(bytes ?? '');
	return headers;
}

const agent = new http.Agent({ keepAlive: false });

// One exchange over node:http.  A server may answer before it has read all
// of a request, so that an error while sending counts only without an answer.
function exchange(baseUrl, method, path, headers, bytes, more) {
	const { hostname, port } = new URL(baseUrl);
	return new Promise((resolve, reject) => {
		const request = http.request({ agent: more.agent ?? agent, hostname,
			port, method, path, headers, localAddress: more.localAddress });
		request.on('error', reject);
		request.on('response', (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => resolve({
				status: response.statusCode,
				headers: response.headers,
				rawHeaders: response.rawHeaders,
				text: Buffer.concat(chunks).toString(),
			}));
		});
		request.end(bytes);
	});
}

// options: key (default the server's test key; null: none), auth ('basic'),
// json, form (object or text), body (bytes), headers (an array of values
// sends a header more than once), contract (default by the path),
// localAddress (where the request comes from: any of 127.0.0.0/8), agent (of
// node:http; without one each request has a connection of its own).
export async function sendRequest(server, method, path, options = {}) {
	const key = options.key === undefined ? server.testKey : options.key;
	const load = payload(options);
	const answer = await exchange(server.baseUrl, method, path,
		requestHeaders(key, options, load, method), load.bytes, options);
	if (server.secrets)
		noteSecrets(server.secrets, answer.text);
	return checkAnswer(answer, {
		method,
		key,
		contract: options.contract ?? contractOf(path),
		publicUrl: server.publicUrl,
	});
}

// -- Raw HTTP ----------------------------------------------------------------

export function parseHead(head) {
	const [statusLine, ...lines] = head.split('\r\n');
	const headers = {};
	for (const line of lines) {
		const colon = line.indexOf(':');
		headers[line.slice(0, colon).toLowerCase()] =
			line.slice(colon + 1).trim();
	}
	return { statusLine, headers };
}

// The first answer in raw bytes; null where there is none.
function parseRawAnswer(raw) {
	const text = raw.replace(/^(HTTP\/1\.1 100 [^\r]*\r\n\r\n)+/, '');
	const split = text.indexOf('\r\n\r\n');
	if (split < 0)
		return null;
	const { statusLine, headers } = parseHead(text.slice(0, split));
	const rest = Buffer.from(text.slice(split + 4), 'latin1');
	const length = Number(headers['content-length'] ?? rest.length);
	return {
		status: Number(statusLine.split(' ')[1]),
		headers,
		text: rest.subarray(0, length).toString(),
	};
}

// Writes bytes to the web server and reads until it closes the connection (so a whole
// request needs Connection: close).  halfClose: says that nothing more comes.
// Returns the checked answer, or null where the connection was just closed.
export function rawHttp(server, bytes, options = {}) {
	const { hostname, port } = new URL(server.baseUrl);
	return new Promise((resolve, reject) => {
		const socket = net.connect({ host: hostname, port });
		let raw = '';
		socket.setEncoding('latin1');
		socket.on('data', (chunk) => { raw += chunk; });
		socket.on('error', (error) => {
			if (raw === '' && error.code !== 'ECONNRESET')
				reject(error);
		});
		socket.on('close', () => resolve(raw));
		socket.write(bytes, 'latin1');
		if (options.halfClose)
			socket.end();
	}).then(parseRawAnswer).then((answer) => answer && checkAnswer(answer, {
		contract: options.contract ?? 'card',
		publicUrl: server.publicUrl,
		key: server.testKey,
	}));
}

// -- Processes ---------------------------------------------------------------

function processStat(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		const [, name, state, rest] = stat.match(/\((.*)\) (\S) (.*)/s);
		// One that nobody has waited for yet has ended as well.
		return state === 'Z' ? null
			: { pid: Number(pid), name, parent: parseInt(rest, 10) };
	} catch {
		return null; // It has just ended.
	}
}

function childrenOf(parent, name) {
	return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
		.map(processStat)
		.filter((found) => found?.parent === parent && found.name === name)
		.map(({ pid }) => pid).sort((a, b) => a - b);
}

// Another one than was started, after a SIGUSR2.
function findSupervisor(run, data) {
	try {
		const pid = Number(readFileSync(join(data, 'intentd.pid'), 'utf8'));
		return processStat(pid)?.name === 'intentd' ? pid : undefined;
	} catch {
		return childrenOf(run, 'intentd')[0]; // It is not ready yet.
	}
}

function findPids(run, data) {
	const supervisor = findSupervisor(run, data);
	const [webPid] = childrenOf(run, webProcess);
	return {
		run,
		web: webPid,
		supervisor,
		workers: supervisor ? childrenOf(supervisor, 'intentd') : [],
		committer: supervisor &&
			childrenOf(supervisor, 'intentd-commit')[0],
		couriers: supervisor
			? childrenOf(supervisor, 'intentd-courier') : [],
	};
}

// -- The server --------------------------------------------------------------

function runArguments(dir, { settings = {}, workers = 2, options = [] }) {
	const all = { ...noRates, ...settings };
	return ['--pdeathsig', 'TERM', join(root, 'scripts/run'),
		'--port', '0', '--data', dir, '--workers', String(workers),
		'--web', web, ...options,
		...Object.entries(all).flatMap(([name, value]) =>
			['--set', `${name}=${value}`])];
}

// Should this process be killed, its server is told to end.
function spawnRun(dir, logFile, options) {
	const log = openSync(logFile, 'a');
	const child = spawn('setpriv', runArguments(dir, options), {
		stdio: ['ignore', 'pipe', log],
		env: { ...process.env, ...options.environment },
	});
	closeSync(log);
	child.ended = new Promise((resolve) => child.once('exit',
		(code, signal) => resolve({ code, signal })));
	return child;
}

// The line that scripts/run prints when requests are accepted.
function whenReady(child, logFile) {
	let text = '';
	child.stdout.setEncoding('utf8');
	return new Promise((resolve, reject) => {
		child.stdout.on('data', (chunk) => {
			text += chunk;
			if (text.includes('intentd is ready'))
				resolve();
		});
		child.once('error', reject);
		child.ended.then(({ code, signal }) => reject(new Error(
			`scripts/run ended with ${signal ?? code}:\n` +
			readFileSync(logFile, 'utf8'))));
	});
}

function readEnvironment(file) {
	return Object.fromEntries(readFileSync(file, 'utf8').trim().split('\n')
		.map((line) => {
			const equals = line.indexOf('=');
			return [line.slice(0, equals), line.slice(equals + 1)];
		}));
}

function findSocket(data, supervisor) {
	const words = readFileSync(`/proc/${supervisor}/cmdline`, 'utf8')
		.split('\0');
	return words.find((word) => word.startsWith('--socket='))
		?.slice('--socket='.length) ?? join(data, 'intentd.sock');
}

// intentctl's answer as JSON; rejects with `stderr` and `code` on failure.
export async function intentctl(store, ...words) {
	const { stdout } = await promisify(execFile)(join(build, 'intentctl'),
		['--store', store, ...words.map(String), '--json']);
	return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}

async function findAccount(server) {
	const listed = await server.ctl('merchant', 'list');
	const merchants = Array.isArray(listed) ? listed : listed.data;
	return merchants.find(({ id }) => id === server.merchantId).account;
}

const running = new Set();

// SIGTERM is what a test runner that is stopped sends; the exit then comes
// after the servers' end, with nothing left in the temporary directory.
for (const signal of ['SIGTERM', 'SIGINT'])
	process.once(signal, async () => {
		await Promise.all([...running].map((server) => server.stop()));
		process.exit(1);
	});

// Whatever a test has left running, because it failed before its stop().
process.once('exit', () => {
	for (const { child, home } of running) {
		child.kill('SIGTERM');
		rmSync(home, { recursive: true, force: true });
	}
});

// Ends the server's processes and keeps its files; `log` stays readable.  No
// log of it may have a secret.
async function halt(server, child) {
	if (child.exitCode === null && child.signalCode === null)
		child.kill('SIGTERM');
	const ended = await child.ended;
	server.log();
	assertNoSecretIn(server.logFiles, server);
	return ended;
}

function makeServer(home, child, options) {
	const data = join(home, 'data');
	// intentd's log, and the web server's of what it refuses by itself.
	const logs = [join(home, 'log'), join(data, `${web}.refusals.log`)]
		.map((file) => ({ file, text: '' }));
	const server = {
		home,
		dir: data,
		store: join(data, 'intents.mdb'),
		child,
		secrets: new Set(), // that it has told, for leaks.mjs
		logFiles: logs.map(({ file }) => file),
		log: () => logs.map((log) =>
			(log.text = readLog(log.file) ?? log.text)).join(''),
		request: (method, path, more) =>
			sendRequest(server, method, path, more),
		async ctl(...words) {
			const result = await intentctl(server.store, ...words);
			noteSecrets(server.secrets, JSON.stringify(result) ?? '');
			return result;
		},
		pids: () => findPids(child.pid, data),
		halt: () => halt(server, child),
		async stop() {
			try {
				return await halt(server, child);
			} finally {
				rmSync(home, { recursive: true, force: true });
				running.delete(server);
			}
		},
	};
	server.settings = { ...noRates, ...options.settings };
	return server;
}

function readLog(file) {
	try {
		return readFileSync(file, 'utf8');
	} catch {
		return null; // stop() has removed it.
	}
}

function readServer(server) {
	const environment = readEnvironment(join(server.dir, 'demo.env'));
	server.baseUrl = environment.BASE_URL;
	server.publicUrl = server.settings.public_url ?? environment.BASE_URL;
	server.testKey = environment.TEST_KEY;
	server.liveKey = environment.LIVE_KEY;
	server.publishableKey = environment.TEST_PUBLISHABLE_KEY;
	for (const key of [server.testKey, server.liveKey,
		server.publishableKey])
		server.secrets.add(key);
	server.merchantId = environment.MERCHANT_ID;
	server.socket = findSocket(server.dir, server.pids().supervisor);
}

// startServer(t?, {settings, workers, environment, conf, options}): conf is the text
// of a settings file, data/intentd.conf, below the settings; options are of
// scripts/run.  With a test context `t` the
// server is stopped at the test's end, otherwise call stop().  halt() ends it and keeps
// dir; start again with {home: server.home}.
export async function startServer(context, options) {
	const t = typeof context?.after === 'function' ? context : null;
	const chosen = (t ? options : context ?? options) ?? {};
	const home = chosen.home ?? mkdtempSync(join(tmpdir(), 'intentd-http-'));
	// Without one, a first start would write one for developers.
	if (chosen.conf !== undefined || chosen.home === undefined) {
		mkdirSync(join(home, 'data'), { recursive: true });
		writeFileSync(join(home, 'data', 'intentd.conf'),
			chosen.conf ?? '');
	}
	const child = spawnRun(join(home, 'data'), join(home, 'log'), chosen);
	const server = makeServer(home, child, chosen);
	running.add(server);
	t?.after(() => server.stop());
	try {
		await whenReady(child, join(home, 'log'));
		readServer(server);
		server.accountId = await findAccount(server);
	} catch (error) {
		await server.stop();
		throw error;
	}
	return server;
}
