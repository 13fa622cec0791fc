// The README's code that verifies webhooks, as it stands there, against
// signatures that are made here from the contracts' words.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const readme = readFileSync(
	fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
const secret = `whsec_${'aB3d'.repeat(8)}`;
const former = `whsec_${'Z9y8'.repeat(8)}`;
const body = '{"id":"evt_1","note":"\u00e4"}';

const digest = (key, text, coding) =>
	createHmac('sha256', key).update(text, 'utf8').digest(coding);
const standard = (key, id, t) => 'v1,' + digest(
	Buffer.from(key.slice(6), 'base64'), `${id}.${t}.${body}`, 'base64');

// The headers of a message that `keys` have signed, the newest first.
const forms = {
	isFromCards: (t, keys) => ({ 'x-signature': [`t=${t}`, ...keys.map((key) =>
		`v1=${digest(key, `v1=${t}.${body}`, 'hex')}`)].join(',') }),
	isFromCoins: (t, keys) => ({ 'x-stablegenius-timestamp': String(t),
		'x-stablegenius-signature': keys.map((key) =>
			`sha256=${digest(key, `${t}.${body}`, 'hex')}`).join(',') }),
	isStandard: (t, keys) => ({ 'webhook-id': 'evt_1',
		'webhook-timestamp': String(t), 'webhook-signature':
			keys.map((key) => standard(key, 'evt_1', t)).join(' ') }),
};

describe('the README\'s verification of webhooks', () => {
	const now = Math.floor(Date.now() / 1000);
	let code;

	before(async () => {
		const [, text] = readme.match(
			/```js\n(import \{ createHmac[^]*?)```/);
		code = await import(
			`data:text/javascript,${encodeURIComponent(text)}`);
	});

	for (const [name, headers] of Object.entries(forms)) {
		test(`${name} knows its signature`, () => {
			assert.equal(code[name](secret, headers(now, [secret]), body),
				true);
			assert.equal(code[name](secret, headers(now, [secret]),
				Buffer.from(body)), true);
		});

		test(`${name} knows the old secret beside the new one`, () => {
			const both = headers(now, [secret, former]);
			assert.equal(code[name](secret, both, body), true);
			assert.equal(code[name](former, both, body), true);
		});

		test(`${name} refuses all else`, () => {
			const signed = headers(now, [secret]);
			assert.equal(code[name](former, signed, body), false);
			assert.equal(code[name](secret, signed, `${body} `), false);
			assert.equal(code[name](secret,
				headers(now - 3600, [secret]), body), false);
		});

		// Anybody can send these: what throws could end a server.
		test(`${name} refuses what is no signature`, () => {
			const signed = headers(now, [secret]);
			assert.equal(code[name](secret, {}, body), false);
			for (const header of Object.keys(signed)) {
				const { [header]: value, ...others } = signed;
				const strange = value.replace(/.$/, '\u00e4');
				assert.equal(code[name](secret, others, body), false);
				assert.equal(code[name](secret,
					{ ...signed, [header]: strange }, body), false);
			}
		});
	}
});
