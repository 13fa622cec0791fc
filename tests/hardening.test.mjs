// What compiler and linker have put into the programs against whoever finds a
// way into them, as it stands in their files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { build } from './http/harness.mjs';

const readelf = (...words) => execFileSync('readelf', ['-W', ...words],
	{ encoding: 'utf8', maxBuffer: 1 << 26 });

const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim();

// The flags of a segment of that type, one a row.
const flagsOf = (segments, type) => [...segments.matchAll(
	new RegExp(`^ +${type} +(?:0x[0-9a-f]+ +){5}([RWE ]{3}) `, 'gm'))]
	.map(([, flags]) => flags.replaceAll(' ', ''));

for (const name of ['intentd', 'intentctl'])
	describe(name, () => {
		const program = join(build, name);
		const head = readelf('-h', program);
		const segments = readelf('-l', program);
		const dynamic = readelf('-d', program);

		test('may be anywhere in memory (PIE)', () => {
			assert.match(head, /Type: +DYN/);
			assert.match(dynamic, /FLAGS_1\).*\bPIE\b/);
		});

		test('has its tables read-only (full RELRO)', () => {
			assert.equal(flagsOf(segments, 'GNU_RELRO').length, 1);
			assert.match(dynamic, /\(FLAGS\).*\bBIND_NOW\b/);
			assert.doesNotMatch(dynamic, /\(TEXTREL\)/);
		});

		test('has no memory that is written and run', () => {
			const loaded = flagsOf(segments, 'LOAD');
			assert.ok(loaded.length >= 4 && loaded.includes('RE'), segments);
			for (const flags of loaded)
				assert.ok(!/W.*E/.test(flags), segments);
			// What is run is by itself (separate-code).
			assert.equal(loaded.filter((flags) => flags.includes('E'))
				.length, 1);
			assert.deepEqual(flagsOf(segments, 'GNU_STACK'), ['RW']);
		});

		test('takes libraries from nowhere of its own', () =>
			assert.doesNotMatch(dynamic, /\((RPATH|RUNPATH)\)/));
	});

// What such a look at several files says of each.
const eachOf = (files, ...words) => {
	const parts = readelf(...words, ...files).split(/^File: /m).slice(1);
	assert.equal(parts.length, files.length);
	return parts.map((text) => ({ file: text.split('\n', 1)[0], text }));
};

// With _FORTIFY_SOURCE none of these is called as such, whatever it is given;
// of others the compiler says where it knows no bound.
const alwaysChecked = ['fprintf', 'longjmp', 'printf', 'siglongjmp', 'syslog',
	'vfprintf', 'vprintf', 'vsyslog'];

// Not the programs: what is linked into them statically has these as well.
describe('every object of this program', () => {
	const folders = ['app', ...readdirSync('lib', { withFileTypes: true })
		.filter((entry) => entry.isDirectory())
		.map(({ name }) => join('lib', name))];
	const objects = folders.flatMap((folder) =>
		readdirSync(join(build, folder)).filter((name) =>
			name.endsWith('.o')).map((name) => join(build, folder, name)));
	const wanted = eachOf(objects, '-s').map(({ file, text }) => ({ file,
		names: [...text.matchAll(/ UND (\w+)$/gm)].map(([, name]) => name) }));
	const filesWith = (name) => wanted.filter(({ names }) =>
		names.includes(name)).map(({ file }) => file);

	test('are those of all of it', () => assert.ok(objects.length > 100));

	// The linker puts it into a program where all objects have it, those of
	// libraries and of the C library's start as well: Debian 12's have not.
	test('says that jumps are checked (CET), on x86-64', () => {
		if (machine !== 'x86_64')
			return;
		for (const { file, text } of eachOf(objects, '-n'))
			assert.match(text, /x86 feature: IBT, SHSTK/, file);
	});

	test('looks at its stack', () =>
		assert.ok(filesWith('__stack_chk_fail').length >
			objects.length * 0.75));

	// clang does not write down how it was called.
	test('says that its stack is looked at, and cannot be jumped over',
		() => {
			for (const { file, text } of eachOf(objects,
				'--debug-dump=info', '--dwarf-depth=1')) {
				const [, producer] = text.match(/DW_AT_producer .*: (.*)$/m);
				if (producer.includes('clang'))
					continue;
				for (const flag of ['-fstack-protector-strong',
					'-fstack-clash-protection'])
					assert.ok(producer.split(' ').includes(flag),
						`${file}: ${producer}`);
			}
		});

	test('calls functions of the C library that know bounds', () => {
		for (const name of alwaysChecked)
			assert.deepEqual(filesWith(name), [], name);
		for (const name of ['printf', 'fprintf', 'snprintf', 'vsnprintf'])
			assert.ok(filesWith(`__${name}_chk`).length >= 5, name);
	});
});
