// Words that the program may not use, each with the files that may.
import { findLines } from './tree.mjs';

const rules = [
	{
		// Money is never a floating-point number anywhere.
		lines: (file) => file.bare,
		pattern: /\b(float|double)\b/,
		reason: (word) => `${word}: no floating point`,
		exceptions: [],
	},
	{
		lines: (file) => file.bare,
		pattern: /\btypedef\s+struct\b/,
		reason: () => 'no typedef of a struct',
		exceptions: [],
	},
	{
		// The catalogue says the status of a refusal, nothing else does.
		lines: (file) => file.code,
		pattern: /(?<![\w.])(4[0-4]\d|451|50\d|51[01])(?![\w.])/,
		reason: (status) => `${status}: statuses of refusals stand ` +
			'in lib/core/errors.def',
		exceptions: [
			'lib/core/errors.def',
			// The reason phrases of all that is answered.
			'lib/core/statuses.def',
			// The refusals that web servers make themselves.
			'lib/core/web_errors.def',
			// Bounds of lengths: 500 characters of metadata.
			'lib/base/limits.h',
			// The calendar repeats after 400 years.
			'lib/base/time.c',
			// The port of https.
			'lib/core/webhook_url.c',
		],
	},
];

export function checkWords(tree) {
	return rules.flatMap(({ lines, pattern, reason, exceptions }) =>
		tree.program
			.filter((file) => !exceptions.includes(file.path))
			.flatMap((file) => findLines(file, lines(file), pattern,
				([word]) => reason(word))));
}
