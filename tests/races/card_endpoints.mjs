// The webhook endpoints of the card contract, as objects: what is sent to them
// is for other tests.
import { freshName } from './names.mjs';

const textOf = (given) => given === undefined || given === '' ? null : given;

// The secret is in the answer to create alone.
export const showEndpoint = (endpoint) => ({ ...endpoint, secret: null });

export function makeEndpoint(shop, json) {
	const endpoint = { id: freshName(shop.names, 'we'),
		object: 'webhook_endpoint', created: freshName(shop.names, 'seconds'),
		description: textOf(json.description), disabled_at: null,
		disabled_reason: null, enabled_events: json.enabled_events,
		livemode: shop.mode === 'live', merchant_id: shop.merchantId,
		secret: freshName(shop.names, 'whsec'), status: 'enabled',
		url: json.url };
	shop.endpoints.push(endpoint);
	return endpoint;
}

export function changeEndpoint(shop, endpoint, json) {
	for (const name of ['url', 'enabled_events'])
		if (name in json)
			endpoint[name] = json[name];
	if ('description' in json)
		endpoint.description = textOf(json.description);
	if (!('status' in json) || json.status === endpoint.status)
		return;
	const disabled = json.status === 'disabled';
	Object.assign(endpoint, { status: json.status,
		disabled_at: disabled ? freshName(shop.names, 'seconds') : null,
		disabled_reason: disabled ? 'by_request' : null });
}

export function removeEndpoint(shop, endpoint) {
	shop.endpoints.splice(shop.endpoints.indexOf(endpoint), 1);
	return { id: endpoint.id, object: 'webhook_endpoint', deleted: true };
}
