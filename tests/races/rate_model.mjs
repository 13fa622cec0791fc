// A model of the rate limits, from README section 4 of the contracts alone:
// what each request counts for, and what the answers of one window may be,
// whatever ran at the same time.
import assert from 'node:assert/strict';

// The scopes of a request, by the kind of its endpoint.  One to /v1/api_keys is
// one of its merchant's, too; its headers tell what is narrower then.
export const scopes = {
	card: (caller) => ({ card: `${caller.merchant} ${caller.mode}` }),
	keys: (caller) => ({ card: `${caller.merchant} ${caller.mode}`,
		keys: caller.merchant }),
	coins: (caller) => ({ [caller.mode]: caller.account }),
	address: ({ address }) => ({ address }),
};

// What the headers say; `offset` is how far the server's clock is ahead (s).
function readHeaders({ headers, status, begin, end, offset }) {
	const [limit, remaining, reset] = ['limit', 'remaining', 'reset']
		.map((name) => headers[`x-ratelimit-${name}`])
		.map((text) => {
			assert.match(text ?? '', /^\d+$/);
			return Number(text);
		});
	const [earliest, latest] = [begin, end].map((at) =>
		Math.floor(at / 1000) + offset);
	assert.equal(reset % 60, 0);
	assert.ok(reset > earliest && reset <= latest + 60,
		`${reset} for ${earliest} to ${latest}`);
	if (status === 429) {
		const wait = Number(headers['retry-after']);
		assert.equal(remaining, 0);
		assert.ok(wait >= 1 && wait >= reset - latest &&
			wait <= reset - earliest, `Retry-After ${wait}`);
	}
	return { limit, remaining, reset };
}

// Who has passed has a place, counted from the first; who was refused came
// after all of them.  Whose headers tell of another scope took one unseen.
function checkWindow(name, { limit, ones }) {
	const told = `${name}: ${JSON.stringify(ones)}`;
	const seen = ones.filter(({ isTold }) => isTold)
		.map((one) => ({ ...one, place: one.status === 429 ? limit
			: limit - 1 - one.remaining }));
	const places = seen.map(({ place }) => place)
		.filter((place) => place < limit);
	const room = Math.min(limit, ones.length);
	assert.equal(new Set(places).size, places.length, told);
	assert.ok(places.every((place) => place < room), told);
	// Nobody is refused while there is room, nor passes when there is none.
	assert.ok(seen.length - places.length <= ones.length - room, told);
	assert.ok(places.length + ones.length - seen.length >= room, told);
	for (const early of seen)
		for (const late of seen)
			if (early.end < late.begin)
				assert.ok(early.place < late.place ||
					(early.place === limit && late.place === limit), told);
}

// requests: [{scopes, status, headers, begin, end (ms), offset}]; limits by the
// kind of scope, all different.  Returns how many windows there were.
export function checkRates(requests, limits) {
	const windows = new Map();
	for (const request of requests) {
		const { status, begin, end } = request;
		const { limit: shown, remaining, reset } = readHeaders(request);
		const all = Object.entries(request.scopes);
		assert.ok(all.some(([kind]) => limits[kind] === shown));
		for (const [kind, whose] of all) {
			const limit = limits[kind];
			const name = `${kind} ${whose} until ${reset}`;
			if (!windows.has(name))
				windows.set(name, { limit, ones: [] });
			windows.get(name).ones.push({ status, begin, end, remaining,
				isTold: limit === shown });
		}
	}
	for (const [name, found] of windows)
		checkWindow(name, found);
	return windows.size;
}
