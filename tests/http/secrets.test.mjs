// No key and no secret gets out: a server that logs all that it can, clients
// that put every kind of key and secret wherever it can be put by mistake, and
// then a search, in every file, figure and answer, for each of them, as it is
// and as it may have been written differently.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync,
	statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { createAccount, createIntent, createKey, restrictedKey, until,
	visa } from './fixtures.mjs';
import { fastcgiConnect, fastcgiParams, fastcgiRequest } from './fastcgi.mjs';
import { assertOk, build, startServer, web } from './harness.mjs';
import { findInMemory } from './memory.mjs';
import { startReceiver } from './receiver.mjs';
import { ask } from './status_client.mjs';
import { cardAt, deliverySettings, stableAt } from './webhook_delivery.mjs';

// -- What is searched for ----------------------------------------------------

// The part of a key that is never shown, and of a secret.
const hidden = (secret) =>
	/^[spr]k_/.test(secret) ? secret.slice(12) : secret.split('_').at(-1);

// base64 of a text that begins anywhere among others: what of it does not
// depend on its neighbours.
function base64Parts(text) {
	return [0, 1, 2].map((before) => {
		const coded = Buffer.from('x'.repeat(before) + text)
			.toString('base64').replace(/=+$/, '');
		return coded.slice(before === 0 ? 0 : 4,
			coded.length - (coded.length % 4 || 4));
	});
}

// Every form in which it would be of use to who finds it.
function formsOf(secret) {
	const bytes = Buffer.from(hidden(secret));
	const hex = bytes.toString('hex');
	return [bytes.toString(), hex, hex.toUpperCase(),
		hex.replace(/../g, ([a, b]) => b + a), [...bytes].reverse()
			.map((byte) => String.fromCharCode(byte)).join(''),
		[...bytes].map((byte) => `%${byte.toString(16)}`).join(''),
		encodeURIComponent(bytes.toString()),
		JSON.stringify(bytes.toString()).slice(1, -1),
		bytes.toString().replaceAll('/', '\\/'),
		bytes.toString('utf16le'),
		...base64Parts(bytes.toString())];
}

// Runs of it that no text has by chance.
function partsOf(secret) {
	const text = hidden(secret);
	return Array.from({ length: text.length - 7 }, (_, i) =>
		text.slice(i, i + 8));
}

const kept = (text) => Buffer.from(text, 'latin1').toString('latin1');

// Where which of them are: 'file: name of the secret', each once.
function findAll(places, secrets) {
	const found = new Set();
	for (const [place, text] of Object.entries(places))
		for (const [name, secret] of Object.entries(secrets))
			if (formsOf(secret).some((form) => text.includes(kept(form))))
				found.add(`${place}: ${name}`);
	return [...found].sort();
}

// -- What there is to search -------------------------------------------------

// Files below a folder, but for the store, of which a copy is searched.
function filesBelow(folder, name = '') {
	return readdirSync(join(folder, name)).flatMap((entry) => {
		const path = join(name, entry);
		const status = statSync(join(folder, path));
		if (status.isDirectory())
			return filesBelow(folder, path);
		return status.isFile() && entry !== 'intents.mdb' ? [path] : [];
	});
}

const readAll = (folder) => Object.fromEntries(filesBelow(folder)
	.map((name) => [name, readFileSync(join(folder, name), 'latin1')]));

function processTree(pid) {
	const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
		.split(' ').filter((word) => word !== '').map(Number);
	return [pid, ...children.flatMap(processTree)];
}

const settings = (folder, receiver) => ({ ...deliverySettings(receiver),
	log: join(folder, 'access.log'), access_log: 'on', slow_log_ms: 1,
	slow_log: join(folder, 'slow.log'), audit_log: join(folder, 'audit.log'),
	sweep_interval_ms: 50 });

let server;
let receiver;
const secrets = {}; // by what they are: what nobody may find
const inUse = {}; // what the store must have, to sign and to compare with
const answers = {}; // refusals, by what was asked

// -- Secrets of every kind ---------------------------------------------------

async function makeSecrets() {
	const { testKey, liveKey, publishableKey } = server;
	const key = testKey;
	const [plain, ended, old, lasting] = await Promise.all(
		['plain', 'ended', 'old', 'lasting'].map((name) =>
			createKey(server, { name })));
	const narrow = await restrictedKey(server, ['payment_intents:read']);
	const roll = (id, json) => server.request('POST',
		`/v1/api_keys/${id}/roll`, { json }).then(assertOk);
	const [fresh, beside] = [await roll(old.id),
		await roll(lasting.id, { grace_seconds: 600 })];
	assertOk(await server.request('POST', `/v1/api_keys/${ended.id}/revoke`));
	const other = await createAccount(server);
	Object.assign(secrets, { testKey, liveKey, publishableKey,
		plain: plain.secret, ended: ended.secret, old: old.secret,
		fresh: fresh.secret, lasting: lasting.secret, beside: beside.secret,
		narrow: narrow.secret, foreign: other.testKey,
		foreignLive: other.liveKey });
	const intent = await createIntent(server, { payment_method: visa });
	const hooks = [await cardAt(server, receiver, { key }),
		await cardAt(server, receiver, { key }),
		await stableAt(server, receiver, { key })];
	const turned = await server.ctl('webhook', 'rotate', hooks[1].id);
	const gone = await server.ctl('webhook', 'rotate', hooks[2].id,
		'--grace-seconds', '0');
	Object.assign(inUse, { client: intent.client_secret,
		card: hooks[0].secret, turning: hooks[1].secret,
		turned: turned.secret, coins: gone.secret });
	secrets.webhookGone = hooks[2].secret;
	return intent;
}

// -- Where clients put them --------------------------------------------------

const bearer = (text) => ({ key: null,
	headers: { Authorization: `Bearer ${text}` } });
const encoded = (text) => encodeURIComponent(text);

// Each is [method, path, options]; `id` is an intent of the server's.
const mistakes = (secret, id) => ({
	'a bearer': ['GET', '/v1/events', bearer(secret)],
	'a bearer with more': ['GET', '/v1/events', bearer(`${secret}x`)],
	'a user name': ['GET', '/v1/events', { key: secret, auth: 'basic' }],
	'a password': ['GET', '/v1/events', { key: null, headers: {
		Authorization: `Basic ${Buffer.from(`user:${secret}`)
			.toString('base64')}` } }],
	'no scheme': ['GET', '/v1/events', { key: null,
		headers: { Authorization: secret } }],
	'a query': ['GET', `/v1/events?api_key=${encoded(secret)}`],
	"a query's name": ['GET', `/v1/events?${encoded(secret)}=1`],
	'a cursor': ['GET', `/v1/events?starting_after=${encoded(secret)}`],
	'a limit': ['GET', `/v1/payment-intents?limit=${secret}`],
	'a path': ['GET', `/v1/${encoded(secret)}`],
	'a page': ['GET', `/docs/${encoded(secret)}`],
	'an id': ['GET', `/v1/payment_intents/${encoded(secret)}`],
	'an id, as it is': ['GET', `/v1/customers/${secret}`],
	'an id of coins': ['GET', `/v1/payment-intents/${encoded(secret)}`],
	'a merchant': ['GET', `/v1/merchants/${encoded(secret)}`],
	'a picture': ['GET', `/v1/qr/${encoded(secret)}.png`],
	'a method': ['POST', `/v1/payment_intents/${id}/confirm`,
		{ json: { payment_method: secret } }],
	'a name in a form': ['POST', '/v1/payment_intents',
		{ form: { amount: 1, currency: 'usd', [secret]: 1 } }],
	'a name in JSON': ['POST', '/v1/payment-intents',
		{ json: { amount: 1, currency: 'usd', [secret]: 1 } }],
	'a currency': ['POST', '/v1/payment_intents',
		{ json: { amount: 1, currency: secret } }],
	'an amount': ['POST', '/v1/payment-intents', { json: {
		amount: secret, currency: 'usd', merchant_id: secret } }],
	'a form that is none': ['POST', '/v1/customers',
		{ body: secret, headers: { 'Content-Type': 'text/plain' } }],
	'JSON that is none': ['POST', '/v1/customers', { body: `{"${secret}`,
		headers: { 'Content-Type': 'application/json' } }],
	'a media type': ['POST', '/v1/customers', { body: 'x',
		headers: { 'Content-Type': secret } }],
	'an idempotency key': ['POST', '/v1/customers', { json: { name: 'Ada' },
		headers: { 'Idempotency-Key': secret } }],
	'an idempotency key in the body': ['POST',
		`/v1/payment-intents/${id}/cancel`,
		{ json: { idempotency_key: secret } }],
	'a version': ['GET', '/v1/payment-intents',
		{ headers: { 'X-API-Version': secret } }],
	'a request id': ['GET', '/v1/events',
		{ headers: { 'Request-Id': `req_${hidden(secret)}` } }],
	'a browser': ['GET', '/v1/events', { headers: { 'User-Agent': secret,
		Referer: `http://shop.invalid/?key=${encoded(secret)}`,
		Cookie: `key=${encoded(secret)}`, 'X-Forwarded-For': secret } }],
	'a method of HTTP': ['PUT', `/v1/payment_intents/${encoded(secret)}`],
	'a URL of webhooks': ['POST', '/v1/webhook_endpoints', { json: {
		url: `https://${encoded(secret)}@shop.invalid/`,
		enabled_events: ['*'] } }],
	'a type of event': ['POST', '/v1/webhook_endpoints', { json: {
		url: 'https://shop.invalid/', enabled_events: [secret] } }],
	'a client secret': ['GET', `/v1/payment_intents/${id}?client_secret=` +
		encoded(secret), { key: server.publishableKey }],
	'a target': ['GET', `/v1/events#${encoded(secret)}`],
	'a long path': ['GET', `/v1/${encoded(secret)}/${'x'.repeat(9000)}`],
});

// What a refusal says of the request must not have it; what goes well may
// show, to who may see it, what it shows to everybody.
async function makeMistakes(name, secret, id) {
	for (const [what, [method, path, options]] of
		Object.entries(mistakes(secret, id))) {
		const answer = await server.request(method, path, options);
		if (answer.status >= 400)
			answers[`${what} (${name})`] =
				`${answer.text}${JSON.stringify(answer.headers)}`;
	}
}

before(async () => {
	const home = mkdtempSync(join(tmpdir(), 'intentd-secrets-'));
	receiver = await startReceiver();
	server = await startServer({ home, conf: '',
		settings: settings(home, receiver) });
	const { id } = await makeSecrets();
	await Promise.all(Object.entries({ ...secrets, ...inUse })
		.map(([name, secret]) => makeMistakes(name, secret, id)));
});

after(async () => {
	await server.stop();
	await receiver.close();
});

const control = async (...words) => {
	const { stdout, stderr } = await promisify(execFile)(
		join(build, 'intentctl'), ['--store', server.store, ...words],
		{ maxBuffer: 1 << 28, encoding: 'latin1' });
	return stdout + stderr;
};

describe('after every mistake with every key and secret', () => {
	const all = () => ({ ...secrets, ...inUse });

	test('the search finds each form of each, where there is one', () => {
		for (const [name, secret] of Object.entries(all()))
			for (const form of formsOf(secret))
				assert.deepEqual(findAll({ here: kept(`a${form}b`) },
					{ [name]: secret }), [`here: ${name}`]);
		for (const before of ['', '1', '12', '123'])
			assert.deepEqual(findAll({ here: Buffer.from(
				`${before}${secrets.plain}:`).toString('base64') },
			{ plain: secrets.plain }), ['here: plain']);
	});

	test('no refusal has one', () => {
		assert.ok(Object.keys(answers).length > 400);
		assert.deepEqual(findAll(answers, all()), []);
		// Nor a part of one that was masked only so far.
		for (const secret of Object.values(all()))
			for (const [what, text] of Object.entries(answers))
				for (const part of partsOf(secret))
					assert.ok(!text.includes(part), `${what}: ${text}`);
	});

	test('no file has one, but those with the demo keys', async () => {
		const slow = join(server.home, 'slow.log');
		await until(() => readFileSync(slow, 'utf8'), (text) => text !== '');
		const found = findAll(readAll(server.home), all());
		const demo = ['data/demo.env', 'data/demo.keys'];
		assert.deepEqual(found, demo.flatMap((file) =>
			['liveKey', 'publishableKey', 'testKey']
				.map((name) => `${file}: ${name}`)));
		for (const file of demo)
			assert.equal(statSync(join(server.home, file)).mode & 0o777, 0o600);
		for (const name of ['access.log', 'slow.log', 'audit.log', 'log'])
			assert.ok(filesBelow(server.home).includes(name), name);
		if (web === 'nginx')
			assert.ok(readFileSync(join(server.dir, 'nginx.refusals.log')));
	});

	test('no figure has one', async () => {
		const pages = {};
		for (const path of ['/status', '/metrics', '/healthz', '/readyz'])
			pages[path] = (await ask(server, path)).text;
		assert.ok(pages['/metrics'].length > 1000);
		assert.deepEqual(findAll(pages, all()), []);
	});

	test('no process shows one', () => {
		const shown = {};
		for (const pid of processTree(server.child.pid))
			for (const what of ['cmdline', 'environ'])
				shown[`${pid} ${what}`] = readFileSync(
					`/proc/${pid}/${what}`, 'latin1');
		assert.ok(Object.keys(shown).length > 10);
		assert.deepEqual(findAll(shown, all()), []);
	});

	test('nothing that the operator sees has one, but an export the client ' +
		'secrets', async () => {
		const texts = {};
		const { data } = assertOk(await server.request('GET',
			'/v1/webhook_endpoints'));
		for (const words of [['account', 'list'], ['merchant', 'list'],
			['key', 'list'], ['intent', 'list', '--account', server.accountId,
				'--mode', 'test'], ['webhook', 'list'], ['stats'], ['verify'],
			['audit', 'show'], ['audit', 'verify',
				join(server.home, 'audit.log')], ['export', '-'],
			...data.flatMap(({ id }) => [['webhook', 'show', id],
				['webhook', 'deliveries', id]])])
			for (const more of [[], ['--json']])
				texts[[...words, ...more].join(' ')] =
					await control(...words, ...more);
		const found = findAll(texts, all());
		assert.deepEqual(found.filter((one) => !one.endsWith(': client')), []);
		assert.ok(found.includes('export -: client'));
	});

	// It signs with webhooks' secrets and compares with clients', so that it
	// has those: without what they begin with, and not for longer than needed.
	test('the store has no key, and no secret that is not in use', async () => {
		const copies = {};
		for (const [name, words] of Object.entries({ backup: [],
			compact: ['--compact'] })) {
			const file = join(server.dir, `${name}.mdb`);
			await control('backup', ...words, file);
			copies[name] = readFileSync(file, 'latin1');
		}
		const raw = join(server.dir, 'raw.mdb');
		execFileSync('mdb_copy', ['-n', server.store, raw]);
		copies.raw = readFileSync(raw, 'latin1');
		const { webhookGone, ...keys } = secrets;
		assert.deepEqual(findAll(copies, keys), []);
		assert.deepEqual(findAll({ compact: copies.compact },
			{ webhookGone }), []);
		for (const [name, secret] of Object.entries(inUse)) {
			assert.deepEqual(findAll({ compact: copies.compact },
				{ [name]: secret }), [`compact: ${name}`]);
			for (const [copy, text] of Object.entries(copies))
				assert.ok(!text.includes(secret), `${copy}: ${name}`);
		}
	});
});

describe('a process that crashes', () => {
	const boundOf = (pid) => readFileSync(`/proc/${pid}/limits`, 'utf8')
		.match(/^Max core file size +(\w+) +(\w+)/m).slice(1);
	const oursOf = (on) => {
		const { supervisor, workers, committer, couriers } = on.pids();
		return { supervisor, worker: workers[0], committer,
			courier: couriers[0] };
	};
	// Where core_pattern may have one put: a name and when it was written.
	const filesOf = (folder) => readdirSync(folder)
		.map((name) => [name, statSync(join(folder, name)).mtimeMs])
		.filter(([name]) => /core/.test(name));

	let none;
	let bare;
	let some;

	before(async () => {
		// Servers have the bounds of who starts them.
		execFileSync('prlimit', ['--pid', String(process.pid),
			'--core=unlimited:unlimited']);
		[none, bare, some] = await Promise.all([startServer(),
			startServer({ settings: { confine: 'no' } }),
			startServer({ workers: 1, settings: { core_files: 'yes' } })]);
	});

	after(() => Promise.all([none.stop(), bare.stop(), some.stop()]));

	// Each of the two is enough: that it may not be looked into, and the bound.
	for (const [what, server] of [['', () => none],
		[', not even where it is not confined', () => bare]])
		test(`leaves no core file${what}`, async () => {
			const on = server();
			const before = oursOf(on);
			for (const pid of Object.values(before))
				assert.deepEqual(boundOf(pid), ['1', 'unlimited']);
			const folders = [on.dir,
				readlinkSync(`/proc/${before.worker}/cwd`)];
			const files = folders.map(filesOf);
			process.kill(before.worker, 'SIGABRT');
			process.kill(before.committer, 'SIGSEGV');
			process.kill(before.courier, 'SIGABRT');
			await until(() => on.pids(), (now) => now.workers.length === 2 &&
				!now.workers.includes(before.worker) && now.committer &&
				now.committer !== before.committer && now.couriers[0] &&
				now.couriers[0] !== before.courier);
			assert.deepEqual(folders.map(filesOf), files);
		});

	test('may leave one where core_files = yes lets it', () => {
		for (const pid of Object.values(oursOf(some)))
			assert.deepEqual(boundOf(pid), ['unlimited', 'unlimited']);
	});

	test('has no key in it but of a request that is there', async () => {
		const key = await createKey(some, { name: 'half' });
		const credentials = Buffer.from(`${key.secret}:`).toString('base64');
		const [plain, basic] = [{ 'as it is': hidden(key.secret) },
			{ encoded: credentials.slice(20, -4) }];
		const params = (Authorization) => fastcgiRequest(fastcgiParams(some,
			'GET', '/v1/events', '', { HTTP_AUTHORIZATION: Authorization }),
		'', { keep: true });
		const { worker } = oursOf(some);
		for (const [texts, bytes] of [
			[plain, params(`Bearer ${key.secret}`)],
			[basic, params(`Basic ${credentials}`)]]) {
			// The search finds it where it is, and not once it is gone.
			const one = fastcgiConnect(some);
			await one.send(bytes.subarray(0, -12));
			await until(() => findInMemory(worker, texts),
				(found) => found.length > 0);
			one.send(bytes.subarray(-12));
			assertOk(await one.answer());
			assert.deepEqual(findInMemory(worker, texts), []);
			// Two at once: the second lies behind the first.
			one.send(Buffer.concat([bytes, bytes]));
			assertOk(await one.answer());
			assertOk(await one.answer());
			assert.deepEqual(findInMemory(worker, texts), []);
			// And one that is never whole.
			one.send(bytes.subarray(0, -12));
			await until(() => findInMemory(worker, texts),
				(found) => found.length > 0);
			one.destroy();
			await until(() => findInMemory(worker, texts),
				(found) => found.length === 0);
		}
	});

	test('has no key in it after every mistake with it', async () => {
		const { id } = await createIntent(some);
		const key = await createKey(some, { name: 'plain' });
		for (const [method, path, options] of
			Object.values(mistakes(key.secret, id)))
			await some.request(method, path, options);
		assertOk(await some.request('GET', '/v1/events', { key: key.secret }));
		const rolled = assertOk(await some.request('POST',
			`/v1/api_keys/${key.id}/roll`));
		const made = await createKey(some, { name: 'made' });
		const texts = Object.fromEntries(Object.entries({ key, rolled, made })
			.map(([name, { secret }]) => [name, hidden(secret)]));
		const found = Object.entries(oursOf(some)).flatMap(([who, pid]) =>
			findInMemory(pid, texts).map((one) => `${who}: ${one}`));
		assert.deepEqual(found, []);
	});
});
