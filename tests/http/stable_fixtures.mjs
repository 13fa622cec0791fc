// What tests of the stable contract need before they can begin: merchants,
// payment intents in a status, transfers.
import assert from 'node:assert/strict';
import { createECDH, createHash, randomBytes } from 'node:crypto';

import { operatorKey } from './fixtures.mjs';
import { assertOk } from './harness.mjs';

export const intents = '/v1/payment-intents';
export const transactions = '/v1/transactions';
export const merchants = '/v1/merchants';
export const helpers = '/v1/test-helpers/payment-intents';

export const refusal = {
	invalid: { status: 400, type: 'invalid_request_error',
		code: 'parameter_invalid' },
	missing: { status: 400, type: 'invalid_request_error',
		code: 'parameter_missing' },
	noIntent: { status: 404, type: 'not_found_error',
		code: 'intent_not_found', param: 'id' },
	noTransaction: { status: 404, type: 'not_found_error',
		code: 'transaction_not_found', param: 'id' },
	noMerchant: { status: 404, type: 'not_found_error',
		code: 'merchant_not_found', param: 'merchant_id' },
	badMerchant: { status: 400, type: 'invalid_request_error',
		code: 'invalid_merchant', param: 'merchant_id' },
	notActive: { status: 422, type: 'invalid_request_error',
		code: 'merchant_not_active', param: 'merchant_id' },
	otherMode: { status: 403, type: 'authorization_error',
		code: 'environment_mismatch', param: null },
	noPermission: { status: 403, type: 'authorization_error',
		code: 'insufficient_permissions', param: null },
	notCancellable: { status: 409, type: 'conflict_error',
		code: 'intent_not_cancellable', param: null },
	conflict: { status: 409, type: 'conflict_error',
		code: 'idempotency_key_conflict', param: 'idempotency_key' },
};

// The account m/44'/60'/0' of the mnemonic "test test test test test test
// test test test test test junk", which the Ethereum tools Hardhat and Foundry
// publish with the addresses of its children 0/i.
export const extendedKey = 'xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj' +
	'6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP';
export const childAddresses = [
	'0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
	'0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
	'0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
	'0x90F79bf6EB2c4f870365E785982E1f101E93b906',
	'0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65',
];
// The first example of EIP-55.
export const fixedAddress = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';

// No two merchants are paid at one address, so each gets a new one.
export const freshAddress = () => `0x${randomBytes(20).toString('hex')}`;

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

function inBase58Check(bytes) {
	const checked = Buffer.concat([bytes,
		sha256(sha256(bytes)).subarray(0, 4)]);
	let text = '';
	for (let rest = BigInt(`0x${checked.toString('hex')}`); rest > 0n;
		rest /= 58n)
		text = base58[Number(rest % 58n)] + text;
	return text;
}

// Two texts of one extended public key (BIP-32) that nobody has the private
// key of: what stands before the chain code differs, the children do not.
export function twinExtendedKeys() {
	const curve = createECDH('secp256k1');
	curve.generateKeys();
	const key = Buffer.concat([randomBytes(32),
		curve.getPublicKey(null, 'compressed')]);
	return ['000000000000000000', '030102030400000005'].map((place) =>
		inBase58Check(Buffer.concat([
			Buffer.from(`0488b21e${place}`, 'hex'), key])));
}

export const freshExtendedKey = () => twinExtendedKeys()[0];

export const hashOf = (number) => `0x${number.toString(16).padStart(64, '0')}`;

// -- Merchants ---------------------------------------------------------------

// Another merchant of the account; words such as '--fee-rate', '0.01'.
export function createMerchant(server, account, ...words) {
	return server.ctl('merchant', 'create', '--account', account,
		'--name', 'Coin shop', ...words);
}

// An account whose default merchant is paid in coins, with keys of both
// modes: at addresses of an extended key, where words say nothing else.
export async function createCoinAccount(server, ...words) {
	const account = await server.ctl('account', 'create', '--name', 'Coins');
	const merchant = await createMerchant(server, account.id,
		...words.length > 0 ? words : ['--extended-key', freshExtendedKey()]);
	const [test, live] = await Promise.all(['test', 'live'].map((mode) =>
		operatorKey(server, account.id, '--mode', mode,
			'--type', 'secret')));
	return { id: account.id, merchantId: merchant.id,
		testKey: test.secret, liveKey: live.secret };
}

// -- Payment intents ---------------------------------------------------------

const merchantOf = (server, { merchantId }) => merchantId ?? server.merchantId;

export function postCoin(server, more = {}, options = {}) {
	const { merchantId, ...rest } = options;
	return server.request('POST', intents, { ...rest, json: { amount: 4.5,
		currency: 'usd', merchant_id: merchantOf(server, options), ...more } });
}

export async function createCoin(server, more, options) {
	return assertOk(await postCoin(server, more, options), 201);
}

// A body whose amount is this text, byte by byte.
export function postAmount(server, text, options = {}) {
	const { merchantId, ...rest } = options;
	return server.request('POST', intents, {
		headers: { 'Content-Type': 'application/json' }, ...rest,
		body: `{"amount":${text},"currency":"usd","merchant_id":"` +
			`${merchantOf(server, options)}"}`,
	});
}

export async function getCoin(server, id, options) {
	return assertOk(await server.request('GET', `${intents}/${id}`, options));
}

async function act(server, path, json, options) {
	return assertOk(await server.request('POST', path, { ...options, json }));
}

export const pay = (server, id, json = {}, options = {}) =>
	act(server, `${helpers}/${id}/pay`, json, options);

export const settle = (server, id, json = {}, options = {}) =>
	act(server, `${helpers}/${id}/settle`, json, options);

export const cancel = (server, id, json = {}, options = {}) =>
	act(server, `${intents}/${id}/cancel`, json, options);

const recipes = {
	awaiting_payment: [],
	confirmed: [pay],
	cancelled: [cancel],
	settled: [pay, settle],
};

// A payment intent in a status that needs no time.
export async function coinIn(server, status, options = {}, more = {}) {
	let intent = await createCoin(server, more, options);
	const { merchantId, ...rest } = options;
	for (const step of recipes[status])
		intent = await step(server, intent.id, {}, rest);
	assert.equal(intent.status, status);
	return intent;
}

// -- Lists and balances ------------------------------------------------------

export async function listOf(server, path, query = {}, options = {}) {
	const { merchantId, ...rest } = options;
	const words = new URLSearchParams({
		merchant_id: merchantOf(server, options), ...query });
	return assertOk(await server.request('GET', `${path}?${words}`, rest));
}

export const idsOf = ({ data }) => data.map(({ id }) => id);

// The transactions of one intent, oldest first.
export async function transfersOf(server, id, options = {}) {
	const { data } = await listOf(server, transactions, { limit: 100 },
		options);
	return data.filter((one) => one.payment_intent_id === id).reverse();
}

export async function balanceOf(server, id = server.merchantId, options = {}) {
	return assertOk(await server.request('GET', `${merchants}/${id}/balance`,
		options));
}

// -- Money -------------------------------------------------------------------

// Decimal text as millionths, and back with at least two decimals.
export function micros(text) {
	const [whole, decimals = ''] = String(text).split('.');
	return BigInt(whole) * 1000000n + BigInt(decimals.padEnd(6, '0'));
}

export function dollars(value) {
	const text = String(value).padStart(7, '0');
	const decimals = text.slice(-6).replace(/0{1,4}$/, '');
	return `${text.slice(0, -6)}.${decimals}`;
}

// amount x rate, both decimal text, in millionths rounded half to even.
export function feeOf(amount, rate) {
	const product = micros(amount) * micros(rate);
	const [down, rest] = [product / 1000000n, product % 1000000n];
	const up = rest > 500000n || (rest === 500000n && down % 2n === 1n);
	const fee = down + (up ? 1n : 0n);
	return { fee: dollars(fee), net: dollars(micros(amount) - fee) };
}

// The number's own text of a member at any depth: {"fee":0.045} gives 0.045.
export function rawNumber(text, member) {
	const found = text.match(new RegExp(`"${member}":(-?[0-9.eE+-]+)[,}]`));
	assert.ok(found, `${member} in ${text}`);
	return found[1];
}
