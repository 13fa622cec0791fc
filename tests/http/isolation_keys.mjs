// The keys of the matrix of isolation: those that are none, whatever they were,
// and those that may less than their place.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { createIntent, createKey, operatorKey, until } from './fixtures.mjs';
import { intentctl } from './harness.mjs';

const intents = '/v1/payment_intents';

// What another server made, with the same program.
async function foreignKey(server) {
	const store = join(server.dir, 'elsewhere.mdb');
	await intentctl(store, 'init');
	const { id } = await intentctl(store, 'account', 'create', '--name', 'E');
	await intentctl(store, 'merchant', 'create', '--account', id, '--name', 'E');
	return intentctl(store, 'key', 'create', '--account', id,
		'--mode', 'test', '--type', 'secret', '--name', 'foreign');
}

// A key of each kind, by whose key it is made.
const kindsOf = (places, permissions) => ({
	secret: { from: places.own },
	publishable: { from: places.own, type: 'publishable' },
	restricted: { from: places.own, type: 'restricted', permissions },
	'bound to a merchant': { from: places.bound },
	'of live mode': { from: places.mode },
	'of live mode, publishable': { from: places.mode, type: 'publishable' },
});

const makeOf = (server, { from, ...json }, more = {}) => createKey(server,
	{ ...json, ...more }, { key: from.key });

// Keys that were good, by what has ended them: {revoked, ended}.
async function makeEndedKeys(server, kinds) {
	const made = { revoked: {}, ended: {} };
	await Promise.all(Object.entries(kinds).map(async ([what, kind]) => {
		const revoked = await makeOf(server, kind);
		const short = await makeOf(server, kind,
			{ expires_at: Math.ceil(Date.now() / 1000) + 1 });
		for (const { livemode, merchant_id: merchant } of [revoked, short])
			assert.deepEqual([livemode, merchant ?? null], [kind.from.live,
				kind.from.bound ? kind.from.merchantId : null], what);
		await server.request('POST', `/v1/api_keys/${revoked.id}/revoke`,
			{ key: kind.from.key });
		made.revoked[`${what}, revoked`] = revoked.secret;
		made.ended[`${what}, after its time`] = short.secret;
	}));
	return made;
}

// By what is wrong with them: {key, code}, and `header` for what is none.
export async function makeNoKeys(server, places, permissions) {
	const { own } = places;
	const options = { key: own.key };
	const unknown = await foreignKey(server);
	const [{ revoked, ended }, operators, rolled, lapsed, used] =
		await Promise.all([
			makeEndedKeys(server, kindsOf(places, permissions)),
			operatorKey(server, own.accountId, '--mode', 'test', '--type',
				'secret'),
			createKey(server, { name: 'rolled' }, options),
			createKey(server, { name: 'lapsed' }, options),
			createKey(server, { name: 'used' }, options)]);
	await server.ctl('key', 'revoke', operators.id);
	await server.request('POST', `/v1/api_keys/${rolled.id}/roll`, options);
	await server.request('POST', `/v1/api_keys/${lapsed.id}/roll`,
		{ ...options, json: { grace_seconds: 1 } });
	const intent = await createIntent(server, {}, options);
	const hook = await server.request('POST', '/v1/webhook_endpoints',
		{ ...options, json: { url: server.receiver.url('/cards'),
			enabled_events: ['*'] } });
	const swap = (key, i) =>
		key.slice(0, i) + (key[i] === '0' ? '1' : '0') + key.slice(i + 1);
	ended['after its grace'] = lapsed.secret;
	for (const key of Object.values(ended))
		await until(() => server.request('GET', intents, { key }),
			({ status }) => status === 401);
	const none = { ...ended,
		'no key': null, 'a word': 'swordfish',
		'of another store': unknown.secret,
		'with another checksum': swap(own.key, own.key.length - 1),
		'with another digit': swap(own.key, 12),
		'of another mode by its name': own.key.replace('test', 'live'),
		'of another type by its name': own.key.replace('sk_', 'rk_'),
		'without its last digit': own.key.slice(0, -1),
		'with a digit more': `${own.key}0`,
		'as it is shown': own.key.slice(0, 12),
		'in capitals': own.key.toUpperCase(),
		"by a key's id": used.id,
		'by a digest': createHash('sha256').update(own.key).digest('hex'),
		'by a client secret': intent.client_secret,
		'by a webhook secret': hook.body.secret,
		'by an account': own.accountId,
	};
	const withCode = (list, code) => Object.entries(list).map(([what, key]) =>
		[what, { key, code: key ? code : 'missing_api_key' }]);
	return Object.fromEntries([
		...withCode(none, 'invalid_api_key'),
		// A header without credentials is one.
		['an empty one', { key: 'swordfish', header: 'Bearer ',
			code: 'invalid_api_key' }],
		...withCode({ ...revoked, 'revoked by the operator':
			operators.secret, rolled: rolled.secret }, 'revoked_api_key')]);
}

// For each permission the key that has it alone, and those that have all
// others: of the account, of a merchant and of live mode.
export async function makeLackingKeys(server, places, permissions) {
	const restricted = async (place, list) => (await createKey(server,
		{ type: 'restricted', permissions: list },
		{ key: places[place].key })).secret;
	// What a permission would bring along is taken away with it.
	const without = (permission) => permissions.filter((one) =>
		one !== permission && one !== permission.replace(':read', ':write'));
	return Object.fromEntries(await Promise.all(permissions.map(
		async (permission) => {
			const others = without(permission);
			const [has, own, bound, mode] = await Promise.all([
				restricted('own', [permission]),
				...['own', 'bound', 'mode'].map((place) =>
					restricted(place, others))]);
			return [permission, { has, lack: { own, bound, mode } }];
		})));
}

// Places of keys that may all, and say so: what they must not see is the same.
export async function makeNarrowPlaces(server, places, permissions) {
	const narrow = async (name, from) => {
		const { secret } = await createKey(server,
			{ type: 'restricted', permissions }, { key: from.key });
		return [name, { ...from, name, key: secret }];
	};
	return Object.fromEntries(await Promise.all([
		narrow('boundNarrow', places.bound),
		narrow('modeNarrow', places.mode)]));
}
