// What /proc says of processes: whose children they are, the processor time
// that they took, their memory, and what they had written.
import { readFileSync, readdirSync } from 'node:fs';

// USER_HZ, which is 100 on every Linux that nginx runs on.
const ticksPerSecond = 100;

function read(path) {
	try {
		return readFileSync(path, 'latin1');
	} catch {
		return ''; // It has ended.
	}
}

// Fields of /proc/PID/stat from the third (state) on; see proc(5).
function statFields(pid) {
	const text = read(`/proc/${pid}/stat`);
	return text === '' ? null
		: text.slice(text.lastIndexOf(')') + 2).split(' ');
}

export function isRunning(pid) {
	const fields = statFields(pid);
	return fields !== null && fields[0] !== 'Z';
}

// Processes and all that descend from them, each once.
export function processTrees(rootPids) {
	const parents = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
		.map((pid) => ({ pid: Number(pid), parent:
			Number(statFields(pid)?.[1]) }));
	const tree = new Set(rootPids);
	for (const pid of tree) // which grows while it is walked
		for (const child of parents)
			if (child.parent === pid)
				tree.add(child.pid);
	return [...tree];
}

// A process and all that descend from it.
export const processTree = (rootPid) => processTrees([rootPid]);

// Processor time in microseconds, with that of children that have ended, so
// that a process which is replaced meanwhile loses nothing.
export function processorTime(rootPids) {
	const ticks = rootPids.flatMap(processTree).map((pid) => {
		const fields = statFields(pid);
		return fields === null ? 0
			: fields.slice(11, 15).map(Number)
				.reduce((sum, value) => sum + value);
	}).reduce((sum, value) => sum + value, 0);
	return ticks * 1e6 / ticksPerSecond;
}

// Bytes that the processes sent towards the disk (pages they made dirty).
export function bytesWritten(rootPids) {
	return rootPids.flatMap(processTree).map((pid) =>
		Number(read(`/proc/${pid}/io`).match(/^write_bytes: (\d+)/m)?.[1] ??
			0)).reduce((sum, value) => sum + value, 0);
}

// Proportional set size of one process in bytes, the mapping of `store` and
// the rest apart.
export function memory(pid, store) {
	const found = { pid, map: 0, rest: 0 };
	let part = 'rest';
	for (const line of read(`/proc/${pid}/smaps`).split('\n')) {
		if (/^[0-9a-f]+-[0-9a-f]+ /.test(line))
			part = line.endsWith(store) ? 'map' : 'rest';
		const size = line.match(/^Pss: +(\d+) kB/);
		if (size)
			found[part] += Number(size[1]) * 1024;
	}
	return found;
}
