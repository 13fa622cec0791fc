// What the figures were measured on: machine, disk and versions.
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, statSync,
	writeSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

import { percentile } from './statistics.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const peers = join(root, 'tests/bench/peers');

function read(path) {
	try {
		return readFileSync(path, 'utf8').trim();
	} catch {
		return null;
	}
}

// The first line of what a command says, on either stream, that matches.
function ask(pattern, command, ...words) {
	try {
		const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1 || true',
			command, ...words.map(String)], { cwd: root, encoding: 'utf8',
			env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
		return text.match(pattern)?.[1] ?? 'unknown';
	} catch {
		return 'unknown';
	}
}

export function describeMachine() {
	return {
		cpu: os.cpus()[0]?.model ?? 'unknown',
		cores: os.cpus().length,
		memory_bytes: os.totalmem(),
		kernel: `${os.type()} ${os.release()}`,
		load_before: os.loadavg().map((load) => Number(load.toFixed(2))),
	};
}

// -- The disk ----------------------------------------------------------------

// The folder of the block layer's figures of the device below `dir`; null
// where the file system lies on none that can be seen.
function blockFolder(dir) {
	const { dev } = statSync(dir);
	const major = (dev >> 8) & 0xfff;
	const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
	const folder = `/sys/dev/block/${major}:${minor}`;
	return read(`${folder}/stat`) === null ? null : folder;
}

// Bytes written to the device below `dir` since the machine started, or null.
// The seventh figure counts sectors of 512 bytes, whatever the device's are.
export function deviceBytes(dir) {
	const folder = blockFolder(dir);
	return folder && 512 * Number(read(`${folder}/stat`).split(/\s+/)[6]);
}

// Milliseconds that a flush of one overwritten page takes; percentiles.
function flushLatency(dir, flushes) {
	const path = join(dir, 'flush');
	const file = openSync(path, 'w');
	const page = Buffer.alloc(4096, 1);
	const took = [];
	for (let i = 0; i <= flushes; i++) {
		const start = performance.now();
		writeSync(file, page, 0, page.length, 0);
		fdatasyncSync(file);
		took.push(performance.now() - start);
	}
	closeSync(file);
	rmSync(path);
	took.shift(); // The first one made the file longer.
	return { p50_ms: percentile(took, 0.5), p99_ms: percentile(took, 0.99) };
}

export function describeDisk(dir, flushes) {
	const [source, filesystem, options] = ['SOURCE', 'FSTYPE', 'OPTIONS']
		.map((column) => ask(/^(.*)$/m, 'findmnt', '-n', '-o', column,
			'-T', dir));
	const folder = blockFolder(dir);
	return {
		directory: dir,
		device: source,
		filesystem,
		options,
		write_cache: read(`${folder}/queue/write_cache`) ??
			read(`${folder}/../queue/write_cache`) ?? 'unknown',
		rotational: (read(`${folder}/queue/rotational`) ??
			read(`${folder}/../queue/rotational`)) === '1',
		written_is: folder ? 'the block layer\'s count of the device, ' +
			'everything else on it included'
			: 'write_bytes of the processes (the device is not to be seen)',
		in_memory: ['tmpfs', 'ramfs'].includes(filesystem),
		fdatasync: flushLatency(dir, flushes),
	};
}

// -- Versions ----------------------------------------------------------------

function packageVersion(name) {
	const lock = JSON.parse(readFileSync(join(peers, 'package-lock.json')));
	return lock.packages[`node_modules/${name}`].version;
}

export function describeVersions(postgres) {
	const npm = ['fastify', '@fastify/formbody', 'pg',
		'stripe-stateful-mock'];
	return {
		intentd: ask(/^(\S+)/, 'git', 'describe', '--always', '--dirty',
			'--abbrev=12'),
		nginx: ask(/nginx\/(\S+)/, 'nginx', '-v'),
		LMDB: ask(/^(\S+)/, 'pkg-config', '--modversion', 'lmdb'),
		libfcgi: ask(/^(\S+)/, 'pkg-config', '--modversion', 'fcgi'),
		wrk: ask(/^wrk (\S+)/, 'wrk', '--version'),
		PostgreSQL: ask(/\) (\S+)/, postgres, '--version'),
		node: process.versions.node,
		...Object.fromEntries(npm.map((name) =>
			[name, packageVersion(name)])),
	};
}
