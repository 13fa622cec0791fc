// What the random commands of both contracts are made of.
import fc from 'fast-check';

export const of = (...values) => fc.constantFrom(...values);
export const maybe = (arbitrary) => fc.option(arbitrary, { nil: undefined });
export const weighted = (weight, arbitrary) => ({ weight, arbitrary });

// Members that are undefined are left out.
export function members(model) {
	return fc.record(model).map((json) => Object.fromEntries(
		Object.entries(json).filter(([, value]) => value !== undefined)));
}

// Whose key it is: mostly that of the run's own account in test mode.
export const who = fc.oneof(weighted(20, of('test')), weighted(1, of('live')),
	weighted(1, of('other')));

// On a connection of its own; with a key that is bound to the merchant.
export const how = { fresh: fc.boolean(), bound: fc.boolean() };

// An object that the client has seen: the newest is 0; where there is none, one
// that nobody has.
export function pick(known, prefix, ref) {
	const all = known[prefix];
	return all.length === 0 ? `${prefix}_${'0'.repeat(26)}`
		: all[all.length - 1 - ref % all.length];
}
