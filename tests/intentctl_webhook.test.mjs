// intentctl webhook as it is called: what it takes, and what is not there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertMisused, assertRefused, makeKey, makeShop }
	from './http/operator.mjs';

const endpoint = `we_${'0'.repeat(25)}1`;
const event = `evt_${'0'.repeat(25)}1`;

describe('intentctl webhook', () => {
	let operator;

	let remove;

	before(() => {
		operator = makeShop({ after: (done) => { remove = done; } });
	});
	after(() => remove());

	test('lists nothing where there is nothing', () => {
		assert.equal(operator.text('webhook', 'list'),
			'There are no webhook endpoints.\n');
		const list = operator.json('webhook', 'list', '--mode', 'live');
		assert.deepEqual(list.data, []);
		assert.equal(list.has_more, false);
	});

	for (const command of ['show', 'deliveries', 'rotate', 'test'])
		test(`${command} refuses an endpoint that is not there`, () => {
			for (const one of [endpoint, 'we_nonexistent'])
				assertRefused(operator.call('webhook', command, one),
					new RegExp(`No such webhook endpoint: '${one}'`));
			assertMisused(operator.call('webhook', command, event),
				/WE: must be an id that begins with we_/,
				`webhook ${command} WE`);
			assertMisused(operator.call('webhook', command),
				/WE is missing/);
		});

	test('resend refuses an event that is not there', () => {
		assertRefused(operator.call('webhook', 'resend', event),
			new RegExp(`No such event: '${event}'`));
		assertMisused(operator.call('webhook', 'resend', event,
			'--endpoint', event), /--endpoint: must be the id of a webhook/,
		'webhook resend EVT [--endpoint WE]');
	});

	test('deliveries has bounds', () => {
		for (const limit of ['0', '101', 'x'])
			assertMisused(operator.call('webhook', 'deliveries', endpoint,
				'--limit', limit), /--limit: must be an integer from 1/);
		assertMisused(operator.call('webhook', 'deliveries', endpoint,
			'--event', endpoint), /--event: must be the id of an event/);
	});

	test('a secret may overlap for seven days, a key for one', () => {
		const { id } = makeKey(operator);
		const roll = (seconds) => operator.call('key', 'roll', id,
			'--grace-seconds', seconds);
		const rotate = (seconds) => operator.call('webhook', 'rotate',
			endpoint, '--grace-seconds', seconds);
		assertMisused(roll('86401'),
			/--grace-seconds: must be an integer from 0 to 86400$/);
		assert.equal(roll('86400').status, 0);
		assertMisused(rotate('604801'),
			/--grace-seconds: must be an integer from 0 to 604800$/);
		assertRefused(rotate('604800'), /No such webhook endpoint/);
	});
});
