// What tests of webhook endpoints and events share: paths, endpoints, and
// what is wrong with URLs.
import { assertOk } from './harness.mjs';

export const cardEndpoints = '/v1/webhook_endpoints';
export const stableEndpoints = '/v1/webhook-endpoints';
export const events = '/v1/events';

export const cardEvents = ['payment_intent.created',
	'payment_intent.requires_action', 'payment_intent.processing',
	'payment_intent.amount_capturable_updated', 'payment_intent.succeeded',
	'payment_intent.payment_failed', 'payment_intent.canceled',
	'charge.succeeded', 'charge.failed', 'charge.captured',
	'charge.refunded', 'refund.created', 'refund.failed',
	'customer.created', 'customer.updated', 'customer.deleted'];
export const stableEvents = ['payment_intent.confirmed',
	'payment_intent.expired', 'payment_intent.cancelled',
	'transaction.created', 'settlement.completed', 'settlement.failed'];

// A host that can be resolved by nobody (RFC 6761).
export const hook = 'https://shop.invalid/hook';

// A URL for each reason to refuse one, in both contracts and both modes.
export const badUrls = {
	'no URL': 'hook',
	'no text at all': '',
	'no host': 'https:///hook',
	'another scheme': 'ftp://shop.invalid/hook',
	'a scheme alone': 'https:',
	'a user name': 'https://user@shop.invalid/hook',
	'a user name and a password': 'https://user:hunter2@shop.invalid/hook',
	'an odd port': 'https://shop.invalid:8443/hook',
	'a port that is none': 'https://shop.invalid:99999/hook',
	'this host by its name': 'https://localhost/hook',
	'a host below localhost': 'https://a.localhost/hook',
	'this host by its address': 'https://127.0.0.1/hook',
	'this host by IPv6': 'https://[::1]/hook',
	'this host in another form of IPv6': 'https://[::ffff:127.0.0.1]/hook',
	'this host as one number': 'https://2130706433/hook',
	'this host in octal': 'https://0177.0.0.1/hook',
	'this host in hexadecimal': 'https://0x7f.0.0.1/hook',
	'this host, shortened': 'https://127.1/hook',
	'any host': 'https://0.0.0.0/hook',
	'a private network': 'https://10.0.0.8/hook',
	'another private network': 'https://192.168.1.1/hook',
	'the link': 'https://169.254.1.1/hook',
	"a cloud's metadata": 'https://169.254.169.254/latest',
	'an address behind a carrier': 'https://100.64.0.1/hook',
	'a multicast address': 'https://224.0.0.1/hook',
	'an address behind NAT64': 'https://[64:ff9b::7f00:1]/hook',
	'a fragment': 'https://shop.invalid/hook#part',
	'a blank': 'https://shop.invalid/a hook',
	'a control character': 'https://shop.invalid/\n',
	'a letter beyond ASCII': 'https://shöp.invalid/hook',
	'more than any URL has': `https://shop.invalid/${'x'.repeat(5000)}`,
};

// Values of `url` that are no text; as JSON.
export const noTexts = [7, true, null, {}, [], [hook], { a: hook }];

// Values of `enabled_events` that neither contract takes, with the parameter
// that is at fault.
export const badEvents = {
	'no list': ['payment_intent.succeeded', ''],
	'an empty list': [[], ''],
	'a number': [7, ''],
	'an object': [{ a: 'payment_intent.succeeded' }, '[a]'],
	'an unknown type': [['payment_intent.paid'], '[]'],
	'an empty type': [[''], '[]'],
	'a type in capitals': [['PAYMENT_INTENT.SUCCEEDED'], '[]'],
	'a number in the list': [[7], '[]'],
	'the type of pings': [['endpoint.ping'], '[]'],
	'a part of a type': [['payment_intent.*'], '[]'],
};

export function postEndpoint(server, more = {}, options = {}) {
	return server.request('POST', cardEndpoints, { ...options,
		json: { url: hook, enabled_events: ['*'], ...more } });
}

export async function createEndpoint(server, more, options) {
	return assertOk(await postEndpoint(server, more, options));
}

export async function listEvents(server, query = {}, options = {}) {
	const words = new URLSearchParams({ limit: 100, ...query });
	return assertOk(await server.request('GET', `${events}?${words}`,
		options)).data;
}
