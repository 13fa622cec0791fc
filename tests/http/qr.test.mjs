// The picture of a payment: read back by a decoder that is not ours.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import jsqr from 'jsqr';
import { PNG } from 'pngjs';

import { assertRefused, startServer } from './harness.mjs';
import { cancel, createCoin, createCoinAccount, getCoin, pay,
	refusal } from './stable_fixtures.mjs';

const decode = jsqr.default ?? jsqr;

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

const pathOf = (id) => `/v1/qr/${id}.png`;

async function fetchPicture(url, headers = {}) {
	const answer = await fetch(url, { headers });
	const bytes = Buffer.from(await answer.arrayBuffer());

	return { answer, bytes };
}

// The text in a picture as a camera would read it.
function readPicture(bytes) {
	const { width, height, data } = PNG.sync.read(bytes);
	const found = decode(new Uint8ClampedArray(data), width, height);

	assert.deepEqual([width, height], [400, 400]);
	assert.ok(found, 'a QR code');
	return found.data;
}

async function assertGone(id) {
	const error = assertRefused(await server.request('GET', pathOf(id),
		{ key: null }), refusal.noIntent);
	assert.ok(!error.message.includes('.png'), error.message);
}

describe('the picture of an awaited payment', () => {
	for (const amount of [0.01, 4.5, 10000])
		test(`of ${amount} reads as its qr_payload`, async () => {
			const intent = await createCoin(server, { amount });
			const { answer, bytes } =
				await fetchPicture(intent.qr_image_url);
			assert.equal(answer.status, 200);
			assert.equal(readPicture(bytes), intent.qr_payload);
		});

	test('of live mode, too', async () => {
		const account = await createCoinAccount(server);
		const intent = await createCoin(server, {},
			{ key: account.liveKey, merchantId: account.merchantId });
		const { bytes } = await fetchPicture(intent.qr_image_url);
		assert.equal(readPicture(bytes), intent.qr_payload);
		assert.match(intent.qr_payload, /@8453\//);
	});

	test('may be kept as long as the payment is awaited', async () => {
		const intent = await createCoin(server, { ttl: 600 });
		const { answer } = await fetchPicture(intent.qr_image_url);
		assert.equal(answer.headers.get('content-type'), 'image/png');
		const left = (Date.parse(intent.expires_at) - Date.now()) / 1000;
		const [, age] = answer.headers.get('cache-control')
			.match(/^public, max-age=(\d+)$/);
		assert.ok(Number(age) >= Math.floor(left) && Number(age) <= 600);
		assert.match(answer.headers.get('request-id'), /^req_/);
	});

	test('is the same each time, and after a payment in part', async () => {
		const intent = await createCoin(server);
		const first = await fetchPicture(intent.qr_image_url);
		await pay(server, intent.id, { amount: 1 });
		const second = await fetchPicture(intent.qr_image_url);
		assert.deepEqual(second.bytes, first.bytes);
	});

	test('needs no key, and does not mind one', async () => {
		const intent = await createCoin(server);
		const account = await createCoinAccount(server, '--fee-rate', '0');
		for (const key of ['sk_test_0', account.testKey, server.liveKey,
			server.publishableKey]) {
			const { answer } = await fetchPicture(intent.qr_image_url,
				{ Authorization: `Bearer ${key}` });
			assert.equal(answer.status, 200);
		}
	});

	test('changes nothing', async () => {
		const intent = await createCoin(server);
		await fetchPicture(intent.qr_image_url);
		assert.deepEqual(await getCoin(server, intent.id), intent);
	});
});

describe('there is no picture', () => {
	test('of a payment that came in', async () => {
		const { id } = await createCoin(server);
		await pay(server, id);
		await assertGone(id);
	});

	test('of a payment that was cancelled', async () => {
		const { id } = await createCoin(server);
		await cancel(server, id);
		await assertGone(id);
	});

	test('of an id that nobody was given', async () => {
		await assertGone('pi_00000000000000000000000000');
		await assertGone('pi_0t40xz8zsw9hvye44hyhzk0fm1');
	});

	test('of what is no id', async () => {
		for (const id of ['pi_1', 'x', 'mer_0t40xz8zsw9hvye44hyhzk0fm1',
			'%2e%2e%2fetc'])
			assertRefused(await server.request('GET', pathOf(id),
				{ key: null }), refusal.noIntent);
	});

	test('of a payment by card', async () => {
		const { id } = (await server.request('POST', '/v1/payment_intents',
			{ json: { amount: 100, currency: 'usd' } })).body;
		await assertGone(id);
	});

	test('of another kind', async () => {
		const { id } = await createCoin(server);
		for (const path of [`/v1/qr/${id}`, `/v1/qr/${id}.svg`, '/v1/qr/',
			`/v1/qr/${id}.png/`, `/v1/qr/${id}.PNG`])
			assertRefused(await server.request('GET', path),
				{ status: 404, type: 'not_found_error',
					code: 'route_not_found', param: null });
	});

	test('to be written', async () => {
		const { id } = await createCoin(server);
		for (const method of ['POST', 'PUT', 'DELETE'])
			assertRefused(await server.request(method, pathOf(id)),
				{ status: 405, code: 'method_not_allowed', param: null });
	});

	test('with parameters', async () => {
		const { id } = await createCoin(server);
		assertRefused(await server.request('GET', `${pathOf(id)}?size=800`),
			{ ...refusal.invalid, param: 'size' });
	});
});
