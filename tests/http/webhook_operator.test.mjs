// intentctl webhook beside a running server: what the operator sees of
// endpoints and deliveries, and does to them.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';

import { createIntent, until } from './fixtures.mjs';
import { assertOk, startServer } from './harness.mjs';
import { assertRefused, id, operatorOf, program, readLines, time }
	from './operator.mjs';
import { behave, startReceiver } from './receiver.mjs';
import { cardEndpoints as endpoints } from './webhook_fixtures.mjs';

const settings = { allow_private_webhooks: 'yes', webhook_ports: '*',
	webhook_interval_ms: 50 };

const thanks = behave.status(200, { body: 'thanks' });

// The parts of X-Signature that this secret has made.
function partsOf({ headers, body }, secret) {
	const [, t] = headers['x-signature'].match(/^t=(\d+),/);
	const wanted = 'v1=' + createHmac('sha256', secret)
		.update(`v1=${t}.${body}`).digest('hex');
	return headers['x-signature'].split(',').filter((part) =>
		part === wanted);
}

describe('intentctl webhook', () => {
	let server;
	let operator;
	let receiver;
	let endpoint;

	before(async () => {
		receiver = await startReceiver();
		receiver.answer('/hook', thanks);
		server = await startServer({ settings:
			{ ...settings, webhook_ca_file: receiver.caFile } });
		operator = operatorOf('--store', server.store);
		endpoint = assertOk(await server.request('POST', endpoints,
			{ json: { url: receiver.url('/hook'),
				enabled_events: ['payment_intent.created'] } }));
	});
	after(async () => {
		await server.stop();
		await receiver.close();
		assert.ok(!operator.output.includes(endpoint.secret),
			'no secret is shown but a new one');
	});

	const deliveries = (...words) => operator.json('webhook', 'deliveries',
		endpoint.id, ...words).data;
	// Beside the receiver, which is in this process.
	const testIt = () => new Promise((resolve) => {
		execFile(program, ['--store', server.store, 'webhook', 'test',
			endpoint.id], (error, stdout, stderr) =>
			resolve({ status: error?.code ?? 0, stdout, stderr }));
	});
	// While this awaits, the receiver can answer; operator.json() stops both.
	const whenDeliveries = (isIt, ...words) => until(async () =>
		(await server.ctl('webhook', 'deliveries', endpoint.id, ...words))
			.data, isIt, 3000);
	const got = () => receiver.of('/hook');
	const gotOf = (event) => got().filter(({ headers }) =>
		headers['webhook-id'] === event);

	test('list and show have the endpoint', () => {
		const list = operator.json('webhook', 'list', '--mode', 'test').data;
		assert.deepEqual(list.map((one) => one.id), [endpoint.id]);
		assert.deepEqual(
			operator.json('webhook', 'list', '--mode', 'live').data, []);
		const lines = readLines(
			operator.text('webhook', 'show', endpoint.id));
		assert.equal(lines.id, endpoint.id);
		assert.equal(lines.status, 'enabled');
		assert.equal(lines.events, 'payment_intent.created');
		assert.equal(lines.url, receiver.url('/hook'));
		assert.equal(lines.mode, 'test');
		assert.equal(
			operator.json('webhook', 'show', endpoint.id).id, endpoint.id);
	});

	test('deliveries has the newest first, with their attempts', async () => {
		for (let i = 0; i < 3; i++)
			await createIntent(server);
		const all = await whenDeliveries((list) => list.length >= 3 &&
			list.every(({ delivery }) => delivery.state === 'succeeded'));
		assert.deepEqual(all.map(({ delivery }) => delivery.event),
			all.map(({ delivery }) => delivery.event).sort().reverse());
		for (const { delivery, attempts } of all) {
			assert.match(delivery.event, id('evt'));
			assert.equal(attempts.length, 1);
			assert.equal(attempts[0].status, 200);
			assert.equal(attempts[0].result, 'succeeded');
			assert.equal(attempts[0].response, 'thanks');
		}
		assert.deepEqual(deliveries('--limit', '1'), all.slice(0, 1));
		assert.deepEqual(
			deliveries('--event', all[2].delivery.event), all.slice(2, 3));
		const [, row, , attempt] = operator.text('webhook', 'deliveries',
			endpoint.id, '--limit', '1').split('\n');
		assert.match(row, new RegExp(
			`^${all[0].delivery.event}  ${endpoint.id}  succeeded +1 +0 `));
		assert.match(attempt.trim().split(/ {2,}/)[1], time);
		assert.match(attempt, / succeeded +200 +- +thanks$/);
	});

	test('resend sends the same event once more', async () => {
		const [{ delivery }] = deliveries('--limit', '1');
		operator.text('webhook', 'resend', delivery.event,
			'--endpoint', endpoint.id);
		await receiver.until(() => gotOf(delivery.event).length === 2);
		const [first, second] = gotOf(delivery.event);
		assert.equal(second.body, first.body);
		const [{ attempts }] = await whenDeliveries(
			([one]) => one.attempts.length === 2,
			'--event', delivery.event);
		assert.equal(attempts[1].number, 2);
	});

	// What reads slowly gets a row that was read long before its attempts.
	test('deliveries and their attempts are of one moment', async () => {
		const count = 100;
		const shell = '"$@" | { dd bs=1 count=1 status=none; read -r _ <&3; cat; }';

		receiver.answer('/hook',
			behave.status(200, { body: 'x'.repeat(1000) }));
		for (let i = 0; i < count; i++)
			await createIntent(server);
		const all = await whenDeliveries((list) => list.length === count &&
			list.every(({ attempts }) =>
				attempts[0]?.response?.length === 1000),
		'--limit', `${count}`);
		receiver.answer('/hook', thanks);

		const child = spawn('sh', ['-c', shell, 'sh', program, '--json',
			'--store', server.store, 'webhook', 'deliveries', endpoint.id,
			'--limit', `${count}`],
		{ stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
		const output = [];
		child.stdout.on('data', (bytes) => output.push(bytes));
		await once(child.stdout, 'data');
		const { event } = all.at(-1).delivery;
		operator.text('webhook', 'resend', event, '--endpoint', endpoint.id);
		await whenDeliveries(([one]) => one.attempts.length === 2,
			'--event', event);
		child.stdio[3].end('\n');
		await once(child, 'close');

		const shown = JSON.parse(Buffer.concat(output)).data;
		assert.deepEqual(shown, all);
	});

	test('resend reaches an endpoint that is disabled', async () => {
		const place = `${endpoints}/${endpoint.id}`;
		const setStatus = async (status) => assertOk(await server.request(
			'POST', place, { json: { status } }));
		const [{ delivery }] = deliveries('--limit', '1');
		const count = gotOf(delivery.event).length;
		await setStatus('disabled');
		operator.text('webhook', 'resend', delivery.event);
		await receiver.until(() =>
			gotOf(delivery.event).length === count + 1);
		await setStatus('enabled');
	});

	test('resend makes good what has failed', async () => {
		receiver.answer('/hook', behave.status(500));
		await createIntent(server);
		const [{ delivery: { event } }] = await whenDeliveries(
			([{ delivery, attempts }]) => delivery.state === 'pending' &&
				attempts.length === 1);
		receiver.answer('/hook', thanks);
		operator.text('webhook', 'resend', event);
		const [{ delivery, attempts }] = await whenDeliveries(
			([one]) => one.attempts.length === 2, '--event', event);
		assert.deepEqual(attempts.map(({ result }) => result),
			['refused', 'succeeded']);
		assert.deepEqual([delivery.state, delivery.due],
			['succeeded', null]);
		assert.equal(gotOf(event).length, 2);
	});

	test('test shows what the endpoint answered', async () => {
		const before = got().length;
		const good = await testIt();
		assert.deepEqual([good.status, good.stderr], [0, '']);
		assert.match(good.stdout, / succeeded +200 +- +thanks$/m);
		assert.equal(JSON.parse(got()[before].body).type, 'endpoint.ping');
		receiver.answer('/hook', behave.status(500, { body: 'no' }));
		const { status, stdout, stderr } = await testIt();
		receiver.answer('/hook', thanks);
		assert.equal(status, 1);
		assert.match(stdout, / refused +500 .* no$/m);
		assert.match(stderr, /did not accept it\n$/);
	});

	test('rotate shows another secret, and both sign', async () => {
		const text = operator.text('webhook', 'rotate', endpoint.id);
		const { secret } = readLines(text);
		assert.match(secret, /^whsec_[0-9A-Za-z]{32}$/);
		assert.match(text, /^Keep the secret now: it will not be shown/m);
		const before = got().length;
		assert.equal((await testIt()).status, 0);
		assert.equal(partsOf(got()[before], secret).length, 1);
		assert.equal(partsOf(got()[before], endpoint.secret).length, 1);
		const { secret: next } = operator.json('webhook', 'rotate',
			endpoint.id, '--grace-seconds', '0');
		assert.equal((await testIt()).status, 0);
		assert.equal(partsOf(got()[before + 1], next).length, 1);
		assert.equal(partsOf(got()[before + 1], secret).length, 0);
	});

	test('deliveries of an endpoint that was deleted are left', async () => {
		const gone = assertOk(await server.request('POST', endpoints,
			{ json: { url: receiver.url('/other'),
				enabled_events: ['*'] } }));
		await createIntent(server);
		const list = () => server.ctl('webhook', 'deliveries', gone.id);
		await until(list, ({ data }) => data.length > 0 &&
			data.every(({ delivery }) => delivery.state === 'succeeded'));
		assertOk(await server.request('DELETE', `${endpoints}/${gone.id}`));
		assert.ok((await list()).data.length > 0);
		assertRefused(operator.call('webhook', 'show', gone.id),
			/No such webhook endpoint/);
	});
});

test('a test that no courier takes says so', async (t) => {
	const server = await startServer(t,
		{ settings: { ...settings, couriers: 0 } });
	const operator = operatorOf('--store', server.store);
	const { id: endpoint } = assertOk(await server.request('POST', endpoints,
		{ json: { url: 'http://127.0.0.1:9/', enabled_events: ['*'] } }));
	const { status, stderr } = operator.call('webhook', 'test', endpoint);
	assert.equal(status, 1);
	assert.match(stderr, /no courier has taken it yet/);
});
