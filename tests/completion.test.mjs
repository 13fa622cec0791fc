// intentctl's completion, asked as bash asks it: a line up to the cursor in;
// the words that are offered out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { build } from './http/harness.mjs';
import { program } from './http/operator.mjs';

const script = join(build, 'completion/intentctl');

// Bash's own words: where = and : end one, COMP_WORDBREAKS says so.
const ask = `
	. "$1"
	COMP_LINE=$2 COMP_POINT=\${#2}
	_intentctl
	printf '%s\\n' "\${COMPREPLY[@]}"`;

function offered(line, options = {}) {
	const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', ask,
		'bash', script, `intentctl ${line}`],
	{ encoding: 'utf8', ...options });
	assert.equal(stderr, '');
	assert.equal(status, 0);
	return stdout.split('\n').filter((word) => word !== '').sort();
}

const helped = (...words) =>
	spawnSync(program, ['help', ...words], { encoding: 'utf8' }).stdout;

// All commands, from the program's help.
const commands = helped().split('\n')
	.map((line) => line.match(/^ {2}([a-z]+(?: [a-z]+)*) {2,}[A-Z]/)?.[1])
	.filter(Boolean);
const optionsOf = (command) => [...new Set([...helped(...command.split(' '))
	.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option))];

describe('completion of commands', () => {
	test('offers every first word, and help', () => {
		assert.ok(commands.length > 10);
		const firsts = commands.map((command) => command.split(' ')[0]);
		assert.deepEqual(offered(''),
			[...new Set([...firsts, 'help'])].sort());
	});

	test('offers what a beginning may become', () => {
		assert.deepEqual(offered('mer'), ['merchant']);
		assert.deepEqual(offered('key '), commands
			.filter((command) => command.startsWith('key '))
			.map((command) => command.slice(4)).sort());
		assert.deepEqual(offered('merchant s'), ['suspend']);
		assert.deepEqual(offered('nothing'), []);
	});

	test('looks past options and their values', () => {
		assert.deepEqual(offered('--store key merchant su'), ['suspend']);
		assert.deepEqual(offered('--store=x --json merchant su'),
			['suspend']);
	});

	test('offers the same words behind help', () =>
		assert.deepEqual(offered('help key ro'), ['roll']));

	test('offers nothing behind a command that takes no more', () =>
		assert.deepEqual(offered('verify '), []));
});

describe('completion of options', () => {
	for (const command of commands)
		test(`offers those of ${command}, and the common ones`, () =>
			assert.deepEqual(offered(`${command} --`),
				[...optionsOf(command), '--config', '--store',
					'--json', '--help', '--version'].sort()));

	test('offers none twice', () => {
		assert.deepEqual(offered('key create --mode test --mo'), []);
		assert.deepEqual(offered('key create --mode=test --mo'), []);
		assert.deepEqual(offered('key create --mo'), ['--mode']);
	});
});

describe('completion of values', () => {
	test('offers the words that an option takes', () => {
		assert.deepEqual(offered('key create --mode '), ['live', 'test']);
		assert.deepEqual(offered('key create --type re'), ['restricted']);
		assert.deepEqual(offered('merchant create --status '),
			['active', 'onboarding']);
	});

	test('offers them behind = as bash cuts the word', () =>
		assert.deepEqual(offered('key create --mode=t'), ['test']));

	test('offers a list\'s next word, as bash cuts it at a colon', () => {
		assert.deepEqual(offered('key create --permissions charges'),
			['charges:read']);
		assert.deepEqual(offered('key create --permissions charges:'),
			['read']);
		assert.deepEqual(
			offered('key create --permissions charges:read,refunds:w'),
			['write']);
	});

	test('offers nothing where anything may stand', () =>
		assert.deepEqual(offered('account create --name '), []));
});

test('completion offers files where a file is wanted', (t) => {
	const cwd = mkdtempSync(join(tmpdir(), 'completion-'));
	t.after(() => rmSync(cwd, { recursive: true }));
	writeFileSync(join(cwd, 'lines one.json'), '');
	mkdirSync(join(cwd, 'lines'));
	for (const line of ['import l', '--config l', '--store=l', 'import --from 2 l'])
		assert.deepEqual(offered(line, { cwd }),
			['lines', 'lines one.json'], line);
	assert.deepEqual(offered('import lines l', { cwd }), []);
	assert.deepEqual(offered('verify l', { cwd }), []);
});
