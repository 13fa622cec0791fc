// Whether a series of figures grows, said so that one odd figure says nothing.
import { median, percentile } from '../bench/statistics.mjs';

// The median of the slopes between all pairs of points [x, y] (Theil and Sen):
// a third of the points may be anything.  0: of less than two.
export function slopeOf(points) {
	const slopes = [];
	points.forEach(([x, y], at) => points.slice(at + 1).forEach(([u, v]) => {
		if (u !== x)
			slopes.push((v - y) / (u - x));
	}));
	return slopes.length === 0 ? 0 : median(slopes);
}

// By how much a series has grown from its first point to its last.
export function growthOf(points) {
	return points.length < 2 ? 0
		: slopeOf(points) * (points.at(-1)[0] - points[0][0]);
}

// By how much a series has grown that does so all the time: in three quarters
// of its parts at least as fast.  A highest mark, as of the largest batch or of
// connections, is set higher now and then and stands in between.
export function steadyGrowthOf(points, parts = 8) {
	const each = Math.ceil(points.length / parts);
	const grown = [];
	for (let at = 0; at + 1 < points.length; at += each)
		grown.push(growthOf(points.slice(at, at + each + 1)));
	return grown.length === 0 ? 0
		: percentile(grown, 0.25) * grown.length;
}

// Every so manieth, so that the pairs are not too many.
export function thinned(points, most = 300) {
	const every = Math.ceil(points.length / most);
	return points.filter((_, at) => at % every === 0);
}

// The error function by Abramowitz and Stegun, 7.1.26: to 1.5e-7.
function normalAbove(z) {
	const t = 1 / (1 + 0.3275911 * Math.abs(z) / Math.SQRT2);
	const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 +
		t * (-1.453152027 + t * 1.061405429))));
	const tail = series * Math.exp(-z * z / 2) / 2;
	return z >= 0 ? tail : 1 - tail;
}

// How probable it is that `late` is as much above `early` as it is, or more,
// by chance alone (Mann and Whitney, one-sided, the normal approximation).
export function chanceOfRise(early, late) {
	const pairs = early.length * late.length;
	if (pairs === 0)
		return 1;
	let above = 0;
	for (const one of early)
		for (const other of late)
			above += other > one ? 1 : other === one ? 0.5 : 0;
	const deviation = Math.sqrt(
		pairs * (early.length + late.length + 1) / 12);
	return normalAbove((above - pairs / 2) / deviation);
}

// The medians of so many figures after each other: what lasts for less than
// that says nothing, and neighbours differ by what the machine does beside.
export function blocksOf(values, each = 10) {
	const blocks = [];
	for (let at = 0; at + each <= values.length; at += each)
		blocks.push(median(values.slice(at, at + each)));
	return blocks.length > 0 || values.length === 0 ? blocks
		: [median(values)];
}

const steps = (values) => values.slice(1).map((value, at) =>
	Math.abs(value - values[at]));

// Figures are above the earlier ones where that is no chance, and where three
// quarters of them are above three quarters of the earlier ones.
function isAbove(early, late, chance = 0.001) {
	return chanceOfRise(early, late) < chance &&
		percentile(late, 0.25) > percentile(early, 0.75);
}

// Worse is what is above by more than twice what neighbouring blocks of the
// earlier ones differ by.  How much the later ones differ among themselves says
// nothing: they may still rise.
export function isWorse(early, late) {
	const neighbours = steps(blocksOf(early));
	return isAbove(early, late) && median(late) - median(early) >
		2 * (neighbours.length > 0 ? median(neighbours) : 0);
}

// Or, of figures that nothing else has disturbed, what is above by half.
const quietMost = 1.5;
export const isSlower = (early, late) => isAbove(early, late) &&
	median(late) > quietMost * median(early);
