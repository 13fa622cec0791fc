// Whether answers can be explained: one after the other, or, of calls that ran
// at the same time, by some order of them in which no call comes before one
// that had ended when it began (linearizability).
import { difference } from './names.mjs';

// What was answered, as far as a model speaks of it.
export function observe({ status, headers, body }) {
	const replayed = headers['idempotent-replayed'] === 'true';
	if (status < 400)
		return { status, replayed, body };
	const { type, code, param, decline_code: decline = null } = body.error;
	return { status, replayed, error: { type, code, param }, decline };
}

const refusedAs = ({ error, decline }) => ({ error, decline: decline ?? null });

function differs(shop, expected, observed) {
	const { status, replayed = false } = expected;
	const head = difference(shop.names, { status, replayed },
		{ status: observed.status, replayed: observed.replayed });
	if (head !== null)
		return `${head} ${JSON.stringify(observed.error ?? '')}`;
	return expected.error
		? difference(shop.names, refusedAs(expected), refusedAs(observed))
		: difference(shop.names, expected.body, observed.body, 'body');
}

// Lists are in the order of the ids, which are those of a call's arrival: what
// came at one time may have its turn in another order.  `late`: how many calls
// that made something before this one came after it.  Says whether this one did.
function rank(shop, late) {
	const { ranks = {}, turn = 0 } = shop;
	const made = Object.values(shop).filter(Array.isArray).flat()
		.filter(({ id }) => !(id in ranks));
	if (made.length === 0)
		return false;
	const place = late === 0 ? turn : turn - late - 0.5 + turn / 1e6;
	Object.assign(shop, { turn: turn + 1, ranks: { ...ranks,
		...Object.fromEntries(made.map(({ id }) => [id, place])) } });
	return true;
}

// One call more: {shops} as they are then, or {why} that cannot have been.
export function step(model, shops, { call, observed }, late = 0) {
	const shop = structuredClone(shops[call.shop]);
	const expected = model.apply(shop, call, shops);
	const made = rank(shop, late);
	const why = differs(shop, expected, observed);
	return why === null ? { made, shops: { ...shops, [call.shop]: shop } }
		: { why };
}

export function show({ call, observed }) {
	const { status, replayed, error, body } = observed;
	return `${JSON.stringify(call)}\n    -> ${status}${
		replayed ? ' replayed' : ''} ${JSON.stringify(error ?? body)}`;
}

function fail(title, done, blocked) {
	const rows = [title, 'in this order:', ...done.map(show), 'cannot be next:',
		...blocked.map(({ one, why }) => `${show(one)}\n    ${why}`)];
	throw new Error(rows.join('\n'));
}

// The shops after these calls, which came one after the other.
export function follow(model, shops, ones) {
	for (const [i, one] of ones.entries()) {
		const next = step(model, shops, one);
		if (next.why)
			fail('no such answer', ones.slice(0, i),
				[{ one, why: next.why }]);
		shops = next.shops;
	}
	return shops;
}

// Those that may come next: nothing that is left had ended when they began.
function candidates(ones, done) {
	const left = ones.filter((_, i) => !done.has(i));
	const firstEnd = Math.min(...left.map(({ end }) => end));
	return ones.map((one, i) => ({ one, i }))
		.filter(({ one, i }) => !done.has(i) && one.begin <= firstEnd)
		.sort((a, b) => a.one.end - b.one.end);
}

// Where a call may stand in the lists: how many of those that made something
// before it may come after it.
function lateness(makers, { begin }, latest) {
	const after = latest > 0 ? makers.slice(-latest) : [];
	while (after.length > 0 && after[0].end < begin)
		after.shift();
	return after.length;
}

// Every way on from here: {next, one, i}, or {one, why} where there is none.
function* waysOn(model, { state, done, makers }, ones, latest) {
	for (const { one, i } of candidates(ones, done)) {
		const most = lateness(makers, one, latest);
		for (let late = 0; late <= most; late++) {
			const next = step(model, state, one, late);
			yield { next, one, i, why: next.why };
			if (next.why || !next.made)
				break;
		}
	}
}

// {found, tried, longest}; `found` is undefined where it had to end too early.
function search(model, shops, ones, { latest, most }) {
	const seen = new Set();
	let longest = { order: [], blocked: [] };
	let tried = 0;

	function goOn(at) {
		const { state, done, order, makers } = at;
		if (order.length === ones.length)
			return true;
		const place = `${[...done].sort((a, b) => a - b)} ${
			JSON.stringify(state)}`;
		if (seen.has(place))
			return false;
		seen.add(place);
		const blocked = [];
		for (const { next, one, i, why } of waysOn(model, at, ones, latest)) {
			if (++tried > most)
				return undefined;
			if (why) {
				blocked.push({ one, why });
				continue;
			}
			const found = goOn({ state: next.shops,
				done: new Set(done).add(i), order: [...order, one],
				makers: next.made ? [...makers, one] : makers });
			if (found !== false)
				return found;
		}
		if (order.length >= longest.order.length)
			longest = { order, blocked };
		return false;
	}

	const found = goOn({ state: shops, done: new Set(), order: [],
		makers: [] });
	return { found, tried, longest };
}

// Finds an order that explains all of them and returns {tried, isDecided}: how
// many steps were tried, and whether they were enough to say.  Throws where
// there is none, with the longest beginning of one.
export function explain(model, shops, ones, most = 2000) {
	let sum = 0;
	let isDecided = true;
	let first;

	for (const latest of [0, 3]) {
		const { found, tried, longest } = search(model, shops, ones,
			{ latest, most });
		sum += tried;
		if (found)
			return { tried: sum, isDecided: true };
		isDecided &&= found === false;
		first ??= longest;
	}
	if (isDecided)
		fail('no order explains the answers; the longest that does',
			first.order, first.blocked);
	return { tried: sum, isDecided };
}
