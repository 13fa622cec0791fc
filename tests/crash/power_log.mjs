// What programs did to the files of a folder, recorded by preload/recorder.c.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, readdirSync,
	realpathSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// preload/recorder.c has the same.
export const kind = { create: 1, write: 2, length: 3, flush: 4, end: 5,
	link: 6, rename: 7, unlink: 8, folder: 9, foreign: 10, said: 11 };
const headBytes = 40;

// Where states are laid down: what a trial flushes need not last.
const memory = '/dev/shm';

export function makeFolder() {
	const place = existsSync(memory) ? memory : tmpdir();
	return mkdtempSync(join(place, 'intentd-power-'));
}

const sourceOf = (name) => fileURLToPath(new URL(name, import.meta.url));

// The preload and the reader of stores, made in a folder of the test's own.
export function compileTools(folder) {
	const tools = { recorder: join(folder, 'recorder.so'),
		contents: join(folder, 'contents') };
	const strict = ['-D_GNU_SOURCE', '-std=c11', '-O1', '-Wall', '-Wextra',
		'-Werror'];
	execFileSync('gcc', [...strict, '-shared', '-fPIC', '-o', tools.recorder,
		sourceOf('preload/recorder.c'), sourceOf('preload/recorder_names.c')]);
	execFileSync('gcc', [...strict, '-o', tools.contents,
		sourceOf('contents.c'), '-llmdb']);
	return tools;
}

function readNames(folder, names) {
	return readdirSync(folder).filter((name) => !name.endsWith('-lock') &&
		names.some((beginning) => name.startsWith(beginning)));
}

// A recording of a folder from now on, until which all of it is on the disk.
// `environment` is for the programs that are recorded; `fault` and `lmdbFlags`
// are the recorder's.
export function startRecording(tools, folder, names,
	{ fault, lmdbFlags } = {}) {
	const log = join(folder, 'recorded');
	writeFileSync(log, '');
	const base = new Map(readNames(folder, names).map((name) => {
		const file = join(folder, name);
		return [name, { inode: statSync(file).ino, bytes: readFileSync(file) }];
	}));
	return {
		base,
		environment: {
			LD_PRELOAD: tools.recorder,
			RECORD_FOLDER: realpathSync(folder),
			RECORD_NAMES: names.join(','),
			RECORD_LOG: log,
			...fault && { RECORD_FAULT: fault },
			...lmdbFlags && { RECORD_LMDB_FLAGS: String(lmdbFlags) },
		},
		events: () => readEvents(readFileSync(log)),
		// Somebody has heard of something just now.
		say(id) {
			const head = Buffer.alloc(headBytes);
			head.writeUInt32LE(headBytes + id.length, 0);
			head.writeUInt32LE(kind.said, 4);
			appendFileSync(log, Buffer.concat([head, Buffer.from(id)]));
		},
	};
}

// `at` is where its record begins.
function readEvents(bytes) {
	const events = [];
	for (let at = 0; at < bytes.length;) {
		const end = at + bytes.readUInt32LE(at);
		events.push({
			kind: bytes.readUInt32LE(at + 4),
			call: bytes.readBigUInt64LE(at + 8),
			inode: Number(bytes.readBigUInt64LE(at + 16)),
			position: Number(bytes.readBigInt64LE(at + 24)),
			value: Number(bytes.readBigInt64LE(at + 32)),
			bytes: bytes.subarray(at + headBytes, end),
			at,
		});
		at = end;
	}
	for (const event of events)
		assert.notEqual(event.kind, kind.foreign,
			`not recorded: ${event.bytes}`);
	return events;
}

// When each answer was about to be sent, by its Request-Id.
export function saidIn(events) {
	return new Map(events.filter((event) => event.kind === kind.said)
		.map(({ bytes, at }) => [bytes.toString(), at]));
}
