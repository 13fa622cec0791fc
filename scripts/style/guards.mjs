// A header is guarded by its folder and name: lib/base/text.h by BASE_TEXT_H.
function guardOf(path) {
	const [folder, name] = path.split('/').slice(-2);

	return `${folder}_${name}`.toUpperCase().replace(/\W/g, '_');
}

export function checkGuards(tree) {
	return tree.c.filter((file) => file.extension === 'h').flatMap((file) => {
		const guard = guardOf(file.path);
		const code = file.code.map((text) => text.trim());
		const first = code.findIndex((text) => text !== '');
		const last = code.findLast((text) => text !== '');
		const guarded = code[first] === `#ifndef ${guard}` &&
			code[first + 1] === `#define ${guard}` &&
			last === '#endif';

		return guarded ? [] : [{
			file: file.path,
			line: Math.max(first, 0) + 1,
			reason: `not guarded by ${guard}`,
		}];
	});
}
