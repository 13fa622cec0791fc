// Where doc_url leads: a readable page for each contract's errors.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { assertOk, assertRefused, build, startServer } from './harness.mjs';

// The codes of card.md and stable.md, and of README section 8.
const shared = ['route_not_found', 'method_not_allowed', 'request_too_large',
	'unsupported_media_type', 'insufficient_permissions',
	'idempotency_key_in_use', 'service_unavailable'];
const codes = {
	card: [...shared, 'resource_missing', 'parameter_invalid',
		'parameter_missing', 'amount_invalid', 'amount_too_large',
		'payment_intent_unexpected_state', 'invalid_state_transition',
		'payment_not_initialized', 'idempotency_key_reuse', 'internal_error',
		'authentication_failed', 'rate_limit_exceeded', 'card_declined'],
	stable: [...shared, 'idempotency_key_conflict', 'missing_api_key',
		'invalid_api_key', 'revoked_api_key', 'rate_limit_exceeded',
		'parameter_missing', 'parameter_invalid', 'internal_error'],
};

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

async function page(contract, options) {
	const answer = await server.request('GET', `/docs/errors/${contract}`,
		{ key: null, ...options });
	assertOk(answer);
	return answer;
}

// The part of the page below the element with this id, up to the next one.
function sectionOf(text, code) {
	const start = text.indexOf(` id="${code}"`);
	assert.ok(start >= 0, `no element has the id ${code}`);
	const end = text.indexOf(' id="', start + 5);
	return text.slice(start, end < 0 ? undefined : end);
}

function rowsOf(contract) {
	return JSON.parse(readFileSync(join(build, 'docs/errors.json'), 'utf8'))
		.filter((row) => row.contract === contract);
}

for (const [contract, wanted] of Object.entries(codes))
	describe(`the page of the ${contract} contract`, () => {
		test('is HTML, without a key', async () => {
			const { headers, text } = await page(contract);
			assert.equal(headers['content-type'], 'text/html; charset=utf-8');
			assert.match(text, /^<!DOCTYPE html>/i);
			assert.match(text, /<html lang="en"/);
			assert.match(text, /<title>[^<]+<\/title>/);
			assert.match(text, /<meta name="viewport"/);
			assert.match(text, /<\/html>\s*$/);
			assert.ok(!/<(script|link|img|iframe)|\bsrc=|@import|url\(/
				.test(text), 'it loads something');
		});

		test('has each id once', async () => {
			const { text } = await page(contract);
			const ids = [...text.matchAll(/ id="([^"]*)"/g)]
				.map(([, id]) => id);
			assert.deepEqual(ids, [...new Set(ids)]);
		});

		test('has a place for every code of the contract', async () => {
			const { text } = await page(contract);
			for (const code of wanted)
				sectionOf(text, code);
		});

		test('has a place for every row of the catalogue', async () => {
			const { text } = await page(contract);
			const rows = rowsOf(contract);
			assert.ok(rows.length >= wanted.length);
			for (const { code, status, type } of rows) {
				const section = sectionOf(text, code);
				assert.ok(section.includes(String(status)), code);
				assert.ok(section.includes(type), code);
				assert.ok(section.includes('doc_url'), `${code}: example`);
			}
		});

		test('leads from its list of codes to each of them', async () => {
			const { text } = await page(contract);
			for (const { code } of rowsOf(contract))
				assert.ok(text.includes(`href="#${code}"`), code);
		});

		test('answers HEAD without a body', async () => {
			const answer = await server.request('HEAD',
				`/docs/errors/${contract}`);
			assertOk(answer);
			assert.equal(answer.text, '');
			assert.equal(answer.headers['content-length'],
				String(Buffer.byteLength((await page(contract)).text)));
		});
	});

describe('other pages', () => {
	for (const path of ['/docs', '/docs/', '/docs/errors', '/docs/errors/other',
		'/docs/errors/card.html', '/docs/errors.json', '/docs/errors/Card'])
		test(`there is no ${path}`, async () => {
			assertRefused(await server.request('GET', path),
				{ status: 404, code: 'route_not_found', param: null });
		});
});

describe('public_url', () => {
	test('is what links in answers begin with', async (t) => {
		const moved = await startServer(t, { settings:
			{ public_url: 'https://pay.example/api' } });
		// The harness compares each doc_url with the setting.
		assertRefused(await moved.request('GET', '/v1/payment_intents',
			{ key: null }), { status: 401 });
		assertRefused(await moved.request('GET', '/web-error/404'),
			{ status: 404, code: 'route_not_found' });
		assertRefused(await moved.request('GET', '/v1/payment-intents/x/y'),
			{ status: 404, type: 'not_found_error' });
	});
});

// The longest value that the settings take: their own print says how long.
function longestUrl() {
	const config = execFileSync(join(build, 'intentd'), ['--print-config'],
		{ encoding: 'utf8' });
	const [, bytes] = config.match(/at most (\d+) bytes[^\n]*\npublic_url = /);
	return 'https://pay.example/'.padEnd(Number(bytes), 'x');
}

describe('the longest public_url', () => {
	test('is whole in every link', async (t) => {
		const public_url = longestUrl();
		const far = await startServer(t, { settings: { public_url } });
		assertRefused(await far.request('GET', '/v1/payment_intents',
			{ key: null }), { status: 401 });
		assertRefused(await far.request('GET', '/web-error/404'),
			{ status: 404 });
		const { id, next_action: action } = assertOk(await far.request('POST',
			'/v1/payment_intents', { json: { amount: 1, currency: 'usd',
				payment_method: 'pm_card_3ds_required', confirm: true } }));
		assert.equal(action.redirect_to_url.url,
			`${public_url}/sandbox/authenticate/${id}`);
	});
});

describe('default_contract', () => {
	test('is who speaks on paths of neither contract', async (t) => {
		const stable = await startServer(t,
			{ settings: { default_contract: 'stable' } });
		const options = { contract: 'stable' };
		for (const path of ['/', '/nothing', '/v1', '/v1/nothing',
			'/v2/payment_intents'])
			assertRefused(await stable.request('GET', path, options),
				{ status: 404, type: 'not_found_error',
					code: 'route_not_found' });
		assertRefused(await stable.request('GET', '/web-error/404', options),
			{ status: 404, type: 'not_found_error', code: 'route_not_found' });
		assertRefused(await stable.request('GET', '/v1/payment_intents/x/y'),
			{ status: 404, type: 'invalid_request_error' });
		assertOk(await stable.request('GET', '/v1/payment_intents'));
	});
});
