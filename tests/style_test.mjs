// Every check of scripts/check-style finds what it is there for: a small tree
// with one violation, and the one finding that it must give.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync,
	writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function checkStyle(files, environment = {}) {
	const tree = mkdtempSync(join(tmpdir(), 'style-'));

	try {
		copyFileSync(join(root, '.clang-format'),
			join(tree, '.clang-format'));
		for (const [path, text] of Object.entries(files)) {
			mkdirSync(dirname(join(tree, path)), { recursive: true });
			writeFileSync(join(tree, path), text);
		}
		const { status, stdout, stderr } = spawnSync(
			join(root, 'scripts/check-style'), [tree],
			{ encoding: 'utf8', env: { ...process.env, ...environment } });
		assert.equal(stderr, '');
		const lines = stdout.trimEnd().split('\n');
		return { status, summary: lines.pop(), findings: lines };
	} finally {
		rmSync(tree, { recursive: true });
	}
}

function which(tool) {
	return process.env.PATH.split(':').map((folder) => join(folder, tool))
		.find((path) => existsSync(path));
}

function header(guard, body) {
	return `#ifndef ${guard}\n#define ${guard}\n\n${body}\n\n#endif\n`;
}

// A function of so many lines, its head of two and its braces among them.
function functionOf(lines) {
	return `int f(void);\n\nint\nf(void)\n{\n${
		'\tf();\n'.repeat(lines - 5)}\treturn 0;\n}\n`;
}

const clean = {
	'lib/base/a.h': header('BASE_A_H', '/* At most 70.5, or 404. */\nint a(void);'),
	'lib/core/b.c': '#include <string.h>\n\n#include "base/a.h"\n' +
		'#include "core/b.h"\n\nint\nb(void)\n{\n' +
		'\treturn a() + (int)strlen("double");\n}\n',
	'lib/core/b.h': header('CORE_B_H', 'int b(void);'),
	'lib/base/a.c': '#include "base/a.h"\n\nint\na(void)\n{\n\treturn 1;\n}\n',
	'app/c.h': header('APP_C_H', '#include "core/b.h"'),
	'tests/unit/f.c': functionOf(70),
};

const violations = [
	['an include against the direction', 'lib/base/x.h',
		header('BASE_X_H', '#include "core/b.h"'),
		4, 'base may not include core'],
	['an include of app by a layer', 'lib/api/x.h',
		header('API_X_H', '#include "app/c.h"'),
		4, 'api may not include app'],
	['an include without a layer', 'lib/core/x.h',
		header('CORE_X_H', '#include "b.h"'),
		4, 'include "b.h" names no layer'],
	['a folder that is no layer', 'lib/misc/x.h',
		header('MISC_X_H', '#include "core/b.h"'),
		4, 'misc is no layer'],
	['a second door to json-c', 'lib/api/x.h',
		header('API_X_H', '#include <json_object.h>'),
		4, 'json-c is used in lib/api/json.c alone'],
	['a second door to lmdb', 'lib/engine/x.h',
		header('ENGINE_X_H', '#include <lmdb.h>'),
		4, 'lmdb is used in lib/store/lmdb_environment.h alone'],
	['a second door to libcurl', 'app/x.h',
		header('APP_X_H', '#include <curl/curl.h>'),
		4, 'libcurl is used in app/webhook.c alone'],
	['a second door to libfcgi', 'app/x.h',
		header('APP_X_H', '#include <fcgiapp.h>'),
		4, 'libfcgi is used in app/fastcgi.c alone'],
	['a second door to libcurl', 'app/x.h',
		header('APP_X_H', '#include <curl/curl.h>'),
		4, 'libcurl is used in app/webhook.c alone'],
	['a second door to inih', 'app/x.h',
		header('APP_X_H', '#include <ini.h>'),
		4, 'inih is used in app/settings.c alone'],
	['a second door to OpenSSL', 'app/x.h',
		header('APP_X_H', '#include <openssl/rand.h>'),
		4, 'OpenSSL is used in lib/base/digest.c alone'],
	['a second door to zlib', 'lib/store/x.h',
		header('STORE_X_H', '#include <zlib.h>'),
		4, 'zlib is used in lib/base/digest.c alone'],
	['a second door to nettle', 'lib/store/x.h',
		header('STORE_X_H', '#include <nettle/sha3.h>'),
		4, 'nettle is used in lib/base/keccak.c alone'],
	['a second door to libsecp256k1', 'lib/store/x.h',
		header('STORE_X_H', '#include <secp256k1.h>'),
		4, 'libsecp256k1 is used in lib/base/hd_key.c alone'],
	['a second door to libqrencode', 'lib/store/x.h',
		header('STORE_X_H', '#include <qrencode.h>'),
		4, 'libqrencode is used in lib/api/qr.c alone'],
	['a second door to libpng', 'lib/store/x.h',
		header('STORE_X_H', '#include <png.h>'),
		4, 'libpng is used in lib/api/qr.c alone'],
	['a clock in the core', 'lib/core/x.c',
		'#include <time.h>\n\nlong\nx(void)\n{\n\treturn time(NULL);\n}\n',
		6, 'time: base and core are pure'],
	['malloc in base', 'lib/base/x.c',
		'#include <stdlib.h>\n\nvoid *\nx(void)\n{\n\treturn malloc(1);\n}\n',
		6, 'malloc: base and core are pure'],
	['output in the core', 'lib/core/x.c',
		'#include <stdio.h>\n\nint\nx(void)\n{\n\treturn puts("x");\n}\n',
		6, 'puts: base and core are pure'],
	['OpenSSL called outside digest.c', 'lib/core/x.c',
		'void EVP_x(void);\n\nvoid\nx(void)\n{\n\tEVP_x();\n}\n',
		1, 'EVP_x: base and core are pure'],
	['a core that does not compile', 'lib/core/x.c',
		'\nint x = y;\n',
		2, 'does not compile: ‘y’ undeclared here (not in a function)'],
	['a function too long', 'app/x.c', functionOf(71),
		3, 'function of 71 lines, at most 70'],
	['a test function too long', 'tests/unit/x.c', functionOf(71),
		3, 'function of 71 lines, at most 70'],
	['a C file too long', 'tests/unit/x.c', 'int x;\n'.repeat(600),
		600, 'file of 600 lines, fewer than 600 wanted'],
	['a JavaScript file too long', 'tests/http/x.mjs', '\n'.repeat(600),
		600, 'file of 600 lines, fewer than 600 wanted'],
	['a header without guard', 'lib/base/x.h', 'int x(void);\n',
		1, 'not guarded by BASE_X_H'],
	['a header with the guard of another', 'tests/unit/x.h',
		header('BASE_A_H', 'int x(void);'),
		1, 'not guarded by UNIT_X_H'],
	['a typedef of a struct', 'app/x.h',
		header('APP_X_H', 'typedef struct x x;'),
		4, 'no typedef of a struct'],
	['a float', 'app/x.h',
		header('APP_X_H', 'float x(void);'),
		4, 'float: no floating point'],
	['a double', 'lib/core/x.h',
		header('CORE_X_H', 'double x(void);'),
		4, 'double: no floating point'],
	['a status in a number', 'lib/api/x.h',
		header('API_X_H', 'enum { X = 404 };'),
		4, '404: statuses of refusals stand in lib/core/errors.def'],
	['a status in a text', 'app/x.c',
		'const char *x = "503 busy";\n',
		1, '503: statuses of refusals stand in lib/core/errors.def'],
	['a status in a table', 'lib/api/x.def', 'ROW(X, 409)\n',
		1, '409: statuses of refusals stand in lib/core/errors.def'],
	['another format', 'tests/unit/x.c', '\nint  x;\n',
		2, 'not as clang-format has it: make format'],
];

test('a clean tree has no findings', () => {
	const { status, summary, findings } = checkStyle(clean);

	assert.deepEqual(findings, []);
	assert.equal(summary, 'style: 6 files, 0 findings');
	assert.equal(status, 0);
});

for (const [name, path, text, line, reason] of violations)
	test(`found: ${name}`, () => {
		const { status, summary, findings } = checkStyle(
			{ ...clean, [path]: text }, { LC_ALL: 'C.UTF-8', CC: 'gcc' });

		assert.deepEqual(findings, [`${path}:${line}: ${reason}`]);
		assert.equal(summary, 'style: 7 files, 1 findings');
		assert.equal(status, 1);
	});

test('the doors themselves are open', () => {
	const { findings } = checkStyle({
		'lib/api/json.c': '#include <json.h>\n',
		'lib/core/errors.def': 'ERROR(X, 404)\n',
	});

	assert.deepEqual(findings, []);
});

test('a missing clang-format is said', () => {
	const tools = mkdtempSync(join(tmpdir(), 'tools-'));

	try {
		for (const tool of ['sh', 'node', 'dirname', 'readlink'])
			symlinkSync(which(tool), join(tools, tool));
		const { findings } = checkStyle(
			{ 'app/x.c': 'int x;\n' }, { PATH: tools });
		assert.deepEqual(findings, ['.clang-format:1: clang-format ' +
			'cannot be run (ENOENT); Debian has it in the package ' +
			'clang-format']);
	} finally {
		rmSync(tools, { recursive: true });
	}
});
