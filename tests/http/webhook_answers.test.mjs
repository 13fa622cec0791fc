// What receivers answer, and what becomes of it: each answer is an attempt
// that intentctl shows, and what is no success is tried again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer } from './fixtures.mjs';
import { startServer } from './harness.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { coinIn, createCoinAccount } from './stable_fixtures.mjs';
import { arrived, cardAt, deliveries, deliverySettings, later, sentTo,
	stableAt } from './webhook_delivery.mjs';

const text = (status, body) => behave.status(status, { body });
const raw = (...lines) => ({ socket }) => socket.end(lines.join('\r\n'));
const long = 'x'.repeat(2000);

// What an attempt came to: [behaviour, status, response].
const successes = {
	'200': [text(200, 'thanks'), 200, 'thanks'],
	'201': [text(201, ''), 201, null],
	'204': [behave.status(204), 204, null],
	'299': [text(299, 'odd'), 299, 'odd'],
	'200 behind 102': [({ response }) => {
		response.writeProcessing();
		response.end('done');
	}, 200, 'done'],
	'200 and no length': [raw('HTTP/1.0 200 OK', '', 'all'), 200, 'all'],
	'200 and a long text': [text(200, long), 200, /^x{1000}/],
	'200 and ten megabytes': [behave.huge(), 200, /^x{1000}/],
	'200 and no end of it': [behave.endless(), 200, /^(more ){200}/],
	'200 and no text at all': [text(200, '\x00\x1b[2J\xff'), 200, /\[2J/],
};

const ended = 'its answer ended half-way';
const closed = 'it closed the connection without an answer';

// [behaviour, result, status, reason, response, door]
const failures = {
	'a redirect': [behave.redirect('/elsewhere'), 'refused', 301,
		'it answered 301'],
	'a redirect that keeps the method': [behave.redirect('/elsewhere', 308),
		'refused', 308, 'it answered 308'],
	'400': [text(400, 'what?'), 'refused', 400, 'it answered 400', 'what?'],
	'404': [text(404, ''), 'refused', 404, 'it answered 404'],
	'410': [text(410, ''), 'refused', 410, 'it answered 410'],
	'500': [text(500, long), 'refused', 500, 'it answered 500', /^x{1000}/],
	'500 and no end of it': [behave.endless(500), 'refused', 500,
		'it answered 500', /^(more ){200}/],
	'a switch of protocols': [raw('HTTP/1.1 101 Switching Protocols',
		'Upgrade: other', 'Connection: Upgrade', '', ''),
	'unreadable', 101, /./],
	'100 and nothing more': [raw('HTTP/1.1 100 Continue', '', ''),
		'unreadable', 100, /./],
	'no blank line': [raw('HTTP/1.1 200 OK', 'Content-Length: 0', ''),
		'unreadable', 200, ended],
	'chunks that are none': [raw('HTTP/1.1 200 OK',
		'Transfer-Encoding: chunked', '', 'chunk', ''), 'unreadable', 200,
	/./],
	'half of its chunks': [raw('HTTP/1.1 200 OK',
		'Transfer-Encoding: chunked', '', '4', 'half', ''), 'unreadable', 200,
	ended, 'half'],
	'what is not HTTP': [behave.garbage(), 'unreadable', 0,
		'its answer is no HTTP'],
	'a status line without end': [behave.endlessLine(), 'unreadable', 0,
		'its header lines are too long, or this server has no memory'],
	'headers without end': [behave.endlessHeaders(), 'unreadable', 200,
		'its header lines are too long'],
	'nothing, and closes': [behave.closeAtOnce(), 'unreadable', 0, closed],
	'half of its headers': [behave.closeInHeaders(), 'unreadable', 200,
		ended],
	'half of its body': [behave.closeInBody(), 'unreadable', 200, ended,
		'half of it'],
	'a reset': [behave.reset(), 'unreadable', 0,
		/half-way$|without an answer$/],
	'with a certificate of nobody': [null, 'tls_failed', 0,
		/certificate/, null, 'selfSigned'],
	'with the name of somebody else': [null, 'tls_failed', 0,
		/certificate/, null, 'wrongName'],
};

// By a connection that was kept, a request may be sent once more.
const asksAgain = ['nothing, and closes', 'a reset'];

function assertIs(found, expected) {
	if (expected instanceof RegExp)
		assert.match(found, expected);
	else
		assert.equal(found, expected);
}

function assertAttempt(attempt, result, status, reason, response) {
	assert.equal(attempt.result, result, attempt.reason);
	assert.equal(attempt.status, status);
	assertIs(attempt.reason, reason);
	assertIs(attempt.response, response ?? null);
	assert.ok(Buffer.byteLength(attempt.response ?? '') <= 1024);
}

describe('an answer', () => {
	let receiver;
	let server;
	let coins; // endpoints whose attempts take their whole time
	const made = {};

	// Nobody's answer waits for another's: all are sent to at once.
	before(async () => {
		receiver = await startReceiver(['https', 'wrongName', 'selfSigned']);
		server = await startServer({ settings: deliverySettings(receiver) });
		const rows = [...Object.entries(successes).map(
			([name, [behaviour]]) => [name, { behaviour }]),
		...Object.entries(failures).map(
			([name, [behaviour, , , , , door]]) =>
				[name, { behaviour, door }])];
		const owner = { never: behave.never(), slowly: behave.slowly(20) };
		const { testKey, merchantId } = await createCoinAccount(server);
		coins = Object.fromEntries(await Promise.all(Object.entries(owner)
			.map(async ([name, behaviour]) => [name, await stableAt(server,
				receiver, { key: testKey }, { behaviour })])));
		await coinIn(server, 'cancelled', { key: testKey, merchantId });
		while (rows.length > 0) {
			const key = (await createAccount(server)).testKey;
			for (const [name, more] of rows.splice(0, 16))
				made[name] = await cardAt(server, receiver, { key }, more);
			await createCustomer(server, {}, { key });
		}
	});
	after(async () => {
		await server?.stop();
		await receiver?.close();
	});

	const triedOnce = async (endpoint) => {
		const [{ delivery, attempts }] = await deliveries(server, endpoint,
			([one]) => one?.attempts.length === 1);
		return { delivery, attempt: attempts[0] };
	};

	for (const [name, [, status, response]] of Object.entries(successes))
		test(`is a success: ${name}`, async () => {
			const { delivery, attempt } = await triedOnce(made[name]);
			assertAttempt(attempt, 'succeeded', status, null, response);
			assert.deepEqual([delivery.state, delivery.left, delivery.due],
				['succeeded', 0, null]);
		});

	for (const [name, [, result, status, reason, response]] of
		Object.entries(failures))
		test(`is none: ${name}`, async () => {
			const { delivery, attempt } = await triedOnce(made[name]);
			assertAttempt(attempt, result, status, reason, response);
			assert.deepEqual([delivery.state, delivery.left], ['pending', 7]);
			const wait = delivery.due - attempt.begun;
			assert.ok(wait >= 60 && wait <= 67, wait);
		});

	for (const [name, status] of [['never', 0], ['slowly', 200]])
		test(`is none in five seconds: it answers ${name}`, async () => {
			const { delivery, attempt } = await triedOnce(coins[name]);
			assertAttempt(attempt, 'timed_out', status,
				'it did not answer in time', status ? /^\.+$/ : null);
			// libcurl's clock is not the test's.
			assert.ok(attempt.duration_ms >= 4900, attempt.duration_ms);
			assert.deepEqual([delivery.state, delivery.left], ['pending', 5]);
		});

	test('that is none is followed by another attempt', async () => {
		for (const endpoint of Object.values({ ...made, ...coins }))
			receiver.answer(endpoint.place, behave.status(200));
		server = await later(server, 70);
		for (const name of Object.keys(failures)) {
			const { place, url } = made[name];
			const [{ delivery, attempts }] = await deliveries(server,
				made[name], ([one]) => one.attempts.length === 2);
			const isSeen = url === receiver.url(place);
			assert.equal(attempts[1].result,
				isSeen ? 'succeeded' : 'tls_failed', name);
			assert.equal(delivery.state, isSeen ? 'succeeded' : 'pending');
			const { length } = sentTo(receiver, made[name]);
			assert.ok(isSeen ? length === 2 || (length === 3 &&
				asksAgain.includes(name)) : length === 0,
			`${name}: ${length}`);
		}
		for (const endpoint of Object.values(coins))
			assert.equal((await arrived(receiver, endpoint, 2)).length, 2);
		for (const name of Object.keys(successes))
			assert.equal((await arrived(receiver, made[name], 1)).length, 1);
	});

	test('that leads elsewhere leads to nobody', () => {
		assert.deepEqual(receiver.of('/elsewhere'), []);
	});
});
