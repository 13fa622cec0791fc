// The book: what was answered of each payment last, written down by those who
// asked; held against what the store has in the end, both too long for memory
// as anything but one short text for each payment.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

import { build } from '../http/harness.mjs';

const lines = (input) => createInterface({ input, crlfDelay: Infinity });

// {id: 'status received refunded'}
export async function readBook(files) {
	const book = new Map();
	for (const file of files)
		for await (const line of lines(createReadStream(file))) {
			const end = line.indexOf(' ');
			book.set(line.slice(0, end), line.slice(end + 1));
		}
	return book;
}

const cents = (dollars) => Math.round((dollars ?? 0) * 100);

// A payment as the store has it, in the book's words.
function wordsOf({ status, amount_received: received, charges }) {
	if (!charges)
		return `${status} ${cents(received)} 0`;
	const refunded = charges.data.reduce((sum, charge) =>
		sum + charge.amount_refunded, 0);
	return `${status} ${received} ${refunded}`;
}

// Time ends what nobody has paid.
const isSame = (found, wanted) => found === wanted ||
	(wanted === 'awaiting_payment 0 0' && found === 'expired 0 0');

async function* objectsOf(server) {
	const child = spawn(join(build, 'intentctl'),
		['--store', server.store, 'export', '-'],
		{ stdio: ['ignore', 'pipe', 'pipe'] });
	let said = '';
	child.stderr.on('data', (chunk) => { said += chunk; });
	const ended = new Promise((resolve) => child.once('close', resolve));
	for await (const line of lines(child.stdout))
		if (line.includes('"object":"payment_intent"'))
			yield JSON.parse(line).data;
	assert.equal(await ended, 0, said);
}

// Everything that was answered is there, and nothing else is.  Returns what
// has succeeded, sums, and what is not so: lost (answered, and not there),
// doubled (there, and nobody was answered so), differing in its state.
export async function closeBook(server, files) {
	const book = await readBook(files);
	const payments = book.size;
	const succeeded = new Set();
	const sums = { received: 0, refunded: 0 };
	const wrong = { lost: [], doubled: [], differing: [] };
	for await (const object of objectsOf(server)) {
		if (object.object !== 'payment_intent')
			continue;
		const found = wordsOf(object);
		const wanted = book.get(object.id);
		if (wanted === undefined)
			wrong.doubled.push(`${object.id} is ${found}`);
		else if (!isSame(found, wanted))
			wrong.differing.push(
				`${object.id} is ${found}, not ${wanted}`);
		const [status, received, refunded] = found.split(' ');
		sums.received += Number(received);
		sums.refunded += Number(refunded);
		if (['succeeded', 'confirmed', 'settled'].includes(status))
			succeeded.add(object.id);
		book.delete(object.id);
	}
	wrong.lost = [...book.keys()];
	return { payments, succeeded, sums, wrong };
}
