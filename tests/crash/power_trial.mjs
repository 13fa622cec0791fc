// Opens what a power cut has left, as an operator would, many at a time.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, rmSync,
	writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { build } from '../http/harness.mjs';

function writeImage(path, { bytes, length }) {
	const file = openSync(path, 'w', 0o600);
	try {
		writeSync(file, bytes, 0, Math.min(length, bytes.length), 0);
		ftruncateSync(file, length);
	} finally {
		closeSync(file);
	}
}

// What the folder has, but for lock files: one of a state before is older than
// the store, as after a reboot.
export function layDown(folder, files) {
	for (const name of readdirSync(folder))
		if (!files.has(name) && !name.endsWith('-lock'))
			rmSync(join(folder, name), { recursive: true });
	for (const [name, image] of files)
		writeImage(join(folder, name), image);
}

// {status, stdout, stderr} of intentctl, which need not be content.
export function control(store, ...words) {
	return new Promise((resolve) => {
		execFile(join(build, 'intentctl'), ['--store', store, ...words],
			{ maxBuffer: 1 << 28 }, (error, stdout, stderr) => resolve({
				status: error ? error.code ?? error.signal : 0,
				stdout, stderr }));
	});
}

class Place {
	constructor(tools, folder) {
		this.folder = folder;
		mkdirSync(folder, { recursive: true });
		this.reader = spawn(tools.contents,
			{ stdio: ['pipe', 'pipe', 'inherit'] });
		this.answers = [];
		createInterface({ input: this.reader.stdout }).on('line', (line) =>
			this.answers.shift()?.(line));
		this.ended = new Promise((resolve) => this.reader.once('exit',
			() => {
				this.answers.forEach((answer) => answer('damaged: it died'));
				resolve();
			}));
	}

	// {last, sum, lines}: the last transaction, a digest of all there is, and
	// the first and the last line of the audit log that the store has, or 0.
	async contents(name) {
		const line = await new Promise((resolve) => {
			this.answers.push(resolve);
			this.reader.stdin.write(`${join(this.folder, name)}\n`);
		});
		assert.doesNotMatch(line, /^damaged/);
		const [last, sum, ...lines] = line.split(' ');
		return { last: Number(last), sum, lines: lines.map(Number) };
	}

	ctl(name, ...words) {
		return control(join(this.folder, name), ...words);
	}

	async assertSound(name) {
		const { status, stdout, stderr } = await this.ctl(name, 'verify',
			'--json');
		assert.equal(status, 0, stderr + stdout);
		assert.deepEqual(JSON.parse(stdout).findings, []);
	}
}

// So many folders in which states are tried at once.
export class Places {
	constructor(tools, folder, count) {
		this.free = Array.from({ length: count }, (_, i) =>
			new Place(tools, join(folder, `place-${i}`)));
		this.all = [...this.free];
		this.waiting = [];
		this.failures = [];
	}

	async take() {
		while (this.free.length === 0)
			await new Promise((resolve) => this.waiting.push(resolve));
		return this.free.pop();
	}

	// Runs `act` with a place that has the files, once there is one; the
	// promise is that it has begun.
	async begin(makeFiles, act) {
		const files = makeFiles();
		const place = await this.take();
		(async () => {
			try {
				layDown(place.folder, files);
				await act(place, files);
			} catch (error) {
				this.failures.push(error);
			} finally {
				this.free.push(place);
				this.waiting.shift()?.();
			}
		})();
	}

	// Until all that was begun has ended.
	async settle() {
		while (this.free.length < this.all.length)
			await new Promise((resolve) => this.waiting.push(resolve));
	}

	async close() {
		await this.settle();
		for (const { reader } of this.all)
			reader.stdin.end();
		await Promise.all(this.all.map(({ ended }) => ended));
	}
}
