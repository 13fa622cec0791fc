// Lines that were written to the audit log's file, and not flushed, when the
// power failed: the file has its new length, and some of its sectors are zeros.
// The store has the lines still, and they come to be there, each once.
//
// POWER_AUDIT=200 tries so many of what the disk may have left.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from
	'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { amount, isLong } from '../http/amount.mjs';
import { verifyLog, whenCopied } from '../http/audit.mjs';
import { createIntent } from '../http/fixtures.mjs';
import { startServer } from '../http/harness.mjs';
import { call } from '../http/operator.mjs';
import { randomOf } from '../http/random.mjs';
import { sectorBytes } from './power_disk.mjs';
import { seed } from './power_verdict.mjs';

const tries = amount('POWER_AUDIT', { short: 0, long: 30 });
const random = randomOf(seed);

let home;
let flushed; // what the store knows to be in the file
let written; // behind it, and not flushed

const start = (name, audited) => startServer({ home, workers: 1, settings: {
	sweep_interval_ms: 10, ...audited && { audit_log: join(home, name) } } });

before(async () => {
	home = mkdtempSync(join(tmpdir(), 'intentd-power-'));
	const name = 'audit.log';
	let server = await start(name, true);
	await createIntent(server);
	Object.assign(server, { auditLog: join(home, name) });
	await whenCopied(server);
	await server.halt();
	flushed = readFileSync(server.auditLog);
	server = await start(name, false);
	for (let i = 0; i < 10; i++)
		await createIntent(server);
	await server.halt();
	const { status, stdout } = call(['--store', server.store, 'audit', 'show']);
	assert.equal(status, 0);
	written = Buffer.from(stdout);
	copyFileSync(server.store, join(home, 'kept.mdb'));
});
after(() => rmSync(home, { recursive: true, force: true }));

// What is in the file, of which the sectors from this one on have come that
// has() says.
function tornBy(has) {
	const bytes = Buffer.concat([flushed, written]);
	for (let at = flushed.length; at < bytes.length;) {
		const end = Math.min(bytes.length, at - at % sectorBytes + sectorBytes);
		if (!has(at, end === bytes.length))
			bytes.fill(0, at, end);
		at = end;
	}
	return bytes;
}

const middle = () => flushed.length + written.length / 2;
const left = {
	'of which no sector came': () => tornBy(() => false),
	'of which the last sectors did not come': () =>
		tornBy((at) => at < middle()),
	'whose last line is whole, and one before is not': () =>
		tornBy((at) => Math.abs(at - middle()) > 2 * sectorBytes),
	'of which the first sectors did not come': () =>
		tornBy((at) => at > middle()),
};
const inShort = 'whose last line is whole, and one before is not';
for (let i = 0; i < tries; i++)
	left[`of which some sectors came, ${i}`] = () => {
		const chance = random();
		return tornBy(() => random() < chance);
	};

async function copiedOnto(t, bytes) {
	copyFileSync(join(home, 'kept.mdb'), join(home, 'data', 'intents.mdb'));
	writeFileSync(join(home, 'audit.log'), bytes);
	const server = await start('audit.log', true);
	t.after(() => server.halt());
	return Object.assign(server, { auditLog: join(home, 'audit.log') });
}

describe('after a power cut an audit log', () => {
	for (const [what, makeBytes] of Object.entries(left)
		.filter(([what]) => isLong || what === inShort))
		test(what, async (t) => {
			const server = await copiedOnto(t, makeBytes());
			await whenCopied(server);
			assert.ok(readFileSync(server.auditLog).equals(
				Buffer.concat([flushed, written])), 'lines are lost');
			assert.equal(verifyLog(server, server.auditLog).status, 0);
		});

	// It is no cut that leaves other bytes: that stays as it is, and is said.
	test('that somebody has written to is not cut', async (t) => {
		const bytes = tornBy(() => false);
		bytes.write('x', bytes.length - 1);
		const server = await copiedOnto(t, bytes);
		await whenCopied(server).catch(() => {});
		assert.match(server.log(), /run: intentctl audit verify/);
		assert.ok(readFileSync(server.auditLog).subarray(0, bytes.length)
			.equals(bytes));
	});
});
