// No key and no secret of a server is in its logs, whatever a test did with it:
// looked at wherever one ends.  There is no exception; a test that needs one
// has its own reason to say here.
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, statSync } from 'node:fs';

// Some thousands in a test that makes intents, against a handful of others.
const isOfIntent = (secret) => secret.includes('_secret_');
// What is never shown of a key, and of a secret.
const hiddenOf = (secret) => /^[spr]k_/.test(secret) ? secret.slice(12)
	: secret.slice(secret.lastIndexOf('_') + 1);

// Those in an answer of the server's, or of intentctl's as JSON.
export function noteSecrets(secrets, text) {
	for (const [, secret] of text.matchAll(
		/"(?:client_)?secret": ?"([^"]+)"/g))
		secrets.add(secret);
}

// An hour's audit log is longer than a text can be; what lies across the end of
// a piece is whole in the next one.
const pieceBytes = 16 << 20;
const overlapBytes = 256;

// Not of what a reader waits at, as a log may be.
function* piecesOf(name) {
	if (!statSync(name, { throwIfNoEntry: false })?.isFile())
		return;
	const file = openSync(name);
	const bytes = Buffer.alloc(pieceBytes);
	try {
		for (let at = 0, count = pieceBytes; count === pieceBytes;
			at += pieceBytes - overlapBytes) {
			count = readSync(file, bytes, 0, pieceBytes, at);
			yield bytes.toString('latin1', 0, count);
		}
	} finally {
		closeSync(file);
	}
}

function findIn(text, secrets) {
	const words = new Set(text.split(/[^0-9A-Za-z]+/));
	return secrets.filter((secret) => isOfIntent(secret)
		? words.has(hiddenOf(secret)) : text.includes(hiddenOf(secret)));
}

// `logs` are files of every server; the settings may name more.
export function assertNoSecretIn(logs, { settings, secrets }) {
	const own = ['log', 'slow_log', 'audit_log']
		.map((name) => settings[name] ?? '')
		.filter((file) => file.startsWith('/'));
	for (const file of [...logs, ...own])
		for (const piece of piecesOf(file))
			assert.deepEqual(findIn(piece, [...secrets]), [],
				`a secret is in ${file}`);
}
