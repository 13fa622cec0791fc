// The place of a run, and what its parts share.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// Progress: what is measured goes to standard output.
export const say = (text) => process.stderr.write(`${text}\n`);

// Everything of a run lies in one folder, which goes with it.  Others may
// pass through: PostgreSQL is run by another user.
export function makeContext(options) {
	const dir = mkdtempSync(join(options.dir, 'intentd-bench-'));
	chmodSync(dir, 0o711);
	process.on('exit', () => rmSync(dir,
		{ recursive: true, force: true, maxRetries: 5 }));
	let number = 0;
	return {
		dir,
		say,
		ids: options.ids,
		stores: new Map(), // size -> folder, of the series growth
		answer: join(dir, 'answer.json'),
		folder() {
			const path = join(dir, String(++number));
			mkdirSync(path);
			return path;
		},
	};
}
