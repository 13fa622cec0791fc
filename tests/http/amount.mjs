// How much a test does: a little in `make test`, and in the long form of its
// folder (`make crash`, `make fuzz`, `make races`, `make soak`) what the figure
// beside it says.  A variable of the environment goes before both.
export const isLong = process.env.INTENTD_LONG === '1';

// amount('CRASH_HITS', { short: 400, long: 4000 })
export function amount(variable, { short, long }) {
	const given = process.env[variable];
	if (given !== undefined)
		return Number(given);
	return isLong ? long : short;
}

// seedOf('POWER_SEED'): of a random test, which prints it; that variable of the
// environment repeats a run.
export function seedOf(variable) {
	return Number(process.env[variable] ??
		1 + Math.floor(Math.random() * 2 ** 30));
}
