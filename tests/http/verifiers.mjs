// What merchants do with a webhook before they believe it, by the contracts'
// words alone.  Each takes a request as receiver.mjs keeps it, returns the
// event, and throws with the reason where it does not believe.
import { createHmac, timingSafeEqual } from 'node:crypto';

import { Webhook } from 'standardwebhooks';

const toleranceSeconds = 300;

function headerOf({ headers }, name) {
	const value = headers[name.toLowerCase()];

	if (value === undefined)
		throw new Error(`there is no ${name}`);
	return value;
}

// "a=1,b=2,b=3" as [[name, value], ...].
function pairsOf(text) {
	return text.split(',').map((pair) => {
		const at = pair.indexOf('=');
		return [pair.slice(0, at), pair.slice(at + 1)];
	});
}

function checkTime(text) {
	if (!/^[1-9]\d*$/.test(text))
		throw new Error(`the time is not one: ${text}`);
	if (Math.abs(Date.now() / 1000 - Number(text)) > toleranceSeconds)
		throw new Error(`the time is too far from now: ${text}`);
}

function isEqual(given, expected) {
	return given.length === expected.length &&
		timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

// One of several signatures will do: two secrets may be in force.
function checkSignatures(signatures, secret, signed) {
	const expected = createHmac('sha256', secret).update(signed).digest();

	if (!signatures.some((hex) => /^[0-9a-f]{64}$/.test(hex) &&
			isEqual(Buffer.from(hex, 'hex'), expected)))
		throw new Error('no signature is right');
}

// card.md, "Webhooks": X-Signature: t=<unix>,v1=<hex>.
export function verifyCard(request, secret) {
	const pairs = pairsOf(headerOf(request, 'X-Signature'));
	const [time] = pairs.filter(([name]) => name === 't')
		.map(([, value]) => value);
	const signatures = pairs.filter(([name]) => name === 'v1')
		.map(([, value]) => value);

	checkTime(time ?? '');
	checkSignatures(signatures, secret, `v1=${time}.${request.body}`);
	return JSON.parse(request.body);
}

// stable.md, "Webhooks": X-StableGenius-Signature: sha256=<hex>, where a
// setting can name the header otherwise.
export function verifyStable(request, secret,
	header = 'X-StableGenius-Signature') {
	const time = headerOf(request, 'X-StableGenius-Timestamp');
	const signatures = pairsOf(headerOf(request, header))
		.filter(([name]) => name === 'sha256').map(([, value]) => value);

	checkTime(time);
	checkSignatures(signatures, secret, `${time}.${request.body}`);
	return JSON.parse(request.body);
}

// Standard Webhooks, by its own library.
export function verifyStandard({ body, headers }, secret) {
	return new Webhook(secret).verify(body, headers);
}
