// The power fails: what was answered with 2xx, and what a reader was shown, is
// there after each cut that the disk allows, and the store is one of those that
// its transactions have made, the audit log with it.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { isLong } from '../http/amount.mjs';
import { compileTools, makeFolder } from './power_log.mjs';
import { findDisorder, judge, lengths, recordLoad, seed, settings,
	tellFigures } from './power_verdict.mjs';

let folder;
let tools;

before(() => {
	folder = makeFolder();
	tools = compileTools(folder);
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function loadAndCut(t, more) {
	for (let round = 0; round < lengths.rounds; round++) {
		const recorded = await recordLoad(t, tools, { posts: lengths.posts,
			settings: { ...settings, ...more } });
		assert.deepEqual(findDisorder(recorded), []);
		const { figures, failures } = await judge(t, tools, recorded,
			{ ...lengths, seed: seed + round, folder });
		if (figures)
			tellFigures(t, figures);
		assert.deepEqual(failures.map(({ message }) => message), []);
		assert.ok(figures.states > lengths.states / 2);
		if (isLong)
			assert.ok(figures.lengths > 0, 'the store has not grown');
		assert.ok(figures.heard > 0, 'nobody was told of an event');
	}
}

describe('after a power cut there is all that was answered', () => {
	test('with a committer', (t) => loadAndCut(t, {}));

	test('where each worker commits', (t) => loadAndCut(t, { committers: 0 }));
});
