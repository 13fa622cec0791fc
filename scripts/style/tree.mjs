// The source files of a tree, read once, as the checks want them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['lib', 'app', 'tests', 'scripts'];

// Blanks comments, and text between quotes too if `strings`, keeping every
// newline where it is.
function blank(text, strings) {
	const tokens =
	    /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

	return text.replace(tokens, (token) =>
		token[0] === '/' || strings ? token.replace(/[^\n]/g, ' ')
			: token);
}

function readSource(root, path) {
	const text = readFileSync(join(root, path), 'utf8');
	const isC = /\.(c|h|def)$/.test(path);

	return {
		path, // from the root, such as lib/base/text.c
		extension: path.split('.').pop(),
		layer: path.match(/^lib\/(\w+)\//)?.[1] ?? path.split('/')[0],
		lines: text.replace(/\n$/, '').split('\n'),
		// For C alone: without comments; without texts either.
		code: isC ? blank(text, false).split('\n') : [],
		bare: isC ? blank(text, true).split('\n') : [],
	};
}

function list(root, folder) {
	return readdirSync(join(root, folder), { withFileTypes: true })
		.filter((entry) => entry.name !== 'node_modules')
		.flatMap((entry) => {
			const path = `${folder}/${entry.name}`;
			return entry.isDirectory() ? list(root, path) : [path];
		});
}

export function openTree(root) {
	const files = folders
		.filter((folder) => existsSync(join(root, folder)))
		.flatMap((folder) => list(root, folder))
		.filter((path) => /\.(c|h|def|m?js)$/.test(path))
		.sort()
		.map((path) => readSource(root, path));

	return {
		root,
		files,
		c: files.filter((file) => /^[ch]$/.test(file.extension)),
		// What is held to the rules of the program: not the tests.
		program: files.filter((file) => /^(lib|app)\//.test(file.path) &&
			/^(c|h|def)$/.test(file.extension)),
	};
}

// A finding wherever one of `lines` matches; `reason` is told the match.
export function findLines(file, lines, pattern, reason) {
	return lines.flatMap((text, index) => {
		const match = text.match(pattern);
		const why = match && reason(match);
		return why ? [{ file: file.path, line: index + 1, reason: why }]
			: [];
	});
}
