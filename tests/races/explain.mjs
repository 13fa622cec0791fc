// Whether answers can be explained: one after the other, or, of calls that ran
// at the same time, by some order of them in which no call comes before one
// that had ended when it began (linearizability).
import { setImmediate } from 'node:timers/promises';

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

// One call more: {shops} as they are then, or {why} that cannot have been.
export function step(model, shops, { call, observed }) {
	const shop = structuredClone(shops[call.shop]);
	const why = differs(shop, model.apply(shop, call, shops), observed);
	return why === null ? { shops: { ...shops, [call.shop]: shop } }
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

// So many steps at a time: who waits for an answer meanwhile is not kept from
// it, and a connection not without its request until the web server closes it.
const STEPS_AT_ONCE = 50;

// {found, tried, longest}; `found` is undefined where it had to end too early.
async function search(model, shops, ones, most) {
	const seen = new Set();
	let longest = { order: [], blocked: [] };
	let tried = 0;

	async function goOn(state, done, order) {
		if (order.length === ones.length)
			return true;
		const place = `${[...done].sort((a, b) => a - b)} ${
			JSON.stringify(state)}`;
		if (seen.has(place))
			return false;
		seen.add(place);
		const blocked = [];
		for (const { one, i } of candidates(ones, done)) {
			if (++tried > most)
				return undefined;
			if (tried % STEPS_AT_ONCE === 0)
				await setImmediate();
			const next = step(model, state, one);
			if (next.why) {
				blocked.push({ one, why: next.why });
				continue;
			}
			const found = await goOn(next.shops, new Set(done).add(i),
				[...order, one]);
			if (found !== false)
				return found;
		}
		if (order.length >= longest.order.length)
			longest = { order, blocked };
		return false;
	}

	const found = await goOn(shops, new Set(), []);
	return { found, tried, longest };
}

// Finds an order that explains all of them and returns {tried, isDecided}: how
// many steps were tried, and whether they were enough to say.  Rejects where
// there is none, with the longest beginning of one.
export async function explain(model, shops, ones, most = 4000) {
	const { found, tried, longest } =
		await search(model, shops, ones, most);

	if (found === false)
		fail('no order explains the answers; the longest that does',
			longest.order, longest.blocked);
	return { tried, isDecided: found === true };
}
