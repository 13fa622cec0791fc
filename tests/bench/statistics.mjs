// Median and spread: what is said of figures that are never the same twice.

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle]
		: (sorted[middle - 1] + sorted[middle]) / 2;
}

// {median, min, max} of numbers; null where there are none.
export function summarize(values) {
	const numbers = values.filter(Number.isFinite);
	if (numbers.length === 0)
		return null;
	return {
		median: median(numbers),
		min: Math.min(...numbers),
		max: Math.max(...numbers),
	};
}

export function percentile(values, share) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1,
		Math.floor(share * sorted.length))];
}
