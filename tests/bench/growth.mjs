// Stores of growing size: one is loaded by intentctl import, and copied each
// time it has reached a size.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { assertOk, build, startServer } from '../http/harness.mjs';
import { storeSettings } from './servers.mjs';

const control = join(build, 'intentctl');

// Ids for the GETs come from everywhere in the store: after each of so many
// parts of a size the newest are read.
const parts = 20;
const idsOfPart = 500;

const line = JSON.stringify({ amount: 2000, currency: 'usd',
	description: 'Order 1001 of the bench', metadata: { order: '1001' } });

// How many rows of the file are written at once.
const linesAtOnce = 1000;

async function writeLines(stream, count) {
	for (let left = count; left > 0; left -= linesAtOnce)
		if (!stream.write(`${line}\n`.repeat(Math.min(left, linesAtOnce))))
			await once(stream, 'drain');
	stream.end();
}

async function importIntents(server, count) {
	const child = spawn(control, ['--store', server.store,
		'import', '--account', server.accountId,
		'--merchant', server.merchantId, '--mode', 'test', '-'], {
		stdio: ['pipe', 'ignore', 'pipe'],
		env: process.env,
	});
	let text = '';
	child.stderr.on('data', (chunk) => { text += chunk; });
	child.stdin.on('error', () => {}); // Its status tells why.
	const ended = once(child, 'close');
	await Promise.race([writeLines(child.stdin, count), ended]);
	const [status] = await ended;
	assert.equal(status, 0, `intentctl import: ${text}`);
}

async function newestIds(server, count) {
	const ids = [];
	let after = '';
	while (ids.length < count) {
		const page = assertOk(await server.request('GET',
			`/v1/payment_intents?limit=100${after}`));
		ids.push(...page.data.map(({ id }) => id));
		if (!page.has_more)
			break;
		after = `&starting_after=${ids.at(-1)}`;
	}
	return ids.slice(0, count);
}

// Brings the store from `from` intents to `to`; ids on the way are added.
async function grow(server, from, to, ids) {
	for (let part = 1, stored = from; part <= parts; part++) {
		const next = from + Math.round((to - from) * part / parts);
		await importIntents(server, next - stored);
		ids.push(...await newestIds(server,
			Math.min(idsOfPart, next - stored)));
		stored = next;
	}
}

// The server is down: its file is whole and nobody writes to it.
function copyStore(server, home, ids) {
	const data = join(home, 'data');
	mkdirSync(data, { recursive: true });
	execFileSync('cp', ['--sparse=always', '--reflink=auto',
		server.store, join(data, 'intents.mdb')]);
	copyFileSync(join(server.dir, 'demo.keys'), join(data, 'demo.keys'));
	writeFileSync(join(home, 'ids'), ids.map((id) => `${id}\n`).join(''));
}

// Sets context.stores: size -> the folder of a server that has it.
export async function makeStores(sizes, context) {
	const home = context.folder();
	const ids = [];
	const options = { home, workers: 1, settings: storeSettings };
	let stored = 0;
	for (const size of sizes) {
		const server = await startServer(options);
		context.say(`  importing up to ${size}`);
		await grow(server, stored, size, ids);
		stored = size;
		await server.halt();
		const copy = context.folder();
		copyStore(server, copy, ids);
		context.stores.set(size, copy);
	}
}
