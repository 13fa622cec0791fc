// What a process has in its memory, as a core file of it would have it.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const PAGE = 4096;
const PAGES_AT_ONCE = 1024;

// The bits of a page in /proc/PID/pagemap: it is in memory, or in the swap.
const IS_THERE = 0xc0;

// What can be read, without the kernel's own pages and what is only mapped.
function* mappings(pid) {
	for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
		const [, from, to, name] =
			line.match(/^(\w+)-(\w+) r\S+ \S+ \S+ \S+ *(.*)/) ?? [];
		if (from !== undefined && !/^\[v/.test(name))
			yield { from: parseInt(from, 16), to: parseInt(to, 16), name };
	}
}

// Runs of pages that are there: [address, bytes].
function* runs(pagemap, { from, to }) {
	const entries = Buffer.alloc(8 * PAGES_AT_ONCE);
	for (let at = from; at < to; at += PAGE * PAGES_AT_ONCE) {
		const count = Math.min(PAGES_AT_ONCE, (to - at) / PAGE);
		readSync(pagemap, entries, 0, 8 * count, 8 * at / PAGE);
		for (let i = 0, first = 0; i <= count; i++)
			if (i === count || (entries[8 * i + 7] & IS_THERE) === 0) {
				if (i > first)
					yield [at + first * PAGE, (i - first) * PAGE];
				first = i + 1;
			}
	}
}

// Each of the texts that lies there: 'name: where', once.  What is half in one
// run of pages and half in the next is missed.
export function findInMemory(pid, texts) {
	const memory = openSync(`/proc/${pid}/mem`, 'r');
	const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
	const found = new Set();
	try {
		for (const mapping of mappings(pid))
			for (const [at, size] of runs(pagemap, mapping)) {
				const bytes = Buffer.alloc(size);
				readSync(memory, bytes, 0, size, at);
				for (const [name, text] of Object.entries(texts))
					if (bytes.includes(text, 0, 'latin1'))
						found.add(`${name}: ${mapping.name || 'anonymous'}`);
			}
	} finally {
		closeSync(memory);
		closeSync(pagemap);
	}
	return [...found].sort();
}
