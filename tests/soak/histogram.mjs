// Latencies in classes whose bounds grow by 3.5%, which two processes can add
// up: 20 classes to each doubling of microseconds.
const classesEach = 20;
const classes = 600; // up to 2^30 us

export const emptyHistogram = () => new Array(classes).fill(0);

export function count(histogram, ms) {
	const at = Math.floor(Math.log2(1 + ms * 1000) * classesEach);
	histogram[Math.max(0, Math.min(classes - 1, at))]++;
}

export function add(sum, other) {
	other.forEach((number, at) => { sum[at] += number; });
	return sum;
}

// Of several windows: [{latencies}].
export const sumOf = (windows) => windows.reduce((sum, { latencies }) =>
	add(sum, latencies), emptyHistogram());

export const total = (histogram) =>
	histogram.reduce((sum, number) => sum + number, 0);

// In milliseconds; the upper bound of its class.  NaN: of nothing.
export function percentileOf(histogram, share) {
	let left = share * total(histogram);
	const at = histogram.findIndex((number) =>
		(left -= number) <= 0 && number > 0);
	return at < 0 ? NaN : (2 ** ((at + 1) / classesEach) - 1) / 1000;
}
