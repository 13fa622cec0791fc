// The metrics with every series at once, as others read them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import parse from 'parse-prometheus-text-format';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = 'build/gcc/tests/unit/metrics_test';

// The parser makes one of all histograms of a family, whatever their labels:
// without their types it tells every sample as it stands.
const samplesOf = (text) => parse(text.replaceAll(/^# TYPE .* histogram\n/gm, ''))
	.flatMap(({ name, metrics }) =>
		metrics.map(({ labels = {}, value }) => ({ name, labels, value })));

const histogramsOf = (families) => families
	.filter(({ type }) => type === 'HISTOGRAM').map(({ name }) => name);

// Of one histogram: [upper bound, count so far], in order.
function bucketsOf(samples, name, route) {
	return samples.filter((sample) => sample.name === `${name}_bucket` &&
			JSON.stringify({ ...sample.labels, le: '' }) === route)
		.map(({ labels, value }) => [
			labels.le === '+Inf' ? Infinity : Number(labels.le), BigInt(value)]);
}

describe('the metrics of every series that there can be', () => {
	let text;
	let families;
	let samples;

	before(() => {
		execFileSync('make', ['-s', '-C', root, program]);
		text = execFileSync(join(root, program), ['--print'],
			{ encoding: 'utf8' });
		families = parse(text);
		samples = samplesOf(text);
	});

	test('every line is a sample, or says what a family is', () => {
		const lines = text.trimEnd().split('\n')
			.filter((line) => !/^# (HELP|TYPE) /.test(line));
		assert.equal(samples.length, lines.length);
		assert.ok(families.length > 8);
		for (const { name, type, help } of families) {
			assert.match(name, /^intentd_[a-z_]+$/);
			assert.match(type, /^(COUNTER|HISTOGRAM)$/, name);
			assert.equal(name.endsWith('_total'), type === 'COUNTER', name);
			assert.match(help, /^[A-Z].*\.$/, name);
		}
	});

	test('every sample belongs to a family', () => {
		const histograms = histogramsOf(families).flatMap((name) =>
			['bucket', 'sum', 'count'].map((part) => `${name}_${part}`));
		const counters = families.filter(({ type }) => type === 'COUNTER')
			.map(({ name }) => name);
		assert.deepEqual(new Set(samples.map(({ name }) => name)),
			new Set([...histograms, ...counters]));
	});

	test('no series is there twice', () => {
		const series = samples.map(({ name, labels }) =>
			name + JSON.stringify(Object.entries(labels).sort()));
		assert.equal(new Set(series).size, series.length);
	});

	test('a route has its pattern, its method and its contract', () => {
		const route = '/v1/payment_intents/{id}/capture';
		assert.deepEqual(samples.filter(({ name, labels }) =>
			name === 'intentd_requests_total' && labels.route === route &&
			labels.status === '402').map(({ labels }) => labels), [{
			contract: 'card', route, method: 'POST', status: '402',
			code: 'card_declined',
		}]);
	});

	test('buckets grow with their bounds, and the last one is the count', () => {
		for (const name of histogramsOf(families))
			for (const { labels, value } of samples
				.filter((sample) => sample.name === `${name}_count`)) {
				const buckets = bucketsOf(samples, name,
					JSON.stringify({ ...labels, le: '' }));
				assert.equal(buckets.length, 19, name);
				buckets.slice(1).forEach(([bound, count], i) => {
					assert.ok(bound > buckets[i][0], name);
					assert.ok(count > buckets[i][1], name);
				});
				assert.deepEqual(buckets.at(-1), [Infinity, BigInt(value)]);
			}
	});
});
