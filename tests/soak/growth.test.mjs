// The tests' own measure: what grows is found, what is only noise is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chanceOfRise, growthOf, isSlower, isWorse, steadyGrowthOf } from
	'./growth.mjs';
import { count, emptyHistogram, percentileOf } from './histogram.mjs';

// The same figures every time, spread over [0, 1).
const noise = (at) => (at * 0.618033988749895) % 1;
const range = (length) => Array.from({ length }, (_, at) => at);

test('a leak of a page each second is found in noise of 400 pages', () => {
	const points = range(300).map((at) => [at, at + 400 * noise(at)]);
	const grown = growthOf(points);
	assert.ok(grown > 200 && grown < 400, `${grown}`);
});

test('noise alone, a step back and a few odd figures are no growth', () => {
	const flat = range(300).map((at) => [at, 400 * noise(at)]);
	assert.ok(Math.abs(growthOf(flat)) < 40, `${growthOf(flat)}`);
	const odd = flat.map(([at, value]) => [at, at % 10 ? 5 : value * 1000]);
	assert.equal(growthOf(odd), 0);
	assert.equal(growthOf([[1, 5]]), 0);
});

test('what grows all the time is found, a mark set higher is none', () => {
	const leak = range(400).map((at) => [at, at + 8 * noise(at)]);
	assert.ok(steadyGrowthOf(leak) > 300, `${steadyGrowthOf(leak)}`);
	// Of an hour: the largest batch, at moments when the machine stood still.
	const marks = range(400).map((at) =>
		[at, at < 250 ? 0 : at < 310 ? 80 : at < 330 ? 300 : 340]);
	assert.ok(growthOf(marks) > 100, `${growthOf(marks)}`);
	assert.equal(steadyGrowthOf(marks), 0);
	assert.equal(steadyGrowthOf([[1, 5]]), 0);
});

test('figures of which all are above the earlier ones have risen', () => {
	const early = range(40).map((at) => 10 + noise(at));
	assert.ok(chanceOfRise(early, early.map((one) => one + 2)) < 1e-10);
	assert.equal(chanceOfRise(early, early).toFixed(3), '0.500');
	assert.ok(chanceOfRise(early, early.map((one) => one - 2)) > 0.999);
	assert.equal(chanceOfRise([], early), 1);
});

test('worse is what is no chance, and beyond the spread of the figures', () => {
	const early = range(40).map((at) => 10 + noise(at));
	assert.ok(isWorse(early, early.map((one) => one + 2)));
	assert.ok(!isWorse(early, early.map((one) => one + 0.2)));
	assert.ok(!isWorse(early, range(40).map((at) => 10 + noise(at + 7))));
	assert.ok(!isWorse(early, early.map((one) => one - 2)));
});

test('figures that go on rising are worse, as steep as they are', () => {
	const early = range(40).map((at) => 30 + 20 * noise(at));
	assert.ok(isWorse(early, range(40).map((at) => 60 + at ** 3)));
	// A neighbour that comes and goes, be it for most of the time.
	assert.ok(!isWorse(early, early.map((one, at) =>
		at % 3 === 0 ? one : one * 50)));
});

test('what neighbouring minutes differ by is no rise', () => {
	// A neighbour on the machine: two minutes fast, two minutes slow.
	const uneven = (fast) => range(80).map((at) =>
		noise(at) + (Math.floor(at / 10) % 2 === fast ? 20 : 40));
	assert.ok(!isWorse(uneven(0).slice(0, 30), uneven(1).slice(0, 30)));
	assert.ok(isWorse(uneven(0), uneven(0).map((one) => one + 90)));
});

// Two hours that were taken for good ones: medians of the p99, in ms.
for (const [before, after] of [[141, 301], [46, 126]])
	test(`in quiet windows ${before} ms and then ${after} ms is slower`, () => {
		const around = (ms) => range(80).map((at) =>
			ms * (0.7 + 0.6 * noise(at)));
		assert.ok(isSlower(around(before), around(after)));
		assert.ok(!isSlower(around(before), around(before * 1.3)));
		assert.ok(!isSlower(around(after), around(before)));
		// Single windows, however slow.
		assert.ok(!isSlower(around(before), around(before).map((ms, at) =>
			at % 3 === 0 ? after * ms : ms)));
	});

test('a percentile is that of the figures, to 3.5%', () => {
	const histogram = emptyHistogram();
	for (const at of range(1000))
		count(histogram, at + 1);
	for (const [share, wanted] of [[0.5, 500], [0.99, 990], [1, 1000]]) {
		const found = percentileOf(histogram, share);
		assert.ok(found >= wanted && found < wanted * 1.036,
			`${share}: ${found}`);
	}
	assert.ok(Number.isNaN(percentileOf(emptyHistogram(), 0.99)));
});
