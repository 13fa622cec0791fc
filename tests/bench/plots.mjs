// A picture of a series: median and spread of what its `plot` says (requests
// a second unless said), drawn by gnuplot.
import { execFileSync } from 'node:child_process';

import { summarize } from './statistics.mjs';

const requestRate = { label: 'requests/s', value: (sample) => sample.rate };

const quoted = (text) => `"${text.replace(/["\\]/g, '')}"`;

const tics = (labels) => labels.map((label, index) =>
	`${quoted(String(label))} ${index}`).join(', ');

function head(series, path, plot) {
	return [
		'set terminal svg size 720,420 dynamic font "sans-serif,13"' +
			' background "white"',
		`set output ${quoted(path)}`,
		`set title ${quoted(series.title)} noenhanced`,
		`set ylabel ${quoted(plot.label)}`,
		'set yrange [0:*]',
		'set grid ytics lc "#dddddd"',
		'set border 3',
		'set tics nomirror',
	];
}

function rows(points, plot, place) {
	return points.map((point, index) => {
		const { median, min, max } = summarize(point.samples.map(plot.value));
		return `${place(point, index)} ${median} ${min} ${max}`;
	}).join('\n');
}

const block = (name, text) => `${name} << EOD\n${text}\nEOD`;

// One line a thing, over the axis.
function lines(series, plot) {
	const { values } = series.axis;
	const blocks = series.things.map((name, index) =>
		block(`$d${index}`, rows(series.points.filter((point) =>
			point.thing === name), plot, (point) => values.indexOf(point.x))));
	const curves = series.things.flatMap((name, index) => [
		`$d${index} using 1:2:3:4 with yerrorbars lc ${index + 1} ` +
			'pt 7 notitle',
		`$d${index} using 1:2 with lines lw 2 lc ${index + 1} ` +
			`title ${quoted(name)} noenhanced`,
	]);
	return [...blocks, `set xlabel ${quoted(series.axis.name)}`,
		`set xrange [-0.3:${values.length - 0.7}]`,
		`set xtics (${tics(values)})`,
		'set key outside bottom center horizontal',
		`plot ${curves.join(', \\\n')}`];
}

// One bar a thing, where the axis has one value.
function bars(series, plot) {
	return [block('$d', rows(series.points, plot, (_, index) => index)),
		`set xtics (${tics(series.points.map(({ thing }) => thing))}) ` +
			'noenhanced',
		`set xlabel ${quoted(`${series.axis.values[0]} ` +
			series.axis.name)}`,
		`set xrange [-0.6:${series.points.length - 0.4}]`,
		'set style fill solid 0.5',
		'plot $d using 1:2:3:4:(0.5) with boxerrorbars lc 1 notitle'];
}

export function drawPlot(series, path, plot = requestRate) {
	const draw = series.axis.values.length > 1 ? lines : bars;
	execFileSync('gnuplot', [], {
		input: [...head(series, path, plot), ...draw(series, plot), '']
			.join('\n'),
		stdio: ['pipe', 'ignore', 'inherit'],
	});
}
