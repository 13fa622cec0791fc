// The audit log: a line for each change, who made it in which request, in the
// store and then in the file; and what is found when somebody alters it.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmdirSync,
	statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { assertChained, parse, readLog, seal, startAudited, storedLines,
	verifyLog, whenCopied } from './audit.mjs';
import { createCustomer, createIntent, createRefund, until, visa }
	from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { coinIn } from './stable_fixtures.mjs';

const intents = '/v1/payment_intents';
const alarm = /run: intentctl audit verify/;

// What was added to the log by `act`, without numbers and hashes.
async function linesOf(server, act) {
	const known = (await whenCopied(server)).length;
	const result = await act();
	const lines = (await whenCopied(server)).slice(known).map(parse);
	return { lines, result };
}

const pick = (line, ...names) => names.map((name) => line[name]);

describe('a change', () => {
	let server;
	before(async () => {
		server = await startAudited();
	});
	after(() => server.stop());

	test('of a payment by card is a line with who, what and when',
		async () => {
			const { lines, result } = await linesOf(server, async () => {
				const made = assertOk(await server.request('POST', intents,
					{ json: { amount: 2000, currency: 'usd',
						payment_method: visa,
						capture_method: 'manual' } }));
				const path = `${intents}/${made.id}`;
				assertOk(await server.request('POST', `${path}/confirm`));
				const answer = await server.request('POST',
					`${path}/capture`, { json: { amount_to_capture: 1500 } });
				const refund = await createRefund(server,
					{ payment_intent: made.id, amount: 500 });
				return { made, captured: assertOk(answer), refund,
					request: answer.headers['request-id'] };
			});
			const { made, captured, refund, request } = result;
			assert.deepEqual(lines.map((line) => pick(line, 'what', 'from',
				'to', 'amount_minor', 'made')), [
				['intent_create', undefined, 'requires_confirmation', '2000',
					undefined],
				['intent_confirm', 'requires_confirmation',
					'requires_capture', '2000',
					captured.charges.data[0].id],
				['intent_capture', 'requires_capture', 'succeeded', '1500',
					undefined],
				['intent_refund', 'succeeded', 'succeeded', '500', refund.id],
			]);
			for (const line of lines) {
				assert.equal(line.object, made.id);
				assert.deepEqual(pick(line, 'account', 'merchant', 'mode',
					'currency'), [server.accountId, server.merchantId,
					'test', 'usd']);
				assert.match(line.who, /^key:sk_test_.{4}:key_[0-9a-z]{26}$/);
				assert.ok(server.testKey.startsWith(line.who.split(':')[1]));
				assert.match(line.time,
					/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
				assert.ok(Math.abs(Date.parse(line.time) - Date.now()) < 6e4);
			}
			assert.equal(lines[2].request, request);
		});

	test('that is both a refusal and an effect is one', async () => {
		const { lines } = await linesOf(server, async () =>
			assertRefused(await server.request('POST', intents, { json: {
				amount: 2000, currency: 'usd', confirm: true,
				payment_method: 'pm_card_insufficient_funds' } }),
			{ status: 402 }));
		assert.deepEqual(lines.map((line) => pick(line, 'what', 'to',
			'detail')), [
			['intent_create', 'requires_confirmation', undefined],
			['intent_confirm', 'requires_payment_method',
				'insufficient_funds'],
		]);
		assert.match(lines[1].made, /^ch_/);
	});

	test('of a payment in coins is one, and each transfer settled',
		async () => {
			const { lines, result } = await linesOf(server,
				() => coinIn(server, 'settled'));
			assert.deepEqual(lines.map((line) => pick(line, 'what', 'from',
				'to')), [
				['coin_create', undefined, 'awaiting_payment'],
				['coin_transfer', 'awaiting_payment', 'confirmed'],
				['coin_settle', 'confirmed', 'settled'],
				['transfer_settle', 'confirmed', 'settled'],
			]);
			assert.equal(lines[2].object, result.id);
			assert.equal(lines[1].made, lines[3].object);
			assert.match(lines[3].object, /^txn_/);
		});

	test('of customers and keys is one, without what is personal or secret',
		async () => {
			const { lines, result } = await linesOf(server, async () => {
				const { id } = await createCustomer(server,
					{ email: 'ada@example.com', name: 'Ada',
						metadata: { shoe: 'size41' } });
				const path = `/v1/customers/${id}`;
				assertOk(await server.request('POST', path,
					{ json: { name: 'Lovelace' } }));
				assertOk(await server.request('DELETE', path));
				const made = assertOk(await server.request('POST',
					'/v1/api_keys', { json: { type: 'secret',
						name: 'for a friend' } }));
				const rolled = assertOk(await server.request('POST',
					`/v1/api_keys/${made.id}/roll`, { json: {} }));
				return { id, made, rolled };
			});
			const { id, made, rolled } = result;
			assert.deepEqual(lines.map((line) =>
				pick(line, 'what', 'object', 'made')), [
				['customer_create', id, undefined],
				['customer_update', id, undefined],
				['customer_delete', id, undefined],
				['key_create', made.id, undefined],
				['key_roll', made.id, rolled.id],
			]);
			const text = readFileSync(server.auditLog, 'utf8');
			for (const secret of [made.secret, rolled.secret, server.testKey,
				'ada@example.com', 'Lovelace', 'size41', 'friend'])
				assert.ok(!text.includes(secret), secret);
		});

	test('by the operator names who it was', async () => {
		const { lines, result } = await linesOf(server, async () => {
			const account = await server.ctl('account', 'create',
				'--name', 'Other');
			const merchant = await server.ctl('merchant', 'create',
				'--account', account.id, '--name', 'Other');
			await server.ctl('merchant', 'suspend', merchant.id);
			return { account, merchant };
		});
		assert.deepEqual(lines.map((line) =>
			pick(line, 'what', 'object', 'from', 'to')), [
			['account_create', result.account.id, undefined, undefined],
			['merchant_create', result.merchant.id, undefined, 'active'],
			['merchant_status', result.merchant.id, 'active', 'suspended'],
		]);
		for (const { who } of lines)
			assert.match(who, new RegExp(
				`^intentctl:[^ ]*\\(${process.getuid()}\\)`));
	});

	test('that is none is no line: reads, refusals, replays', async () => {
		const options = { json: { amount: 700, currency: 'usd' },
			headers: { 'Idempotency-Key': 'once' } };
		const { lines } = await linesOf(server, async () => {
			const made = assertOk(await server.request('POST', intents,
				options));
			const again = await server.request('POST', intents, options);
			assert.equal(again.headers['idempotent-replayed'], 'true');
			assertOk(await server.request('GET', `${intents}/${made.id}`));
			assertRefused(await server.request('POST',
				`${intents}/${made.id}/capture`), { status: 400 });
			await server.ctl('key', 'list');
		});
		assert.deepEqual(lines.map(({ what }) => what), ['intent_create']);
	});

	test('that time brings is the sweeper\'s', async () => {
		const coin = await coinIn(server, 'awaiting_payment', {}, { ttl: 60 });
		await whenCopied(server);
		const { lines } = await linesOf(server, () => server.ctl('sweep',
			'--until-idle', '--at',
			`${new Date(Date.now() + 9e4).toISOString().slice(0, 19)}Z`));
		const line = lines.find(({ object }) => object === coin.id);
		assert.deepEqual(pick(line, 'what', 'from', 'to'),
			['coin_expire', 'awaiting_payment', 'expired']);
		assert.match(line.who, /^intentctl:/);
	});

	test('is in a file that its group can read, chained from line 1',
		async () => {
			const lines = await whenCopied(server);
			assertChained(lines);
			assert.equal(statSync(server.auditLog).mode & 0o777, 0o640);
			assert.equal(verifyLog(server, server.auditLog).stdout,
				`audit verify: ${lines.length} lines, 1 to ` +
				`${lines.length}, 0 of them in the store: sound\n`);
			assert.deepEqual((await server.ctl('verify')).findings, []);
		});
});

test('what the engine says later is the engine\'s line', async (t) => {
	const server = await startAudited(t,
		{ settings: { sandbox_latency_ms: 20 } });
	const { lines } = await linesOf(server, () =>
		createIntent(server, { payment_method: visa, confirm: true }));
	assert.deepEqual(lines.map((line) => pick(line, 'what', 'to')), [
		['intent_create', 'requires_confirmation'],
		['intent_confirm', 'processing'],
		['intent_answer', 'succeeded'],
	]);
	assert.equal(lines[2].who, 'engine');
	assert.equal(lines[2].request, lines[1].request);
});

test('expiry that the server writes down is the sweeper\'s', async (t) => {
	const server = await startAudited();
	const coin = await coinIn(server, 'awaiting_payment', {}, { ttl: 60 });
	await server.halt();
	const later = await startAudited(t, { home: server.home,
		settings: { clock_offset_s: 100 } });
	const line = await until(async () => (await whenCopied(later)).map(parse)
		.find(({ what }) => what === 'coin_expire'), (found) => found, 200);
	assert.deepEqual(pick(line, 'object', 'who'), [coin.id, 'sweeper']);
});

test('without a file the lines stay in the store', async (t) => {
	const server = await startServer(t);
	await createIntent(server);
	const { stdout, status } = verifyLog(server);
	assert.equal(status, 0);
	const lines = await storedLines(server);
	assert.equal(lines.at(-1).what, 'intent_create');
	assert.equal(stdout, `audit verify: ${lines.length} lines, 1 to ` +
		`${lines.length}, ${lines.length} of them in the store: sound\n`);
	const some = (await server.ctl('audit', 'show', '--from', 2,
		'--limit', 1)).data;
	assert.deepEqual(some, [lines[1]]);
});

// Each is found, and the first line that is wrong is named.
const alterations = {
	'a changed byte': {
		alter: (lines) => lines.map((line, i) =>
			i === 3 ? line.replace('who=', 'who=x') : line),
		reason: /:4: its hash is not that of what it says/,
	},
	'a line that was written anew, with a right hash': {
		alter: (lines) => lines.map((line, i) => i === 3
			? seal(line.replace('who=', 'who=x')) : line),
		reason: /:5: line 5 does not continue the one before it/,
	},
	'a line that was removed': {
		alter: (lines) => lines.filter((line, i) => i !== 3),
		reason: /:4: line 5 stands behind line 3: .* missing/,
	},
	'a line that was put in': {
		alter: (lines) => lines.flatMap((line, i) =>
			i === 3 ? [line, seal(line.replace('seq=4', 'seq=5'))] : [line]),
		reason: /:5: line 5 does not continue the one before it/,
	},
	'a line that is there twice': {
		alter: (lines) => lines.flatMap((line, i) =>
			i === 3 ? [line, line] : [line]),
		reason: /:5: line 4 stands behind line 4: out of order, or twice/,
	},
	'lines that changed places': {
		alter: (lines) => [...lines.slice(0, 3), lines[4], lines[3],
			...lines.slice(5)],
		reason: /:4: line 5 stands behind line 3/,
	},
	'an end that was cut off': {
		alter: (lines) => lines.slice(0, -1),
		reason: /the files end with line \d+, .* their end is missing/,
	},
	'a log of which nothing is left': {
		alter: () => [],
		reason: /lines were moved to a file, which was not given/,
	},
	'a log that was written anew from a line on': {
		alter(lines) {
			let hash;
			return lines.map((line, i) => {
				if (i < 3)
					return line;
				const own = hash === undefined
					? line.replace('who=', 'who=x')
					: line.replace(/previous=\w+/, `previous=${hash}`);
				const sealed = seal(own);
				hash = parse(sealed).hash;
				return sealed;
			});
		},
		reason: /the store knows another line \d+: the log was written anew/,
	},
	'a line that is added': {
		alter: (lines) => [...lines, seal(lines.at(-1)
			.replace(/seq=\d+/, `seq=${lines.length + 1}`)
			.replace(/previous=\w+/,
				`previous=${parse(lines.at(-1)).hash}`))],
		reason: /the files end with line \d+, which the store does not know/,
	},
	'a line\'s end of another system': {
		alter: (lines) => lines.map((line, i) =>
			i === 3 ? `${line}\r` : line),
		reason: /:4: it is no line of the audit log/,
	},
	'a remark': {
		alter: (lines) => [...lines.slice(0, 3), '# here', ...lines.slice(3)],
		reason: /:4: it is no line of the audit log/,
	},
};

describe('audit verify', () => {
	let server;
	let lines;
	before(async () => {
		server = await startAudited();
		await createIntent(server);
		await createIntent(server, { payment_method: visa, confirm: true });
		lines = await whenCopied(server);
		assert.ok(lines.length >= 6);
		await server.halt();
	});
	after(() => server.stop());

	function writeLog(name, some, end = '\n') {
		const file = join(server.home, name);
		writeFileSync(file, some.map((line) => line + end).join(''));
		return file;
	}

	for (const [what, { alter, reason }] of Object.entries(alterations))
		test(`finds ${what}`, () => {
			const { status, stdout, stderr } = verifyLog(server,
				writeLog('altered', alter(lines)));
			assert.equal(status, 1);
			assert.equal(stdout, '');
			assert.match(stderr, reason);
		});

	test('takes a log in several files, in their order', () => {
		const old = writeLog('old', lines.slice(0, 2));
		const newer = writeLog('newer', lines.slice(2));
		assert.equal(verifyLog(server, old, newer).status, 0);
		assert.match(verifyLog(server, newer, old).stderr,
			/old:1: line 1 stands behind line \d+/);
		assert.match(verifyLog(server, newer).stdout,
			new RegExp(`${lines.length - 2} lines, 3 to ${lines.length}`));
		assert.match(verifyLog(server, old).stderr, /end is missing/);
	});

	test('says which file is not there', () => {
		const { status, stderr } = verifyLog(server, '/nonexistent');
		assert.equal(status, 1);
		assert.equal(stderr,
			'intentctl: /nonexistent: No such file or directory\n');
	});
});

describe('the file', () => {
	let server;
	let moved = 0;
	before(async () => {
		server = await startAudited();
	});
	after(() => server.stop());

	// Away with the file, however it is, and what was in it.
	async function moveAway() {
		const lines = await whenCopied(server);
		const file = `${server.auditLog}.${++moved}`;
		renameSync(server.auditLog, file);
		return { file, lines };
	}

	test('may be moved away: the next one goes on', async () => {
		const first = await moveAway();
		await createIntent(server);
		const second = await whenCopied(server);
		assert.deepEqual(readLog(first.file), first.lines);
		assertChained([...first.lines, ...second]);
		assert.equal(second.length, 1);
		assert.equal(
			verifyLog(server, first.file, server.auditLog).status, 0);
		assert.match(server.log(), /begins with line \d+"\n/);
		assert.doesNotMatch(server.log(), alarm);
	});

	test('is completed where a crash has cut a line', async (t) => {
		const first = await startAudited(null,
			{ settings: { audit_log: '', sweep_interval_ms: 10 } });
		await createIntent(first);
		await first.halt();
		const lines = (await storedLines(first)).map((line) =>
			Object.entries(line).slice(1).map((member) => member.join('='))
				.join(' '));
		// Two are whole and flushed, though the store was not told.
		const text = lines.map((line) => `${line}\n`).join('');
		const cut = lines[0].length + lines[1].length + 40;
		writeFileSync(first.auditLog, text.slice(0, cut));
		assert.equal(verifyLog(first, first.auditLog).status, 0);
		const again = await startAudited(t, { home: first.home });
		assert.deepEqual(await whenCopied(again), lines);
		assert.equal(verifyLog(again, again.auditLog).status, 0);
		assert.doesNotMatch(again.log(), alarm);
	});

	for (const [what, damage, reason] of [
		['was cut', (file, lines) => truncateSync(file,
			statSync(file).size - lines.at(-1).length - 1),
		/its end is missing/],
		['was altered', (file, lines) => {
			lines[lines.length - 1] = lines.at(-1)
				.replace('mode=test', 'mode=live');
			writeFileSync(file, `${lines.join('\n')}\n`);
		}, /its last line is none of the log, or was altered/],
		['was written to by somebody', (file) => appendFileSync(file, 'hello'),
			/ends in the middle of a line that is none of ours/],
	])
		test(`that ${what} is reported once, and loses nothing more`,
			async () => {
				await moveAway();
				await createIntent(server);
				await createIntent(server);
				const lines = await whenCopied(server);
				const alarms = () =>
					server.log().split(alarm).length;
				const known = alarms();
				damage(server.auditLog, [...lines]);
				await until(async () => (await pause(10), alarms()),
					(count) => count > known);
				await createIntent(server);
				const text = await until(async () => (await pause(10),
					readFileSync(server.auditLog, 'utf8')), (all) =>
					/what=audit_file_broken[^]*what=intent_create/
						.test(all.slice(all.lastIndexOf('broken') - 40)));
				const broken = text.split('\n').filter((line) =>
					line.includes('what=audit_file_broken')).map(parse);
				assert.equal(broken.length, 1);
				assert.equal(broken[0].who, 'sweeper');
				assert.match(decodeURIComponent(broken[0].detail), reason);
				const { status, stderr } = verifyLog(server,
					server.auditLog);
				assert.equal(status, 1);
				assert.match(stderr, /audit\.log:\d+: /);
				assert.equal(alarms(), known + 1);
			});

	test('that cannot be written leaves the lines in the store', async () => {
		await moveAway();
		mkdirSync(server.auditLog);
		await createIntent(server);
		await until(async () => (await pause(10), server.log()), (log) =>
			log.includes(`audit_log: ${server.auditLog}: open: Is a dir`));
		const stored = await storedLines(server);
		assert.deepEqual(stored.map(({ what }) => what), ['intent_create']);
		rmdirSync(server.auditLog);
		assert.equal((await whenCopied(server)).length, 1);
		assert.equal(verifyLog(server, server.auditLog).status, 0);
	});
});
