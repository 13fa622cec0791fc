// A disk after a power cut, as the programs that were recorded may find it.
//
// What is assumed of the disk and its file system, no more than POSIX says of
// fsync() and fdatasync(), and than LMDB relies on ("lmdb.h", MDB_NOSYNC):
// - what a flush that has returned covers is there: the file's bytes and its
//   length; of a write through a descriptor with O_DSYNC those of the write;
// - anything else that was begun may be there or not, whatever came first;
// - each sector of 512 bytes of a write by itself (a sector is old or new); a
//   file may have its new length and not its bytes, which are then zeros;
// - names made, changed and removed are there once their folder was flushed,
//   and before that each may be there or not; a rename is one step.  A file
//   system with a journal, such as ext4, loses less: T. S. Pillai et al., "All
//   File Systems Are Not Created Equal", OSDI 2014, table 1, has what they do.
// A sector that is written twice has at last the later bytes of those that have
// come to it: the system's page cache holds one content of it.
import assert from 'node:assert/strict';

import { kind } from './power_log.mjs';

export const sectorBytes = 512;

class File {
	constructor(bytes) {
		this.bytes = Buffer.from(bytes); // from its begin, zeros left out
		this.length = bytes.length;
		this.pending = [];
	}
}

function withRoom(bytes, length) {
	if (bytes.length >= length)
		return bytes;
	const longer = Buffer.alloc(Math.max(length, 2 * bytes.length));
	bytes.copy(longer);
	return longer;
}

// The sectors that a write touches, as [first byte, behind the last one].
function* sectorsOf({ position, bytes }) {
	const end = position + bytes.length;
	for (let from = position; from < end;) {
		const to = Math.min(end, from - from % sectorBytes + sectorBytes);
		yield [from, to];
		from = to;
	}
}

// image: {bytes, length}; part: true, or which of its sectors have come.
function applyWrite(image, op, part) {
	const end = op.position + op.bytes.length;
	image.bytes = withRoom(image.bytes, end);
	image.length = Math.max(image.length, end);
	if (part === true) {
		op.bytes.copy(image.bytes, op.position);
		return;
	}
	for (const [from, to] of sectorsOf(op))
		if (part(from))
			op.bytes.copy(image.bytes, from, from - op.position,
				to - op.position);
}

function applyLength(image, { position }) {
	image.bytes.fill(0, Math.min(position, image.bytes.length));
	image.length = position;
}

function apply(image, op, part = true) {
	if (op.kind === kind.write)
		applyWrite(image, op, part);
	else
		applyLength(image, op);
}

function applyName(names, { kind: what, names: [from, to], file }) {
	if (what === kind.create)
		names.set(from, file);
	else if (what === kind.unlink)
		names.delete(from);
	else if (names.has(from)) {
		names.set(to, names.get(from));
		if (what === kind.rename)
			names.delete(from);
	}
}

const nameKinds = [kind.create, kind.link, kind.rename, kind.unlink];

export class Disk {
	constructor(base) {
		this.inodes = new Map();
		this.names = new Map(); // that are on the disk
		this.pendingNames = [];
		this.calls = new Map(); // that have not returned
		this.number = 0;
		this.counts = { writes: 0, lengths: 0, flushes: 0, names: 0 };
		for (const [name, { inode, bytes }] of base) {
			const file = new File(bytes);
			this.inodes.set(inode, file);
			this.names.set(name, file);
		}
	}

	// What was begun and is on the disk for sure by no flush, in order.
	pending() {
		const files = new Set([...this.inodes.values()]);
		return [...files].flatMap((file) => file.pending)
			.concat(this.pendingNames)
			.sort((a, b) => a.number - b.number);
	}

	// What the end of a call puts on the disk for good; undefined: nothing.
	settles(event) {
		if (event.kind !== kind.end)
			return undefined;
		const call = this.calls.get(event.call);
		if (event.value < 0 || call === undefined)
			return undefined;
		if (call.covers)
			return call;
		return call.dsync ? { file: call.file, covers: [call] } : undefined;
	}

	step(event) {
		if (event.kind === kind.end)
			this.end(event);
		else if (nameKinds.includes(event.kind))
			this.changeNames(event);
		else if (event.kind === kind.folder || event.kind === kind.flush)
			this.beginFlush(event);
		else if (event.kind !== kind.said)
			this.change(event);
	}

	change(event) {
		const file = this.inodes.get(event.inode);
		assert.ok(file, 'a file that nobody has opened');
		const op = { ...event, file, number: this.number++, ended: false,
			dsync: event.kind === kind.write && event.value === 1 };
		this.counts[event.kind === kind.write ? 'writes' : 'lengths']++;
		file.pending.push(op);
		this.calls.set(event.call, op);
	}

	changeNames(event) {
		const op = { kind: event.kind, number: this.number++, ended: false,
			names: event.bytes.toString().split('\0') };
		this.counts.names++;
		this.pendingNames.push(op);
		this.calls.set(event.call, op);
		if (event.kind !== kind.create)
			return;
		assert.equal(event.value, 0, 'a file that has just been made');
		op.file = new File(Buffer.alloc(0));
		op.ended = true;
		this.inodes.set(event.inode, op.file);
	}

	beginFlush(event) {
		const file = event.kind === kind.flush
			? this.inodes.get(event.inode) : undefined;
		const all = file ? file.pending : this.pendingNames;
		this.counts.flushes++;
		this.calls.set(event.call,
			{ file, covers: all.filter(({ ended }) => ended) });
	}

	end(event) {
		const settled = this.settles(event);
		const call = this.calls.get(event.call);
		call.ended = true;
		// A name that was refused; a write may be there in part.
		if (event.value < 0 && call.names)
			this.pendingNames = this.pendingNames.filter((op) => op !== call);
		this.calls.delete(event.call);
		if (settled)
			this.settle(settled);
	}

	settle({ file, covers }) {
		const covered = new Set(covers);
		const rest = (all) => all.filter((op) => !covered.has(op));
		if (!file) {
			covers.forEach((op) => applyName(this.names, op));
			this.pendingNames = rest(this.pendingNames);
			return;
		}
		for (const op of covers) {
			apply(file, op);
			for (const other of file.pending)
				if (!covered.has(other) && other.number < op.number &&
						overlap(other, op))
					replaceIn(other, op);
		}
		file.pending = rest(file.pending);
	}

	// The files after a cut: name: {bytes, length}.  part(op): whether it has
	// come, or which sectors of it.
	files(part) {
		const images = new Map();
		const names = new Map(this.names);
		for (const op of this.pendingNames)
			if (part(op))
				applyName(names, op);
		for (const file of new Set(names.values())) {
			const image = { bytes: Buffer.from(file.bytes),
				length: file.length };
			for (const op of file.pending) {
				const come = part(op);
				if (come)
					apply(image, op, come);
			}
			images.set(file, image);
		}
		return new Map([...names].map(([name, file]) =>
			[name, images.get(file)]));
	}
}

// What an earlier write would still bring are the later one's bytes: the system
// has one content of a page.
function replaceIn(earlier, later) {
	const at = later.position - earlier.position;
	earlier.bytes = Buffer.from(earlier.bytes);
	later.bytes.copy(earlier.bytes, Math.max(0, at), Math.max(0, -at));
}

function overlap(a, b) {
	return a.kind === kind.write && b.kind === kind.write &&
		a.position < b.position + b.bytes.length &&
		b.position < a.position + a.bytes.length;
}

// -- Cuts --------------------------------------------------------------------

// Which of what is pending has come, in three ways that are all legal.
const ways = [
	// Some of it, whole.
	(random) => {
		const chance = random();
		return () => random() < chance;
	},
	// All, or none, but for one.
	(random, pending) => {
		const one = pending[Math.floor(random() * pending.length)];
		const all = random() < 0.5;
		return (op) => (op === one) !== all;
	},
	// Sectors of it.
	(random) => {
		const chance = random();
		return (op) => {
			if (op.kind !== kind.write)
				return random() < chance;
			// Of two writes to a sector the later one counts, if it came.
			return random() < 0.1 ? undefined
				: () => random() < chance;
		};
	},
];

// A choice is made once, however often it is asked for.
function once(choose) {
	const made = new Map();
	return (op) => {
		if (!made.has(op))
			made.set(op, choose(op));
		return made.get(op);
	};
}

// The states that a cut can leave, all of which may be found until `until`,
// where the next flush has returned: after each of what was begun (of all the
// prefixes), and `samples` reorderings and tears.
// Where a flush has returned, `way` is 'settled' and the state is that with all
// that was begun.  files() makes the state, before the next one is asked for.
export function* cuts(disk, events, random, samples) {
	for (const event of events) {
		const settled = disk.settles(event);
		if (settled)
			yield* cutsNow(disk, event.at, random, samples);
		disk.step(event);
		if (settled)
			yield { way: 'settled', settled,
				files: () => disk.files(() => true) };
	}
	yield* cutsNow(disk, Infinity, random, samples);
}

function* cutsNow(disk, until, random, samples) {
	const pending = disk.pending();
	for (let count = 0; count <= pending.length; count++) {
		const last = pending[count - 1]?.number ?? -1;
		yield { way: count === 0 ? 'flushed' : 'prefix', until,
			files: () => disk.files(({ number }) => number <= last) };
	}
	for (let i = 0; pending.length > 0 && i < samples; i++) {
		const way = i % ways.length;
		const choice = once(ways[way](random, pending));
		yield { way: ['subset', 'one', 'torn'][way], until,
			files: () => disk.files(choice) };
	}
}
