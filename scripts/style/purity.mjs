// base and core stand alone: compiled by themselves, all that they leave
// undefined is on the lists below.  So there is no I/O in them, no clock, no
// chance and no malloc(), whatever a header may have brought along.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// What any of their files may call.
const allowed = new Set([
	'memchr', 'memcmp', 'memcpy', 'memmove', 'memset',
	'strchr', 'strcmp', 'strlen', 'strstr', 'strncmp', 'strnlen', 'strrchr',
	'snprintf', 'vsnprintf', // into memory
	'bcmp', // clang's memcmp() where only equality counts
	'bsearch',
	'__assert_fail', // the end of the program, the one way out
]);
// What one file alone may call besides.
const allowedIn = {
	'lib/base/digest.c': /^(EVP_|OSSL_LIB_CTX_|crc32(_z)?$)/,
	// What it stands before, and the way out of a library.
	'lib/base/heap.c': /^(__real_\w+|_?longjmp)$/,
	'lib/base/hd_key.c': /^secp256k1_/,
	'lib/base/keccak.c': /^nettle_sha3_permute$/,
	'lib/base/net_address.c': /^inet_pton$/, // text to bytes, in memory
};

const flags = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-fno-pie',
	'-fno-stack-protector', '-U_FORTIFY_SOURCE', '-w', '-Ilib'];

function compile(tree, file, object) {
	const { status, stderr, error } = spawnSync(process.env.CC ?? 'cc',
		[...flags, '-c', '-o', object, file.path],
		{ cwd: tree.root, encoding: 'utf8' });

	if (status === 0)
		return [];
	const match = stderr?.match(/:(\d+):\d+: (?:fatal )?error: (.*)/);
	return [{
		file: file.path,
		line: match?.[1] ?? 1,
		reason: `does not compile: ${match?.[2] ?? error ?? stderr}`,
	}];
}

// The names that an object defines or leaves undefined, by nm's option.
function symbols(object, option) {
	const { stdout } = spawnSync('nm', ['--format=just-symbols', option,
		'--extern-only', object], { encoding: 'utf8' });

	return stdout.split('\n').filter((name) => name !== '');
}

// Where the symbol is first called, or else the first line.
function lineOf(file, symbol) {
	const call = new RegExp(`\\b${symbol}\\s*\\(`);

	return Math.max(file.bare.findIndex((text) => call.test(text)), 0) + 1;
}

export function checkPurity(tree) {
	const folder = mkdtempSync(join(tmpdir(), 'purity-'));
	const units = tree.program
		.filter(({ layer, extension }) =>
			/^(base|core)$/.test(layer) && extension === 'c')
		.map((file, index) => (
			{ file, object: join(resolve(folder), `${index}.o`) }));

	try {
		const broken = units.flatMap(({ file, object }) =>
			compile(tree, file, object));
		if (broken.length > 0)
			return broken;
		const own = new Set(units.flatMap(({ object }) =>
			symbols(object, '--defined-only')));
		return units.flatMap(({ file, object }) =>
			symbols(object, '--undefined-only')
				.filter((name) => !own.has(name))
				.filter((name) => !allowed.has(name))
				.filter((name) => !allowedIn[file.path]?.test(name))
				.map((name) => ({
					file: file.path,
					line: lineOf(file, name),
					reason: `${name}: base and core are pure`,
				})));
	} finally {
		rmSync(folder, { recursive: true });
	}
}
