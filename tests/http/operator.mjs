// intentctl as the operator calls it, for tests: words in; status, standard
// output and standard error out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const program = fileURLToPath(
	new URL('../../build/gcc/intentctl', import.meta.url));

export const id = (prefix) => new RegExp(`^${prefix}_[0-9a-z]{26}$`);
export const time = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
export const apiKey = /[spr]k_(test|live)_[0-9A-Za-z]{32}/;

export function makeFolder(t) {
	const folder = mkdtempSync(join(tmpdir(), 'intentctl-'));
	t.after(() => rmSync(folder, { recursive: true }));
	return folder;
}

export function call(words, options = {}) {
	const { status, stdout, stderr, error } = spawnSync(program, words,
		{ encoding: 'utf8', ...options });
	assert.equal(error, undefined);
	return { status, stdout, stderr };
}

// An operator who always says the same of the store.
export function operatorOf(...options) {
	const operator = {
		output: '', // all that was printed
		call(...words) {
			const result = call([...options, ...words]);
			operator.output += result.stdout + result.stderr;
			return result;
		},
		// Text of a command that must be done.
		text(...words) {
			const { status, stdout, stderr } = operator.call(...words);
			assert.equal(stderr, '');
			assert.equal(status, 0);
			return stdout;
		},
		// The one JSON document of it.
		json: (...words) =>
			JSON.parse(operator.text(...words, '--json')),
	};
	return operator;
}

// With a folder for a store of 4 MiB, small enough to be read byte by byte.
export function makeOperator(t) {
	const folder = makeFolder(t);
	const store = join(folder, 'intents.mdb');
	const config = join(folder, 'intentd.conf');

	writeFileSync(config, `store = ${store}\nstore_bytes = 4194304\n` +
		'store_bytes_max = 4194304\n');
	return Object.assign(operatorOf('--config', config),
		{ folder, store, config });
}

// With a store, an account and its merchant.
export function makeShop(t) {
	const operator = makeOperator(t);
	operator.text('init');
	operator.account = operator.json('account', 'create', '--name', 'Shop').id;
	operator.merchant =
		operator.json('merchant', 'create', '--name', 'Shop').id;
	return operator;
}

export const makeKey = (operator, ...words) => operator.json('key', 'create',
	'--mode', 'test', '--type', 'secret', ...words);

// `label  value` lines as an object.
export function readLines(text) {
	return Object.fromEntries(text.split('\n').map((line) =>
		line.match(/^(\S+(?: \S+)*) {2,}(.+)$/)?.slice(1) ?? ['', line]));
}

// Nothing on standard output, and one line that says why.
export function assertRefused(result, reason) {
	assert.equal(result.status, 1, result.stderr);
	assert.equal(result.stdout, '');
	assert.match(result.stderr, /^intentctl: [^\n]+\n$/);
	assert.match(result.stderr, reason);
}

// The same, and behind it the usage line.
export function assertMisused(result, reason, usage) {
	assert.equal(result.status, 2, result.stderr);
	assert.equal(result.stdout, '');
	assert.match(result.stderr,
		/^intentctl: [^\n]+\nusage: intentctl [^\n]+\n( {12}[^\n]+\n)*$/);
	assert.match(result.stderr.split('\n')[0], reason);
	if (usage)
		assert.ok(result.stderr.split('\n')[1].startsWith(
			`usage: intentctl ${usage}`), result.stderr);
}
