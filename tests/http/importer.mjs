// Files for intentctl import, and shops that they are imported into.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeFolder, operatorOf } from './operator.mjs';

export const plain = { amount: 100, currency: 'usd' };
export const numbered = (count, more = () => ({})) => Array.from({ length: count },
	(_, i) => ({ amount: i + 1, currency: 'usd', ...more(i) }));
export const text = (lines) => lines.map((line) =>
	(typeof line === 'string' ? line : JSON.stringify(line)) + '\n').join('');
export const counts = (created, replayed = 0, refused = 0) =>
	({ object: 'import', created, replayed, refused });

// Room for some ten thousand intents, where 4 MiB are too few.
export function makeLargeShop(t) {
	const folder = makeFolder(t);
	const store = join(folder, 'intents.mdb');
	const operator = Object.assign(operatorOf('--store', store),
		{ folder, store });
	operator.text('init');
	operator.account = operator.json('account', 'create', '--name', 'A').id;
	operator.merchant =
		operator.json('merchant', 'create', '--name', 'A').id;
	return operator;
}

export function writeLines(operator, lines, name = 'in.jsonl') {
	const path = join(operator.folder, name);
	writeFileSync(path, Buffer.isBuffer(lines) || typeof lines === 'string'
		? lines : text(lines));
	return path;
}

// All intents, oldest first.
export function list(operator, ...words) {
	const all = [];
	let after = [];
	for (;;) {
		const page = operator.json('intent', 'list', '--mode', 'test',
			'--limit', '100', ...words, ...after);
		all.push(...page.data);
		if (!page.has_more)
			return all.reverse();
		after = ['--starting-after', page.next_cursor];
	}
}

export function assertClean(operator) {
	assert.match(operator.text('verify'), /, 0 findings\n$/);
}

export const intentCount = (operator) =>
	operator.json('verify').tables.intents;
