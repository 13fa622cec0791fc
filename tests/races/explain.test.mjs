// The search for an order, on a register that everybody knows: what it must
// let pass, and what it must find.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { explain, follow } from './explain.mjs';
import { pageOf } from './model.mjs';
import { createNames, difference, freshName } from './names.mjs';

const register = {
	apply(shop, { write }) {
		if (write !== undefined)
			shop.value = write;
		return { status: 200, body: shop.value };
	},
};

const shops = { one: { names: createNames(), value: 0 } };

// [begin, end, what was written or undefined, what was answered]
function ones(...rows) {
	return rows.map(([begin, end, write, body]) => ({ begin, end,
		call: { shop: 'one', write },
		observed: { status: 200, replayed: false, body } }));
}

const read = undefined;

describe('an order', () => {
	const explained = {
		'one after the other': [[0, 1, 7, 7], [2, 3, read, 7]],
		'a read beside a write may come before it':
			[[0, 9, 7, 7], [1, 2, read, 0], [3, 4, read, 7]],
		'answers that came in another order':
			[[0, 9, 7, 7], [1, 8, 5, 5], [10, 11, read, 7]],
	};
	for (const [what, rows] of Object.entries(explained))
		test(`is found: ${what}`, async () => {
			const { tried, isDecided } = await explain(register, shops,
				ones(...rows));
			assert.ok(isDecided && tried >= rows.length);
		});

	const unexplained = {
		'a read of what was before, after the write had ended':
			[[0, 1, 7, 7], [2, 3, read, 0]],
		'a write that is lost': [[0, 1, 7, 7], [2, 3, 5, 5], [4, 5, read, 7]],
		'two reads that see the writes in two orders':
			[[0, 9, 7, 7], [0, 9, 5, 5], [1, 2, read, 7], [3, 4, read, 5],
				[10, 11, read, 7]],
		'what nobody wrote': [[0, 9, 7, 7], [0, 9, read, 3]],
	};
	for (const [what, rows] of Object.entries(unexplained))
		test(`is not found: ${what}`, async () => {
			await assert.rejects(explain(register, shops, ones(...rows)),
				/no order explains the answers/);
		});

	test('one after the other is held to the order given', () => {
		assert.throws(() => follow(register, shops,
			ones([0, 9, 7, 7], [0, 9, read, 0])), /no such answer/);
	});
});

// Whoever adds is told the sum, so that the turns are known; the list is in the
// order of the turns.
describe('the order of a list', () => {
	const adder = {
		apply(shop, { write }) {
			if (write === undefined)
				return { status: 200, body: pageOf(shop, shop.rows, {}, 9,
					() => true).data };
			shop.rows.push({ id: write });
			shop.sum += write;
			return { status: 200, body: shop.sum };
		},
	};
	const empty = { one: { names: createNames(), rows: [], sum: 0 } };
	const listed = [10, 11, read, [{ id: 2 }, { id: 1 }]];

	test('is that of turns, also at one time', async () => {
		const [one, other] = [[0, 9, 2, 2], [0, 9, 1, 3]];
		assert.ok((await explain(adder, empty, ones(one, other,
			[10, 11, read, [{ id: 1 }, { id: 2 }]]))).isDecided);
		await assert.rejects(explain(adder, empty, ones(one, other, listed)),
			/no order explains/);
	});

	test('is not decided where the search had to end too early', async () => {
		assert.equal((await explain(adder, empty,
			ones([0, 9, 2, 2], [0, 9, 1, 3], listed), 1)).isDecided, false);
	});

	test('is that of turns, one after the other', async () => {
		await assert.rejects(explain(adder, empty,
			ones([0, 1, 2, 2], [2, 3, 1, 3], listed)), /no order explains/);
	});
});

describe('a name', () => {
	const ids = [1, 2].map((digit) => `pi_${String(digit).repeat(26)}`);
	const made = () => {
		const names = createNames();
		return { names, a: freshName(names, 'pi'), b: freshName(names, 'pi') };
	};

	test('is the value that it was first seen with', () => {
		const { names, a } = made();
		assert.equal(difference(names, { id: a }, { id: ids[0] }), null);
		assert.equal(difference(names, [a, `/v1/x?id=${a}`],
			[ids[0], `/v1/x?id=${ids[0]}`]), null);
		assert.match(difference(names, { id: a }, { id: ids[1] }), /^\.id: /);
	});

	test('is no value of another name, and none of another kind', () => {
		const { names, a, b } = made();
		assert.equal(difference(names, a, ids[0]), null);
		assert.notEqual(difference(names, b, ids[0]), null);
		assert.notEqual(difference(names, b, ids[1].replace('pi', 'ch')),
			null);
		assert.notEqual(difference(names, b, null), null);
	});

	test('leaves no member out, and none over', () => {
		const { names } = made();
		for (const [expected, actual] of [[{ a: 1 }, {}], [{}, { a: 1 }],
			[[], {}], [{ a: null }, { a: 0 }], [[1], [1, 2]]])
			assert.notEqual(difference(names, expected, actual), null);
	});
});
