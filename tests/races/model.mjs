// What both models share: refusals, idempotency and pages.
import { nameOf } from './names.mjs';

export const refusal = (status, type, code, param) =>
	({ status, error: { type, code, param } });

// What makes two requests with one key the same: method, path, parameters; and
// that both came with keys that see the same objects, by design of the product:
// one that is bound to a merchant and one that is not never do.
export function fingerprintOf({ action, id, json, bound }) {
	const inOrder = (value) => value && typeof value === 'object'
		? Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
			.map(([name, one]) => [name, inOrder(one)])
		: value;
	return JSON.stringify([action, bound === true, id ?? null, inOrder(json ?? {})]);
}

const day = 24 * 60 * 60;

// A call says how far the server's clock is ahead (s): what is due or forgotten
// by then.  It goes in steps that are far longer than any run.
export function setClock(shop, { ahead = 0 }) {
	shop.ahead = ahead;
	for (const [key, { at }] of Object.entries(shop.keys))
		if (ahead - at >= day)
			delete shop.keys[key];
}

// README, section 3: one key and what was asked with it have one outcome.
export function keepOutcome(shop, call, { reused, isKept, act, replay }) {
	if (call.key === undefined)
		return act();
	const kept = shop.keys[call.key];
	const fingerprint = fingerprintOf(call);
	if (kept)
		return kept.fingerprint === fingerprint
			? { ...replay(kept.answer), replayed: true } : reused;
	const answer = act();
	if (isKept(answer))
		shop.keys[call.key] = { fingerprint, at: shop.ahead,
			answer: structuredClone(answer) };
	return answer;
}

// README, section 7: newest first; `rows` are oldest first, and those that the
// filter hides are places in time still.
export function pageOf(shop, rows, query, initial, lets) {
	const limit = query.limit ?? initial;
	const at = (cursor) => rows.findIndex(({ id }) =>
		id === nameOf(shop.names, query[cursor]));
	if ('ending_before' in query) {
		const newer = rows.slice(at('ending_before') + 1).filter(lets);
		return { data: newer.slice(0, limit).reverse(),
			more: newer.length > limit };
	}
	const older = ('starting_after' in query
		? rows.slice(0, at('starting_after')) : rows).filter(lets).reverse();
	return { data: older.slice(0, limit), more: older.length > limit };
}
