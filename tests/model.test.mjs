// The model of group commit holds, and every way to break it is found.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('model', import.meta.url));

const variants = readFileSync(`${folder}/variants`, 'utf8').split('\n')
	.filter((line) => line && !line.startsWith('#'))
	.map((line) => line.split(/\s+/))
	.map(([name, expected]) => ({ name, expected }));

const { status, stdout, stderr } = spawnSync(`${folder}/check`,
	{ encoding: 'utf8' });

const searches = new Map([...stdout.matchAll(
	/^model: (\S+) +\w+: ([a-z ]+); (\d+) states, depth (\d+),/gm)]
	.map(([, name, found, states]) => [name,
		{ found, states: Number(states) }]));

test('every search ends as it must', () => {
	assert.equal(status, 0, stdout + stderr);
});

for (const name of ['workers', 'kills', 'timeouts', 'failures',
	'cycles']) {
	test(`the protocol has no error: ${name}`, () => {
		assert.equal(searches.get(name)?.found, 'nothing', stdout + stderr);
		assert.ok(searches.get(name).states > 1000);
	});
}

for (const { name, expected } of variants) {
	if (expected === 'nothing')
		continue;
	test(`${name} is found`, () => {
		assert.equal(searches.get(name)?.found, expected,
			stdout + stderr);
		assert.ok(searches.get(name).states > 0);
	});
}
