// The audit log as those read it who do not trust intentctl: its lines, their
// hashes, and what is to come.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { startServer } from './harness.mjs';
import { call } from './operator.mjs';

const zeros = '0'.repeat(64);

// A server that copies its log to `server.auditLog`, soon.
export async function startAudited(t, { home, settings, ...options } = {}) {
	const folder = home ?? mkdtempSync(join(tmpdir(), 'intentd-audit-'));
	const auditLog = join(folder, 'audit.log');
	const server = await startServer(t, { ...options, home: folder,
		settings: { audit_log: auditLog, sweep_interval_ms: 10,
			...settings } });
	return Object.assign(server, { auditLog });
}

export function parse(line) {
	return Object.fromEntries(line.split(' ').map((member) => {
		const equals = member.indexOf('=');
		return [member.slice(0, equals), member.slice(equals + 1)];
	}));
}

export function readLog(file) {
	if (!existsSync(file))
		return [];
	const text = readFileSync(file, 'utf8');
	assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole');
	return text.split('\n').slice(0, -1);
}

export const sha256 = (text) =>
	createHash('sha256').update(text).digest('hex');

// With what its hash is of, as sha256sum has it.
export function seal(line) {
	const hashed = line.replace(/ hash=.*/, '');
	return `${hashed} hash=${sha256(hashed)}`;
}

// Every number once, each line with the hash of the one before.
export function assertChained(lines) {
	let before = { seq: 0, hash: zeros };
	for (const line of lines) {
		const own = parse(line);
		assert.equal(Number(own.seq), Number(before.seq) + 1);
		assert.equal(own.previous, before.hash);
		assert.equal(line, seal(line));
		before = own;
	}
}

export const verifyLog = (server, ...files) =>
	call(['--store', server.store, 'audit', 'verify', ...files]);

// Lines that are in the store alone.
export const storedLines = async (server) =>
	(await server.ctl('audit', 'show')).data;

// Until all that was done is in the file.  A look is every 10 ms.
export async function whenCopied(server, tries = 1000) {
	for (let i = 0; i < tries; i++) {
		if ((await storedLines(server)).length === 0)
			return readLog(server.auditLog);
		await pause(10);
	}
	throw new Error('the log was not copied');
}
