// FastCGI spoken by hand, past the web server.
import net from 'node:net';

import { checkAnswer, parseHead } from './harness.mjs';

export const record = { begin: 1, abort: 2, end: 3, params: 4, stdin: 5,
	stdout: 6, result: 10 };

// A server's socket as net.connect() takes it: a path, or tcp:ADDRESS:PORT.
function addressOf({ socket }) {
	const [, host, port] = socket.match(/^tcp:\[?(.*?)\]?:(\d+)$/) ?? [];
	return host === undefined ? { path: socket } : { host, port };
}

// One record of the FastCGI protocol, version 1.
export function fastcgiRecord(type, content = '', id = 1) {
	const bytes = Buffer.from(content);
	const head = Buffer.from([1, type, id >> 8, id & 255,
		bytes.length >> 8, bytes.length & 255, 0, 0]);
	return Buffer.concat([head, bytes]);
}

// Whole records, each with so many bytes of padding (up to 255) behind it.
export function fastcgiPad(bytes, count) {
	const padded = [];
	for (let at = 0, end; at < bytes.length; at = end) {
		end = at + 8 + bytes.readUInt16BE(at + 4);
		const one = Buffer.from(bytes.subarray(at, end));
		one[6] = count;
		// What a header would look like, were it taken for one.
		padded.push(one, Buffer.alloc(count, 1));
	}
	return Buffer.concat(padded);
}

// Role responder; keep: the connection shall outlive the request.
export function fastcgiBegin({ keep = false } = {}) {
	return fastcgiRecord(record.begin,
		Buffer.from([0, 1, Number(keep), 0, 0, 0, 0, 0]));
}

function pairLength(length) {
	if (length < 128)
		return Buffer.from([length]);
	const four = Buffer.alloc(4);
	four.writeUInt32BE(length + 0x80000000);
	return four;
}

// Name-value pairs; a value that is an array stands once for each item.
export function fastcgiPairs(params) {
	return Buffer.concat(Object.entries(params).flatMap(([name, values]) =>
		[values].flat().flatMap((value) => {
			const [key, text] = [Buffer.from(name), Buffer.from(value)];
			return [pairLength(key.length), pairLength(text.length),
				key, text];
		})));
}

function streamRecords(type, content) {
	const bytes = Buffer.from(content);
	const records = [];
	for (let at = 0; at < bytes.length; at += 0x8000)
		records.push(fastcgiRecord(type, bytes.subarray(at, at + 0x8000)));
	records.push(fastcgiRecord(type));
	return records;
}

export function fastcgiRequest(params, body = '', options = {}) {
	return Buffer.concat([
		fastcgiBegin(options),
		...streamRecords(record.params, fastcgiPairs(params)),
		...streamRecords(record.stdin, body),
	]);
}

// What came as STDOUT up to the request's end, whether that has come, and what
// is behind it.
function readRecords(bytes) {
	const stdout = [];
	let ended = false;
	let at = 0;
	while (!ended && at + 8 <= bytes.length) {
		const length = bytes.readUInt16BE(at + 4);
		const content = bytes.subarray(at + 8, at + 8 + length);
		if (bytes[at + 1] === record.stdout)
			stdout.push(content);
		ended = bytes[at + 1] === record.end;
		at += 8 + length + bytes[at + 6];
	}
	return { raw: Buffer.concat(stdout).toString(), ended,
		rest: bytes.subarray(at) };
}

function parseCgiAnswer({ raw, ended }) {
	const split = raw.indexOf('\r\n\r\n');
	if (split < 0)
		return null;
	const { headers } = parseHead(`\r\n${raw.slice(0, split)}`);
	return { ended, headers, status: parseInt(headers.status ?? '200', 10),
		text: raw.slice(split + 4) };
}

// Sends bytes to a worker through its socket and reads to the end.  With
// halfClose nothing more is to come.  Null where nothing was answered.
export function fastcgiBytes(server, bytes, options = {}) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(addressOf(server));
		const chunks = [];
		socket.on('data', (chunk) => chunks.push(chunk));
		socket.on('error', (error) => {
			if (!['ECONNRESET', 'EPIPE'].includes(error.code))
				reject(error);
		});
		socket.on('close', () => resolve(Buffer.concat(chunks)));
		socket.write(bytes);
		if (options.halfClose)
			socket.end();
	}).then(readRecords).then(parseCgiAnswer).then((answer) => answer &&
		checkAnswer(answer, {
			contract: options.contract ?? 'card',
			publicUrl: server.publicUrl,
			key: server.testKey,
		}));
}

// A connection to a worker that stays open as long as the worker wants:
// send(bytes); answer() resolves to the next one, checked, or to null where
// the connection was closed instead; `closed` to the bytes that nobody took.
// An answer `isLast` where the worker has said so behind it.
// Nothing is read before the first answer() or read().
export function fastcgiConnect(server) {
	const socket = net.connect(addressOf(server));
	const chunks = [];
	let wake = () => {};
	let open = true;
	socket.pause();
	const closed = new Promise((resolve) => socket.on('close', () => {
		open = false;
		wake();
		resolve(Buffer.concat(chunks));
	}));
	socket.on('error', () => {});
	socket.on('data', (chunk) => {
		chunks.push(chunk);
		wake();
	});
	// The pieces are put together once the last of them seems to be there.
	function takeAnswer() {
		const found = readRecords(Buffer.concat(chunks));
		if (!found.ended && open)
			return undefined;
		chunks.splice(0, Infinity, found.rest);
		return found.ended ? { ...parseCgiAnswer(found),
			isLast: found.rest[1] === record.result } : null;
	}
	return {
		closed,
		connected: new Promise((resolve) =>
			socket.once('connect', resolve)),
		send: (bytes) => socket.write(bytes),
		read: () => socket.resume(),
		end: () => socket.end(),
		destroy: () => socket.destroy(),
		async answer(options = {}) {
			socket.resume();
			for (;;) {
				const answer = takeAnswer();
				if (answer !== undefined)
					return answer && checkAnswer(answer, {
						contract: options.contract ?? 'card',
						publicUrl: server.publicUrl,
						key: server.testKey,
					});
				await new Promise((resolve) => { wake = resolve; });
			}
		},
	};
}

// The parameters that nginx sends for a request (nginx/fastcgi.conf).
export function fastcgiParams(server, method, uri, body = '', more = {}) {
	return {
		REQUEST_METHOD: method,
		REQUEST_URI: uri,
		CONTENT_TYPE: body === '' ? '' : 'application/json',
		CONTENT_LENGTH: body === '' ? '' : String(Buffer.byteLength(body)),
		REMOTE_ADDR: '127.0.0.1',
		REQUEST_ID: 'req_0123456789abcdef0123456789abcdef',
		HTTP_AUTHORIZATION: `Bearer ${server.testKey}`,
		...more,
	};
}

// A whole request, past nginx.
export function fastcgi(server, params, body = '') {
	return fastcgiBytes(server, fastcgiRequest(params, body));
}
