// That power.test.mjs would notice: programs that do not flush, or flush in
// another order, or tell somebody too soon, are found out by the same verdict.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { isLong } from '../http/amount.mjs';
import { compileTools, makeFolder } from './power_log.mjs';
import { findDisorder, judge, lengths, recordLoad, seed, settings } from
	'./power_verdict.mjs';

// lmdb.h
const MDB_NOSYNC = 0x10000;
const MDB_NOMETASYNC = 0x40000;

let folder;
let tools;

before(() => {
	folder = makeFolder();
	tools = compileTools(folder);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const few = { posts: 25, states: 150, samples: lengths.samples,
	enough: isLong ? 20 : 3 };

const isLost = /lost: transaction/;
const isAuditLost = /lines of the audit log are lost/;

const faults = [
	{ what: 'does not flush its pages', fault: 'flush:intents.mdb',
		order: true, finds: /./ },
	{ what: 'flushes nothing', lmdbFlags: MDB_NOSYNC, order: true,
		finds: isLost },
	{ what: 'does not flush its meta page', lmdbFlags: MDB_NOMETASYNC,
		order: true, finds: isLost },
	{ what: 'has no descriptor that flushes', fault: 'dsync:intents.mdb',
		order: true, finds: isLost },
	{ what: 'does not flush its audit log', fault: 'flush:audit.log',
		order: false, finds: isAuditLost },
];

describe('a server is found out that', () => {
	for (const { what, order, finds, ...fault } of
			isLong ? faults : faults.slice(0, 1))
		test(what, async (t) => {
			const recorded = await recordLoad(t, tools,
				{ ...few, settings, ...fault });
			assert.equal(findDisorder(recorded).length > 0, order);
			const { failures } = await judge(t, tools, recorded,
				{ ...few, seed, folder });
			assert.ok(failures.some(({ message }) => finds.test(message)),
				failures.map(({ message }) => message).join('\n'));
		});

	const early = async (t) => {
		const recorded = await recordLoad(t, tools, { ...few, settings });
		// As if each answer had been sent a few of its calls earlier.
		const { events, said } = recorded;
		const places = events.map(({ at }) => at);
		for (const [id, at] of said)
			said.set(id, places[Math.max(0, places.indexOf(at) - 4)]);
		const { failures } = await judge(t, tools, recorded,
			{ ...few, seed, folder, states: 2000 });
		assert.ok(failures.some(({ message }) => isLost.test(message)));
	};

	if (isLong)
		test('answers before its commit', early);
});
