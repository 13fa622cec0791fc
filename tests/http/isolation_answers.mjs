// What the contracts say to whom must not see something, and what may differ
// between two answers that say it.
import assert from 'node:assert/strict';

export const noKey = {
	card: () => ({ status: 401, type: 'authentication_error',
		code: 'authentication_failed', param: null }),
	stable: (code) => ({ status: 401, type: 'authentication_error', code,
		param: null }),
};
export const forbidden = {
	card: { status: 403, type: 'invalid_request_error',
		code: 'insufficient_permissions', param: null },
	stable: { status: 403, type: 'authorization_error',
		code: 'insufficient_permissions', param: null },
};
const otherMode = { status: 403, type: 'authorization_error',
	code: 'environment_mismatch', param: null };

// What is said of an object that is not there.
const stableMissing = { coin_intent: ['intent_not_found', 'id'],
	transfer: ['transaction_not_found', 'id'],
	endpoint: ['webhook_not_found', 'id'],
	merchant: ['merchant_not_found', 'merchant_id'],
	balance: ['merchant_not_found', 'merchant_id'] };

export function missing({ contract }, kind, param = 'id') {
	if (contract === 'card')
		return { status: 404, type: 'invalid_request_error',
			code: 'resource_missing', param };
	const [code, name] = stableMissing[kind];
	return { status: 404, type: 'not_found_error', code, param: name };
}

const cursors = new Set(['starting_after', 'ending_before']);
const badCursor = (param) => ({ status: 400, type: 'invalid_request_error',
	code: 'parameter_invalid', param });

// An answer without what differs between any two: the id that was asked for,
// the request's own, the time, and how many there were.
export function shape(answer, id) {
	const { date, 'request-id': requestId, 'x-ratelimit-remaining': remaining,
		'x-ratelimit-reset': reset, ...headers } = answer.headers;
	assert.ok(date && requestId && remaining && reset);
	return { status: answer.status, headers,
		names: answer.rawHeaders.filter((word, i) => i % 2 === 0),
		length: answer.text.length, text: answer.text.split(id).join('ID') };
}

export function assertSame(answer, id, other, otherId) {
	assert.equal(id.length, otherId.length);
	assert.deepEqual(shape(answer, id), shape(other, otherId));
}

// Where the stable contract says of an account's own object that it is of the
// other mode; a merchant is of both.
const tellsMode = new Set(['coin_intent', 'transfer', 'endpoint']);
// What a key that is bound to no merchant makes for the whole account.
const isOfAccount = ({ object, contract }) => object === 'api_key' ||
	(object === 'endpoint' && contract === 'stable');
const isModeless = (kind) => kind === 'merchant' || kind === 'balance';

function sameScopeButMode(viewer, owner) {
	return viewer.accountId === owner.accountId && viewer.live !== owner.live &&
		(!viewer.bound || viewer.merchantId === owner.merchantId);
}

export function expectedOf(route, kind, viewer, owner, param) {
	const tells = route.contract === 'stable' && param === 'id' &&
		tellsMode.has(kind) && sameScopeButMode(viewer, owner) &&
		!(viewer.bound && isOfAccount(route));
	if (route.test_only && viewer.live)
		return { refusal: forbidden[route.contract], alike: true };
	if (tells)
		return { refusal: otherMode, alike: false };
	if (cursors.has(param))
		return { refusal: badCursor(param), alike: true };
	return { refusal: missing(route, kind, param), alike: true };
}

// A merchant is seen in both modes, and by a key that is bound to it.
export function isVisible(kind, viewer, owner) {
	return isModeless(kind) && viewer.accountId === owner.accountId &&
		(!viewer.bound || viewer.merchantId === owner.merchantId);
}

// Whether a list of the viewer's has what is the owner's.  A key of the whole
// account is no key of a merchant's.
export function sees(route, viewer, owner) {
	if (viewer.accountId !== owner.accountId || viewer.live !== owner.live)
		return false;
	return !viewer.bound || (viewer.merchantId === owner.merchantId &&
		(owner.bound || !isOfAccount(route)));
}
