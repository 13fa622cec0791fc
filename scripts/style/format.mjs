// Every C file is as clang-format leaves it.
import { spawnSync } from 'node:child_process';

export function checkFormat(tree) {
	const paths = tree.c.map((file) => file.path);

	if (paths.length === 0)
		return [];
	const { error, stderr } = spawnSync('clang-format',
		['--dry-run', '--style=file', ...paths],
		{ cwd: tree.root, encoding: 'utf8' });
	if (error)
		return [{
			file: '.clang-format',
			line: 1,
			reason: `clang-format cannot be run (${error.code}); ` +
				'Debian has it in the package clang-format',
		}];

	const first = new Map(); // the first line of each file
	for (const [, file, line] of stderr.matchAll(
		/^(.+):(\d+):\d+: (?:warning|error):/gm))
		first.set(file, first.get(file) ?? line);
	return [...first].map(([file, line]) => (
		{ file, line, reason: 'not as clang-format has it: make format' }));
}
