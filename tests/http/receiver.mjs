// A merchant's side of webhooks: an HTTPS server with a certificate of its own
// authority, that keeps what it is sent and answers as it is told, also in
// every way that a server should not.
//
//	const receiver = await startReceiver();
//	receiver.answer('/hooks', behave.status(500));
//	... receiver.url('/hooks'), receiver.caFile ...
//	const [first] = await receiver.until((all) => all.length >= 1);
//	await receiver.close();
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificates.mjs';

// -- Certificates ------------------------------------------------------------

let made; // once a process, and gone with it

function certificates() {
	if (made === undefined) {
		const folder = mkdtempSync(join(tmpdir(), 'intentd-receiver-'));
		process.once('exit', () => rmSync(folder, { recursive: true }));

		const issuer = makeCertificate(folder, 'ca', { authority: true });
		const here = ['IP:127.0.0.1', 'DNS:localhost',
			'DNS:receiver.test'];
		const elsewhere = ['IP:192.0.2.1', 'DNS:elsewhere.example'];
		made = {
			caFile: issuer.certificate,
			right: makeCertificate(folder, 'right',
				{ names: here, issuer }),
			wrongName: makeCertificate(folder, 'wrong-name',
				{ names: elsewhere, issuer }),
			selfSigned: makeCertificate(folder, 'self-signed',
				{ names: here }),
		};
	}
	return made;
}

function secure({ certificate, key }) {
	return https.createServer({ cert: readFileSync(certificate),
		key: readFileSync(key) });
}

// Where it listens, each at a port of its own.
const doors = {
	https: () => secure(certificates().right),
	wrongName: () => secure(certificates().wrongName),
	selfSigned: () => secure(certificates().selfSigned),
	http: () => http.createServer(),
	// Takes connections and says nothing, not even TLS.
	silent: () => net.createServer((socket) => socket.resume()),
};

// -- What it does with a request ---------------------------------------------

// Each is called with {request, response, socket, raw, before}: `socket` has
// what TLS carries, `raw` is what carries TLS, and `before` is how many
// requests for this path have come earlier.
const begin = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';

// Writes without end, as fast as it is read.
function flood(stream, chunk) {
	const fill = () => {
		while (!stream.destroyed && stream.write(chunk))
			;
	};

	stream.on('drain', fill);
	fill();
}

export const behave = {
	status: (status, { headers = {}, body = '' } = {}) =>
		({ response }) => response.writeHead(status, headers).end(body),
	redirect: (location, status = 301) =>
		behave.status(status, { headers: { Location: location } }),
	garbage: () => ({ socket }) => socket.end('\x00\x16 this is not HTTP\n'),
	never: () => () => {},
	// Keeps all waiting until open() is called; then answers as `later`.
	gated: (later = behave.status(200)) => {
		const waiting = [];
		let isOpen = false;
		return Object.assign(
			(exchange) => isOpen ? later(exchange) : waiting.push(exchange),
			{
				open() {
					isOpen = true;
					waiting.splice(0).forEach(later);
				},
			});
	},
	// A byte of a long answer at a time, from its first one on.
	slowly: (everyMs = 100) => ({ socket }) => {
		const text = `${begin}Content-Length: 100000\r\n\r\n` +
			'.'.repeat(100000);
		let at = 0;
		const timer = setInterval(() => socket.write(text[at++]), everyMs);
		socket.once('close', () => clearInterval(timer));
	},
	// A status line without end.
	endlessLine: () => ({ socket }) => {
		socket.write('HTTP/1.1 200 ');
		flood(socket, 'x'.repeat(1000));
	},
	// Headers without end.
	endlessHeaders: () => ({ socket }) => {
		socket.write(begin);
		flood(socket, `X-More: ${'x'.repeat(1000)}\r\n`);
	},
	// A body without end, as fast as it is read.
	endless: (status = 200) => ({ response }) => {
		response.writeHead(status);
		flood(response, 'more '.repeat(1000));
	},
	// A long body that does end.
	huge: (bytes = 10 << 20, status = 200) =>
		behave.status(status, { body: Buffer.alloc(bytes, 'x') }),
	closeAtOnce: () => ({ socket }) => socket.destroy(),
	closeInHeaders: () => ({ socket }) =>
		socket.write(begin, () => socket.destroy()),
	closeInBody: () => ({ socket }) =>
		socket.write(`${begin}Content-Length: 100\r\n\r\nhalf of it`,
			() => socket.destroy()),
	reset: () => ({ raw }) => raw.resetAndDestroy(),
	// The first `times` requests go one way, what comes later the other.
	failing: (times, first = behave.status(500),
		later = behave.status(200)) => (exchange) =>
		(exchange.before < times ? first : later)(exchange),
};

// -- The receiver ------------------------------------------------------------

class Receiver {
	// Whole requests, in the order in which they came: {at (ms), door,
	// method, path, headers, body (text)}.
	requests = [];
	// TCP connections that were taken, by door.
	connections = {};
	#servers = {};
	#sockets = new Map(); // raw ones, by door and the other end's port
	#behaviours = new Map(); // by path
	#seen = new Map(); // requests, by path
	#waiting = new Set(); // of until()

	get caFile() {
		return certificates().caFile;
	}

	async open(names) {
		for (const name of names) {
			const server = doors[name]();
			this.#servers[name] = server;
			this.connections[name] = 0;
			server.on('connection', (raw) => this.#keep(name, raw));
			server.on('secureConnection', (socket) =>
				socket.on('error', () => {}));
			server.on('request', (request, response) =>
				this.#receive(name, request, response));
			await new Promise((resolve, reject) => {
				server.once('error', reject);
				server.listen(0, '127.0.0.1', resolve);
			});
		}
	}

	// Of a path, at one of the doors it was started with.
	url(path = '/', door = 'https', host = '127.0.0.1') {
		const scheme = door === 'http' ? 'http' : 'https';
		return `${scheme}://${host}:${this.port(door)}${path}`;
	}

	port(door = 'https') {
		return this.#servers[door].address().port;
	}

	// From now on; of paths that have none it is behave.status(200).
	answer(path, behaviour) {
		this.#behaviours.set(path, behaviour);
	}

	// The requests for a path.
	of(path) {
		return this.requests.filter((one) => one.path === path);
	}

	// How many they are; cheap, for until() of very many.
	count(path) {
		return this.#seen.get(path) ?? 0;
	}

	// Resolves to the requests once `predicate` of them is true.  The bound
	// is there to end a test that will not pass, and is no part of it.
	until(predicate, timeoutMs = 30000) {
		return new Promise((resolve, reject) => {
			const end = (say, what) => {
				clearTimeout(timer);
				this.#waiting.delete(waiting);
				say(what);
			};
			const giveUp = (why) => end(reject, new Error(`${why}, of ` +
				`${this.requests.length} requests: ${predicate}`));
			const look = () => {
				try {
					if (predicate(this.requests))
						end(resolve, this.requests);
				} catch (error) {
					end(reject, error);
				}
			};
			const waiting = { look, giveUp };
			const timer = setTimeout(giveUp, timeoutMs,
				`not in ${timeoutMs} ms`);

			this.#waiting.add(waiting);
			look();
		});
	}

	// Ends all connections, whatever they are at.
	async close() {
		for (const waiting of this.#waiting)
			waiting.giveUp('not before it was closed');
		const closed = Object.values(this.#servers).map((server) =>
			new Promise((resolve) => server.close(resolve)));
		for (const raw of this.#sockets.values())
			raw.destroy();
		await Promise.all(closed);
	}

	#keep(door, raw) {
		const other = `${door} ${raw.remotePort}`;

		this.connections[door]++;
		this.#sockets.set(other, raw);
		raw.once('close', () => this.#sockets.delete(other));
		raw.on('error', () => {}); // The other end may go whenever it likes.
	}

	#receive(door, request, response) {
		const { method, url: path, headers, socket } = request;
		const raw = this.#sockets.get(`${door} ${socket.remotePort}`);
		const at = Date.now();
		let body = '';

		response.on('error', () => {});
		request.on('error', () => {});
		request.setEncoding('utf8');
		request.on('data', (chunk) => { body += chunk; });
		request.on('end', () => {
			const before = this.#seen.get(path) ?? 0;

			this.#seen.set(path, before + 1);
			this.requests.push({ at, door, method, path, headers, body });
			(this.#behaviours.get(path) ?? behave.status(200))(
				{ request, response, socket, raw, before });
			for (const waiting of this.#waiting)
				waiting.look();
		});
	}
}

// Listens at 127.0.0.1 with the doors named.
export async function startReceiver(names = ['https']) {
	const receiver = new Receiver();

	try {
		await receiver.open(names);
	} catch (error) {
		await receiver.close();
		throw error;
	}
	return receiver;
}
