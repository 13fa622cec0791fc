// Functions of at most 70 lines, files of fewer than 600.
const functionLinesMax = 70;
const fileLinesEnd = 600;

// By .clang-format a function's body is what stands between '{' and '}' in
// column 0, and its head begins after the last line that ends a statement or
// a block.
function longFunctions(file) {
	const findings = [];
	let head = 0;
	let open = false;

	file.bare.forEach((text, index) => {
		if (text.startsWith('{'))
			open = true;
		if (open && text.startsWith('}')) {
			const lines = index - head + 1;
			if (lines > functionLinesMax)
				findings.push({
					file: file.path,
					line: head + 1,
					reason: `function of ${lines} lines, ` +
						`at most ${functionLinesMax}`,
				});
			open = false;
		}
		if (!open && /^\s*$|^#|[;}]\s*$/.test(text))
			head = index + 1;
	});
	return findings;
}

export function checkLengths(tree) {
	return tree.files.flatMap((file) => {
		const findings = longFunctions(file);
		const lines = file.lines.length;

		if (lines >= fileLinesEnd)
			findings.push({
				file: file.path,
				line: lines,
				reason: `file of ${lines} lines, ` +
					`fewer than ${fileLinesEnd} wanted`,
			});
		return findings;
	});
}
