// Bad input in bodies and parameters: each gets the standard refusal with the
// right code and param, changes nothing, and leaves the workers alive.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createCustomer, createIntent, getIntent, invalid, refusals,
	visa } from './fixtures.mjs';
import { assertOk, assertRefused, rawHttp, startServer } from './harness.mjs';

const intents = '/v1/payment_intents';
const jsonType = { 'Content-Type': 'application/json' };
const formType = { 'Content-Type': 'application/x-www-form-urlencoded' };
const malformed = { ...invalid, param: null };
const wrongAmount = { ...invalid, param: 'amount' };
const smile = '\u{1f642}';

const world = {};
const made = {};
const { withoutEffect, refuses, refusesAll } = refusals(world);
let server;

before(async () => {
	server = await startServer();
	Object.assign(world, { server, keys: [server.testKey, server.liveKey] });
	made.customer = await createCustomer(server, { name: 'Ada' });
	made.open = await createIntent(server, { payment_method: visa });
});

after(() => server.stop());

function jsonBody(body) {
	return ['POST', intents, { body, headers: jsonType }];
}

function formBody(body) {
	return ['POST', intents, { body, headers: formType }];
}

function withAmount(text) {
	return jsonBody(`{"amount":${text},"currency":"usd"}`);
}

function withDescription(text) {
	return jsonBody(`{"amount":1,"currency":"usd","description":"${text}"}`);
}

function nested(levels) {
	return `{"amount":1,"currency":"usd","metadata":` +
		`${'{"a":'.repeat(levels - 1)}1${'}'.repeat(levels - 1)}}`;
}

const whole = '{"amount":2000,"currency":"usd"}';

describe('JSON that is none', () => {
	refusesAll({
		'cut in an object': '{"amount":2000,"currency":"usd"',
		'cut after a colon': '{"amount":',
		'cut in a string': '{"amount":2000,"currency":"us',
		'cut in an escape': '{"amount":2000,"currency":"\\u00',
		'an opening brace alone': '{',
		'white space alone': '  \n\t ',
		'something behind the object': `${whole}{}`,
		'a comma behind the object': `${whole},`,
		'a comma before the brace': '{"amount":2000,"currency":"usd",}',
		'a comment': '{/**/"amount":2000,"currency":"usd"}',
		'single quotes': "{'amount':2000,'currency':'usd'}",
		'names without quotes': '{amount:2000,currency:"usd"}',
		'a byte order mark': `\ufeff${whole}`,
		'a form': 'amount=2000&currency=usd',
	}, malformed, jsonBody);

	refusesAll({
		'an empty array': '[]',
		'an array with an object': `[${whole}]`,
		'a number': '2000',
		'a string': '"amount"',
		true: 'true',
		null: 'null',
	}, malformed, jsonBody);

	refusesAll({
		'a member twice': '{"amount":1,"amount":1,"currency":"usd"}',
		'a member twice, escaped':
			'{"amount":1,"\\u0061mount":2,"currency":"usd"}',
		'a nested member twice':
			'{"amount":1,"currency":"usd","metadata":{"a":"1","a":"2"}}',
		'a member twice, one an object':
			'{"amount":1,"currency":"usd","metadata":{},"metadata":{}}',
	}, malformed, jsonBody);
});

describe('JSON that is too deep or too large', () => {
	refuses('eight levels are read: the parameter is named',
		jsonBody(nested(8)), { ...invalid, param: 'metadata[a]' });
	refuses('nine levels', jsonBody(nested(9)), malformed);
	refuses('nine levels of arrays', jsonBody(
		`{"amount":${'['.repeat(8)}${']'.repeat(8)}}`), malformed);
	refuses('ten thousand levels', jsonBody(nested(10000)), malformed);
	refuses('thirty thousand opening brackets',
		jsonBody('['.repeat(30000)), malformed);
	refuses('five thousand members', jsonBody(`{${Array.from({ length: 5000 },
		(_, i) => `"m${i}":1`).join()}}`), malformed);

	const tooLarge = { status: 413, type: 'invalid_request_error',
		code: 'request_too_large', param: null };
	refuses('one byte more than 64 KiB', jsonBody(whole.padEnd(65537)),
		tooLarge);
	refuses('100 KiB without any structure', jsonBody('x'.repeat(102400)),
		tooLarge);
	refuses('a megabyte', jsonBody('x'.repeat(1 << 20)), tooLarge);

	test('64 KiB are read', async () => {
		assertOk(await server.request(...jsonBody(whole.padEnd(65536))));
	});

	test('a chunked body beyond 64 KiB', async () => {
		const chunk = `8000\r\n${' '.repeat(0x8000)}\r\n`;
		const answer = await withoutEffect(() => rawHttp(server,
			`POST ${intents} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
			`Authorization: Bearer ${server.testKey}\r\n` +
			'Content-Type: application/json\r\n' +
			`Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`));
		assertRefused(answer, tooLarge);
	});
});

describe('JSON that is not UTF-8', () => {
	const bytes = {
		'a byte that UTF-8 never has': [0xff],
		'a continuation alone': [0x80],
		'a character that was cut': [0xe2, 0x82],
		'an overlong slash': [0xc0, 0xaf],
		'half of a surrogate pair': [0xed, 0xa0, 0x80],
		'a code point beyond the last': [0xf4, 0x90, 0x80, 0x80],
	};
	refusesAll(bytes, malformed, (wrong) => jsonBody(Buffer.concat([
		Buffer.from('{"amount":1,"currency":"usd","description":"'),
		Buffer.from(wrong), Buffer.from('"}')])));
	refusesAll(bytes, malformed, (wrong) => formBody(
		`amount=1&currency=usd&description=${wrong.map((byte) =>
			`%${byte.toString(16).padStart(2, '0')}`).join('')}`));
	refuses('half of a surrogate pair as an escape',
		withDescription('\\ud83d'), malformed);
	refuses('UTF-16', jsonBody(Buffer.from(whole, 'utf16le')), malformed);
});

describe('numbers', () => {
	refusesAll({
		NaN: 'NaN', Infinity: 'Infinity', '-Infinity': '-Infinity',
		'a leading zero': '02000', 'a plus sign': '+2000',
		'a hexadecimal number': '0x7d0', 'a point alone': '2000.',
		'no digit before the point': '.5', 'a minus sign alone': '-',
	}, malformed, withAmount);

	refusesAll({
		'1e400': '1e400', '-1e400': '-1e400', '20 digits': '9'.repeat(20),
		'100 digits': '9'.repeat(100), '2000.0': '2000.0', '2e3': '2e3',
		'20E2': '20E2', '"2000"': '"2000"', '-0': '-0', '-2000': '-2000',
		'-9223372036854775808': '-9223372036854775808',
		0: '0', 'one more than the largest': '100000000',
		'2^53': '9007199254740992', '2^63': '9223372036854775808',
		'2^64 + 2000': '18446744073709553616', '0.1': '0.1',
		null: 'null', true: 'true', 'an empty string': '""',
		'an empty array': '[]', 'an empty object': '{}',
	}, wrongAmount, withAmount);

	refusesAll({
		'2000.0': '2000.0', '2e3': '2e3', '-0': '-0', '-1': '-1', 0: '0',
		'20 digits': '9'.repeat(20), 'nothing': '', 'a plus sign': '%2B2000',
		'a space before': '+2000', 'a space behind': '2000+',
		'a hexadecimal number': '0x7d0', '1e400': '1e400', NaN: 'NaN',
		'digits of another script': '%D9%A2%D9%A0', 'a comma': '2,000',
	}, wrongAmount, (text) => formBody(`amount=${text}&currency=usd`));

	test('the bounds are taken', async () => {
		for (const amount of [1, 99999999])
			assert.equal((await createIntent(server, { amount })).amount,
				amount);
	});
});

describe('text', () => {
	refusesAll({
		'NUL as an escape': '\\u0000',
		'NUL as a byte': '\0',
		'a control character as a byte': '\x07',
		'a line end as a byte': '\n',
	}, malformed, withDescription);
	refuses('NUL in a form', formBody('amount=1&currency=usd&description=%00'),
		malformed);
	refuses('NUL in a name',
		jsonBody('{"amount":1,"currency":"usd","a\\u0000":1}'), malformed);

	const inDescription = { ...invalid, param: 'description' };
	refusesAll({ bell: '\\u0007', escape: '\\u001b', delete: '\\u007f' },
		inDescription, withDescription);
	refuses('a control character in a form',
		formBody('amount=1&currency=usd&description=%1b'), inDescription);
	for (const value of [{}, { b: '1' }, [], 5, null])
		refuses(`${JSON.stringify(value)} as a value of metadata`,
			['POST', intents, { json: { amount: 1, currency: 'usd',
				metadata: { a: value } } }],
			{ ...invalid, param: 'metadata[a]' });
	refuses('a control character in metadata', ['POST', intents, { json:
		{ amount: 1, currency: 'usd', metadata: { a: '\u0001' } } }],
	{ ...invalid, param: 'metadata[a]' });
	refuses('1001 characters', withDescription(smile.repeat(1001)),
		inDescription);
	refuses('a number', ['POST', intents, { json:
		{ amount: 1, currency: 'usd', description: 1 } }], inDescription);

	test('1000 characters of four bytes are kept', async () => {
		const description = smile.repeat(1000);
		const { id } = await createIntent(server, { description });
		assert.equal((await getIntent(server, id)).description, description);
	});

	refusesAll({ 'capital letters': 'USD', 'four letters': 'usdd',
		'an unknown currency': 'xyz', 'two letters': 'us' },
	{ ...invalid, param: 'currency' }, (currency) =>
		['POST', intents, { json: { amount: 1, currency } }]);
	refusesAll({ 'an unknown payment method': 'pm_card_unheard_of',
		'something else': 'card_visa', 'a prefix alone': 'pm_' },
	{ ...invalid, param: 'payment_method' }, (payment_method) =>
		['POST', intents, { json: { amount: 1, currency: 'usd',
			payment_method } }]);
	refusesAll({ 'a path': '/back', 'a word': 'back', nothing: '' },
		{ ...invalid, param: 'return_url' }, (return_url) =>
			['POST', intents, { json: { amount: 1, currency: 'usd',
				return_url } }]);
	refusesAll({ 'a word': '"yes"', 'a number': '1', null: 'null' },
		{ ...invalid, param: 'confirm' }, (confirm) =>
			jsonBody(`{"amount":1,"currency":"usd","confirm":${confirm}}`));
});

describe('unknown parameters', () => {
	const target = (path) => () => `${intents}/${made.open.id}${path}`;
	const paths = {
		'creating': intents, 'updating': target(''),
		'confirming': target('/confirm'), 'capturing': target('/capture'),
		'canceling': target('/cancel'), 'refunding': target('/refund'),
		'creating a customer': '/v1/customers',
		'creating a key': '/v1/api_keys',
		'a transition': () => '/v1/test_helpers/payment_intents/' +
			`${made.open.id}/transition`,
	};
	const needed = {
		'creating': { amount: 1, currency: 'usd' },
		'a transition': { status: 'succeeded' },
	};
	for (const [what, path] of Object.entries(paths)) {
		const json = { ...needed[what], captre_method: 'manual' };
		const expected = { ...invalid, param: 'captre_method' };
		refuses(`${what}, in JSON`, ['POST', path, { json }], expected);
		refuses(`${what}, in a form`, ['POST', path, { form: json }], expected);
	}
	refuses('refunding by parameter', ['POST', '/v1/refunds', { json:
		{ payment_intent: 'pi_x', captre_method: 1 } }],
	{ ...invalid, param: 'captre_method' });
	for (const list of ['payment_intents', 'charges', 'refunds', 'customers',
		'api_keys'])
		refuses(`listing ${list}`, ['GET', `/v1/${list}?lmit=1`],
			{ ...invalid, param: 'lmit' });
	refuses('retrieving', ['GET', () => `${intents}/${made.open.id}?x[y]=1`],
		{ ...invalid, param: 'x[y]' });
	refuses('deleting', ['DELETE',
		() => `/v1/customers/${made.customer.id}?now=1`],
	{ ...invalid, param: 'now' });
	refuses('a parameter of another endpoint', ['POST', intents, { json:
		{ amount: 1, currency: 'usd', amount_to_capture: 1 } }],
	{ ...invalid, param: 'amount_to_capture' });

	test('a long name is not repeated in full', async () => {
		const answer = await server.request('POST', intents, { json:
			{ amount: 1, currency: 'usd', [smile.repeat(300)]: 1 } });
		const { param } = assertRefused(answer, invalid);
		assert.ok(smile.repeat(300).startsWith(param));
		assert.ok(param.length > 0 && param.length < 200);
	});

	// What a message repeats of names, each sent in three places.
	const names = {
		'100 letters': ['n'.repeat(100), 'n'.repeat(64)],
		'64 letters': ['n'.repeat(64), 'n'.repeat(64)],
		'characters of two bytes': ['\u00e9'.repeat(90), '\u00e9'.repeat(64)],
		'a line end': ['one\r\ntwo', 'one??two'],
		'a terminal\'s escape': ['a\x1b(31mb', 'a?(31mb'],
		'other controls': ['a\x01\x08\x1f\x7fb', 'a????b'],
	};
	for (const [what, [name, shown]] of Object.entries(names))
		test(`a message shows 64 characters and no controls: ${what}`,
			async () => {
				const escaped = `${encodeURIComponent(name)}=1`;
				const json = { amount: 1, currency: 'usd', [name]: 1 };
				for (const ask of [jsonBody(JSON.stringify(json)),
					formBody(`amount=1&currency=usd&${escaped}`),
					['GET', `${intents}?${escaped}`]]) {
					const { message } = assertRefused(
						await server.request(...ask), invalid);
					assert.equal(message,
						`Received unknown parameter: '${shown}'.`);
				}
			});
});

describe('forms', () => {
	refusesAll({
		'no hexadecimal digits': 'description=%zz',
		'a percent sign alone': 'description=%',
		'an escape that was cut': 'description=%4',
		'a broken escape in a name': 'desc%gription=a',
		'a name alone': 'amount',
		'a value alone': '=1',
		'a bracket that is not closed': 'metadata[a=1',
		'a bracket that is not opened': 'metadata]a=1',
		'something behind a bracket': 'metadata[a]b=1',
		'nine levels of brackets': `a${'[a]'.repeat(8)}=1`,
	}, malformed, (form) => formBody(`amount=1&currency=usd&${form}`));

	refuses('a broken escape in the query', ['GET', `${intents}?limit=%zz`],
		malformed);
	refuses('a parameter twice', formBody('amount=1&amount=1&currency=usd'),
		wrongAmount);
	refuses('a parameter twice, once escaped',
		formBody('amount=1&%61mount=2&currency=usd'), wrongAmount);
	refuses('metadata twice',
		formBody('amount=1&currency=usd&metadata[a]=1&metadata[a]=2'),
		{ ...invalid, param: 'metadata[a]' });
	refuses('a parameter in the query and in the body',
		['POST', `${intents}?amount=1`, { form: 'amount=1&currency=usd' }],
		wrongAmount);
	refuses('a list where a number belongs',
		formBody('amount[]=1&currency=usd'), { ...invalid, param: 'amount[]' });
	refuses('a parameter twice in the query',
		['GET', `${intents}?limit=1&limit=1`], { ...invalid, param: 'limit' });
	refuses('a text where metadata belongs',
		formBody('amount=1&currency=usd&metadata=a'),
		{ ...invalid, param: 'metadata' });
});

function pairs(count) {
	return Object.fromEntries(Array.from({ length: count },
		(_, i) => [`key ${i}`, String(i)]));
}

describe('metadata', () => {
	const tries = {
		'51 keys': [pairs(51), 'metadata[key 50]'],
		'a key of 41 characters': [{ ['k'.repeat(41)]: 'v' },
			`metadata[${'k'.repeat(41)}]`],
		'a key of 41 characters of four bytes': [{ [smile.repeat(41)]: 'v' },
			`metadata[${smile.repeat(41)}]`],
		'a value of 501 characters': [{ k: 'v'.repeat(501) }, 'metadata[k]'],
		'a value of 501 characters of four bytes':
			[{ k: smile.repeat(501) }, 'metadata[k]'],
		'a number': [{ k: 1 }, 'metadata[k]'],
		'an object': [{ k: { l: 'm' } }, 'metadata[k]'],
		'an array': [{ k: ['m'] }, 'metadata[k]'],
		null: [{ k: null }, 'metadata[k]'],
		'no text at all': [1, 'metadata'],
	};
	for (const [what, [metadata, param]] of Object.entries(tries)) {
		refuses(`${what}, to create`, ['POST', intents, { json:
			{ amount: 1, currency: 'usd', metadata } }], { ...invalid, param });
		refuses(`${what}, to update`, ['POST',
			() => `${intents}/${made.open.id}`, { json: { metadata } }],
		{ ...invalid, param });
	}

	const largest = {
		...pairs(48),
		[smile.repeat(40)]: smile.repeat(500),
		['k'.repeat(40)]: 'v'.repeat(500),
	};
	for (const syntax of ['json', 'form'])
		test(`the bounds are taken, as ${syntax}`, async () => {
			const { id } = assertOk(await server.request('POST', intents, {
				[syntax]: { amount: 1, currency: 'usd', metadata: largest } }));
			assert.deepEqual((await getIntent(server, id)).metadata, largest);
		});

	test('a 51st key is not merged into 50', async () => {
		const { id } = await createIntent(server, { metadata: pairs(50) });
		const answer = await withoutEffect(() => server.request('POST',
			`${intents}/${id}`, { json: { metadata: { more: '1' } } }));
		assertRefused(answer, invalid);
		assert.match(answer.body.error.param, /^metadata/);
		const after = assertOk(await server.request('POST', `${intents}/${id}`,
			{ json: { metadata: { 'key 0': '', more: '1' } } }));
		assert.equal(Object.keys(after.metadata).length, 50);
		assert.equal(after.metadata.more, '1');
	});
});
