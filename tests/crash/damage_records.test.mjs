// A record of each kind whose checksum is wrong: whoever asks for it gets a 500
// and never the record, no process ends of it, and the log names the record as
// `intentctl verify` does, once a minute for each table and process.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server, control, crashesIn, startFaulty } from './faulty.mjs';

const pageBytes = 4096;
const headerBytes = 16;
const leaf = 2;

// As records.h has them: the first byte of each record.
const kinds = ['NONE', ...[...readFileSync(fileURLToPath(new URL(
	'../../lib/core/records.h', import.meta.url)), 'utf8')
	.matchAll(/^\s*KIND\((\w+), \w+, "/gm)].map(([, name]) => name)];

// Each kind that a request can reach: its table, who asks, and its id where the
// client knows it.  Those of one file hide none of the others.
const records = {
	INTENT: { table: 'intents', file: 1, id: (made) => made.intent,
		ask: ({ intent }) => ['GET', `/v1/payment_intents/${intent}`],
		change: ({ intent }) => ['POST', '/v1/refunds',
			{ json: { payment_intent: intent, amount: 1 } }] },
	REFUND: { table: 'refunds', file: 1, id: (made) => made.refund,
		ask: ({ refund }) => ['GET', `/v1/refunds/${refund}`] },
	CUSTOMER: { table: 'customers', file: 1, id: (made) => made.customer,
		ask: ({ customer }) => ['GET', `/v1/customers/${customer}`],
		change: ({ customer }) => ['DELETE', `/v1/customers/${customer}`] },
	EVENT: { table: 'events', file: 1,
		ask: () => ['GET', '/v1/events?limit=1'] },
	STORED_OUTCOME: { table: 'outcomes', file: 1,
		change: () => ['POST', '/v1/customers', { json: {}, key: 'once' }] },
	COIN_INTENT: { table: 'coin_intents', file: 1, id: (made) => made.coin,
		ask: ({ coin }) => ['GET', `/v1/payment-intents/${coin}`],
		change: ({ coin }) => ['POST', `/v1/payment-intents/${coin}/cancel`,
			{ json: {} }] },
	TRANSFER: { table: 'transfers', file: 1,
		ask: ({ merchant }) => ['GET',
			`/v1/transactions?merchant_id=${merchant}`] },
	BALANCE: { table: 'balances', file: 1,
		ask: ({ merchant }) => ['GET', `/v1/merchants/${merchant}/balance`] },
	ENDPOINT: { table: 'webhook_endpoints', file: 1,
		id: (made) => made.endpoint,
		ask: ({ endpoint }) => ['GET', `/v1/webhook_endpoints/${endpoint}`],
		change: ({ endpoint }) => ['DELETE',
			`/v1/webhook_endpoints/${endpoint}`],
		show: ({ endpoint }) => ['webhook', 'show', endpoint] },
	// Of an intent its newest charges are shown.
	CHARGE: { table: 'charges', file: 2, id: (made) => made.charge,
		show: ({ intent }) => ['intent', 'show', intent],
		ask: ({ intent }) => ['GET', `/v1/payment_intents/${intent}`],
		change: ({ intent }) => ['POST', '/v1/refunds',
			{ json: { payment_intent: intent, amount: 1 } }] },
	MERCHANT: { table: 'merchants', file: 2, id: (made) => made.merchant,
		ask: ({ merchant }) => ['GET', `/v1/merchants/${merchant}`],
		change: () => ['POST', '/v1/payment_intents',
			{ json: { amount: 1000, currency: 'usd' } }] },
	API_KEY: { table: 'api_keys', file: 3,
		ask: () => ['GET', '/v1/customers'] },
};
const unreached = {
	NONE: 'is none',
	ACCOUNT: 'no request reads it',
	DELIVERY: 'the courier alone asks for it',
	ATTEMPT: 'intentctl alone asks for it',
};

let folder;
let whole;
let made; // what the store has, by name

before(async () => {
	folder = mkdtempSync(join(tmpdir(), 'intentd-records-'));
	const ends = [];
	const server = await startFaulty({ after: (end) => ends.push(end) },
		{ settings: { couriers: 0 } });
	const merchant = server.merchant();
	const post = async (path, json, key) => (await server.until('POST', path,
		{ json, key })).body;
	const customer = (await post('/v1/customers', {}, 'once')).id;
	const endpoint = (await post('/v1/webhook_endpoints',
		{ url: 'https://shop.invalid/hook', enabled_events: ['*'] })).id;
	const intent = await post('/v1/payment_intents', { amount: 2000,
		currency: 'usd', payment_method: 'pm_card_visa', confirm: true });
	const refund = (await post('/v1/refunds', { payment_intent: intent.id,
		amount: 500 })).id;
	// One that is paid, and one that can be cancelled.
	const coin = async (key) => (await post('/v1/payment-intents', { amount: 4.5,
		currency: 'usd', merchant_id: merchant, idempotency_key: key })).id;
	await post(`/v1/test-helpers/payment-intents/${await coin('a')}/pay`, {});
	made = { testKey: server.testKey, merchant, customer, endpoint, refund,
		intent: intent.id, charge: intent.latest_charge,
		coin: await coin('b') };
	await server.stop();
	whole = readFileSync(server.store);
	for (const end of ends)
		await end();
});
after(() => rmSync(folder, { recursive: true }));

// Every record of these kinds gets another checksum, which is its end.
function damage(names) {
	const numbers = names.map((name) => kinds.indexOf(name));
	const bytes = Buffer.from(whole);
	for (let page = 0; page < bytes.length; page += pageBytes) {
		if (bytes.readUInt16LE(page + 10) !== leaf)
			continue;
		for (let at = headerBytes; at < bytes.readUInt16LE(page + 12);
			at += 2) {
			const node = page + bytes.readUInt16LE(page + at);
			const keyBytes = bytes.readUInt16LE(node + 6);
			const value = node + 8 + keyBytes;
			const length = bytes.readUInt32LE(node);
			// Others are rows of indexes, or of the audit log.
			if (keyBytes >= 16 && length > 33 &&
					bytes.readUInt16LE(node + 4) === 0 &&
					numbers.includes(bytes[value]))
				bytes[value + length - 1] ^= 1;
		}
	}
	const file = join(folder, `${names[0]}.mdb`);
	writeFileSync(file, bytes);
	return file;
}

const told = /message="the store is damaged: ([^";]*); run: intentctl verify"/g;

const linesIn = (server, table) => [...server.log().matchAll(told)]
	.map(([, line]) => line).filter((line) => line.startsWith(`${table} `));

async function mustFail(server, [method, path, options], what) {
	const { status, body, text } = await server.request(method, path, options);
	assert.deepEqual([status, body?.error?.code], [500, 'internal_error'],
		`${what}: ${text}\n${server.log()}`);
}

// A worker's read says it once, however often; the committer for itself.
async function check(server, name, found) {
	const { table, ask, change, id } = records[name];
	const lines = [ask, ask, change];
	let processes = 0;
	for (const [i, request] of lines.entries()) {
		if (request === undefined)
			continue;
		processes += i !== 1;
		await mustFail(server, request(made), name);
		const said = linesIn(server, table);
		assert.equal(said.length, processes, `${name}: ${server.log()}`);
		for (const line of said) {
			assert.ok(found.includes(line), `${line}: not as verify`);
			assert.match(line, id === undefined ? /checksum/ : new RegExp(
				` ${id(made)}: its length or its checksum is wrong$`));
		}
	}
}

function mustRefuse(file, words) {
	const { status, signal, stdout } = control(['--store', file, ...words]);
	assert.deepEqual([status, signal, stdout], [1, null, ''], `${words}`);
}

describe('a record whose checksum is wrong', () => {
	test('is tried in each table that has records', () => {
		assert.ok(kinds.length > 10);
		assert.deepEqual([...Object.keys(records), ...Object.keys(unreached)]
			.sort(), [...kinds].sort());
	});

	for (const number of new Set(Object.values(records)
		.map(({ file }) => file))) {
		const names = Object.keys(records).filter((name) =>
			records[name].file === number);
		test(`is named in the log: ${names.join(', ')}`, async (t) => {
			const file = damage(names);
			const found = control(['--store', file, 'verify']).stdout
				.split('\n');
			const server = new Server(t, { store: file,
				testKey: made.testKey, settings: { couriers: 0 } })
				.spawn();
			await server.whenLogged(/message="ready/);
			for (const name of names)
				await check(server, name, found);
			for (const name of names.filter((one) => records[one].show))
				mustRefuse(file, records[name].show(made));
			assert.deepEqual(crashesIn(server.log()), []);
		});
	}
});
