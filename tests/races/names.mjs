// What a model cannot know before the server says it (ids, secrets, times)
// stands in its objects as a name, `?pi3?`; the first answer that shows the
// value binds it, and from then on it must be that one everywhere.
const patterns = {
	pi: /^pi_[0-9a-z]{26}$/,
	ch: /^ch_[0-9a-z]{26}$/,
	ref: /^ref_[0-9a-z]{26}$/,
	cus: /^cus_[0-9a-z]{26}$/,
	evt: /^evt_[0-9a-z]{26}$/,
	txn: /^txn_[0-9a-z]{26}$/,
	hash: /^0x[0-9a-f]{64}$/,
	address: /^0x[0-9a-fA-F]{40}$/,
	sender: /^0x[0-9a-fA-F]{40}$/,
	secret: /^pi_[0-9a-z]{26}_secret_[0-9A-Za-z]{16,}$/,
	seconds: /^[0-9]{10}$/,
	time: /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
	number: /^[0-9]+$/,
	words: /./,
	we: /^we_[0-9a-z]{26}$/,
	whsec: /^whsec_[0-9A-Za-z]{32}$/,
};
// Of these no two names have the same value, and no two values one name.
const distinct = new Set(['pi', 'ch', 'ref', 'cus', 'evt', 'txn', 'secret',
	'address', 'hash', 'we', 'whsec']);
const whole = /^\?([a-z]+)\d+\?$/;
const within = /\?[a-z]+\d+\?/g;

export function createNames() {
	return { next: 1, bound: {}, owners: {} };
}

export function freshName(names, kind) {
	if (!(kind in patterns))
		throw new Error(`no kind of name: ${kind}`);
	return `?${kind}${names.next++}?`;
}

export const valueOf = (names, name) => names.bound[name] ?? null;
export const nameOf = (names, value) => names.owners[value];

function bind(names, name, kind, value) {
	if (!['string', 'number'].includes(typeof value) ||
		!patterns[kind].test(value))
		return false;
	if (distinct.has(kind)) {
		if (value in names.owners)
			return false;
		names.owners[value] = name;
	}
	names.bound[name] = value;
	return true;
}

// Names inside a longer text are bound elsewhere, and by then.
function textMatches(names, expected, actual) {
	const [, kind] = expected.match(whole) ?? [];
	if (kind === undefined)
		return expected.replace(within, (name) =>
			names.bound[name] ?? name) === actual;
	if (expected in names.bound)
		return names.bound[expected] === actual;
	return bind(names, expected, kind, actual);
}

// Where `actual` is not what the model expects: the path to the first member
// that differs, or null.  Binds the names that it meets.
export function difference(names, expected, actual, path = '') {
	const differs = () => `${path || '.'}: expected ${
		JSON.stringify(expected)}, found ${JSON.stringify(actual)}`;
	if (typeof expected === 'string')
		return textMatches(names, expected, actual) ? null : differs();
	if (expected === null || typeof expected !== 'object')
		return expected === actual ? null : differs();
	if (actual === null || typeof actual !== 'object' ||
		Array.isArray(actual) !== Array.isArray(expected))
		return differs();
	const members = Object.keys(expected);
	if (Object.keys(actual).length !== members.length ||
		!members.every((name) => name in actual))
		return differs();
	for (const name of members) {
		const found = difference(names, expected[name], actual[name],
			`${path}.${name}`);
		if (found !== null)
			return found;
	}
	return null;
}
