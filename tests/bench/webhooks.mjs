// Webhooks: events that wait are delivered to endpoints of which one may be
// dead, and it is measured when the healthy ones have them all.
//
// A run has a server of its own, without couriers until its events are there:
// creating them costs whatever it costs.  The receiver is nginx with TLS, whose
// log says when each delivery came.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync }
	from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';

import { makeCertificate } from '../http/certificates.mjs';
import { assertOk, startServer } from '../http/harness.mjs';
import { end, poll, run } from './children.mjs';
import { freePort } from './ports.mjs';
import { percentile } from './statistics.mjs';

const creators = 16; // creates at a time
const pollTries = 12000; // of 25 ms: five minutes
const measured = ['first', 'second']; // the endpoints that it is about

// -- The receiver ------------------------------------------------------------

const receiverSettings = ({ folder, port, certificate, key }) => `
user ${process.getuid() === 0 ? 'root' : 'nobody'};
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
	client_body_temp_path ${folder}/body;
	proxy_temp_path ${folder}/proxy;
	fastcgi_temp_path ${folder}/fastcgi;
	uwsgi_temp_path ${folder}/uwsgi;
	scgi_temp_path ${folder}/scgi;
	keepalive_requests 1000000;
	log_format arrival '$msec $http_webhook_id';
	access_log off;
	server {
		listen 127.0.0.1:${port} ssl;
		ssl_certificate ${certificate};
		ssl_certificate_key ${key};
${[...measured, 'third'].map((name) => `
		location = /${name} {
			access_log ${join(folder, name)} arrival;
			return 200;
		}`).join('')}
	}
}
`;

async function startReceiver(folder) {
	const authority = makeCertificate(folder, 'ca', { authority: true });
	const own = makeCertificate(folder, 'receiver',
		{ names: ['IP:127.0.0.1'], issuer: authority });
	const port = await freePort();
	const file = join(folder, 'receiver.conf');
	writeFileSync(file, receiverSettings({ folder, port, ...own }));
	const child = run('nginx', ['-p', folder, '-c', file, '-e', 'stderr'],
		{ log: join(folder, 'receiver.log') });
	const pidFile = join(folder, 'nginx.pid');
	assert.ok(await poll(() => existsSync(pidFile) &&
		statSync(pidFile).size > 0),
	readFileSync(join(folder, 'receiver.log'), 'utf8'));
	return { child, authority: authority.certificate,
		url: `https://127.0.0.1:${port}`,
		log: (name) => join(folder, name) };
}

// Takes connections and never says a word.
function startSilent() {
	const sockets = new Set();
	const server = net.createServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => {});
		socket.on('close', () => sockets.delete(socket));
		socket.resume();
	});
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => resolve({
			port: server.address().port,
			stop() {
				server.close();
				for (const socket of sockets)
					socket.destroy();
			},
		}));
	});
}

// -- What the receiver has had -----------------------------------------------

// All lines are of one length: a time, and an id.
let lineBytes;

function countLines(path) {
	const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
	if (size === 0)
		return 0;
	lineBytes ??= readFileSync(path, 'latin1').indexOf('\n') + 1;
	return size / lineBytes;
}

function readArrivals(path) {
	return readFileSync(path, 'latin1').trimEnd().split('\n')
		.map((line) => line.split(' '))
		.map(([seconds, id]) => ({ at: Number(seconds) * 1000, id }));
}

// As runLoad() has it; a latency is the time since `begun`.
function summarize(files, events, begun) {
	const all = files.map(readArrivals);
	for (const arrivals of all)
		assert.equal(new Set(arrivals.map(({ id }) => id)).size, events,
			'each event at each endpoint');
	const waits = all.flat().map(({ at }) => at - begun);
	const seconds = Math.max(...waits) / 1000;
	return {
		requests: waits.length,
		rate: waits.length / seconds,
		p50_ms: percentile(waits, 0.5),
		p99_ms: percentile(waits, 0.99),
		seconds,
	};
}

// -- The server --------------------------------------------------------------

const writeCouriers = (server, count) => writeFileSync(
	join(server.dir, 'intentd.conf'), `couriers = ${count}\n`);

async function makeEndpoint(server, url) {
	assertOk(await server.request('POST', '/v1/webhook_endpoints',
		{ json: { url, enabled_events: ['payment_intent.created'] } }));
}

async function makeEvents(server, count) {
	let left = count;
	await Promise.all(Array.from({ length: creators }, async () => {
		while (left-- > 0)
			assertOk(await server.request('POST', '/v1/payment_intents',
				{ form: 'amount=2000&currency=usd' }));
	}));
}

// Where the third endpoint's deliveries go; null: there is none.
async function thirdUrl(third, receiver, silent) {
	const urls = {
		none: () => null,
		healthy: () => `${receiver.url}/third`,
		silent: () => `https://127.0.0.1:${silent.port}/`,
		// Where nobody listens.
		refuses: async () => `https://127.0.0.1:${await freePort()}/`,
	};
	return urls[third]();
}

class Delivery {
	groups = {};
	#parts;
	#server;

	constructor(parts) {
		this.#parts = parts;
	}

	// Its events wait when it is done.
	async begin() {
		const { receiver, silent, options, context } = this.#parts;
		this.#server = await startServer({ home: context.folder(),
			conf: 'couriers = 0\n', workers: options.workers, settings: {
				...options.settings,
				allow_private_webhooks: 'yes',
				webhook_ports: '*',
				webhook_ca_file: receiver.authority,
			} });
		this.groups.app = [this.#server.pids().supervisor];
		const third = await thirdUrl(options.third, receiver, silent);
		for (const name of measured)
			await makeEndpoint(this.#server, `${receiver.url}/${name}`);
		if (third !== null)
			await makeEndpoint(this.#server, third);
		await makeEvents(this.#server, options.events);
	}

	async run() {
		const { receiver, options: { events } } = this.#parts;
		const files = measured.map(receiver.log);
		const begun = Date.now();
		writeCouriers(this.#server, 1);
		process.kill(this.#server.pids().supervisor, 'SIGHUP');
		assert.ok(await poll(() => files.every((file) =>
			countLines(file) >= events), pollTries),
		`delivered: ${files.map(countLines)} of ${events} each`);
		return summarize(files, events, begun);
	}

	async #endServer() {
		await this.#server?.stop();
		this.#server = undefined;
	}

	// What its dead endpoint has left would disturb the runs of others.
	async check() {
		await this.#endServer();
		for (const name of [...measured, 'third'])
			rmSync(this.#parts.receiver.log(name), { force: true });
		process.kill(this.#parts.receiver.child.pid, 'SIGUSR1');
	}

	async stop() {
		await this.#endServer();
		await end(this.#parts.receiver.child);
		this.#parts.silent.stop();
	}
}

// third: what the third endpoint is.
export async function startWebhooks(options, context) {
	const folder = context.folder();
	return new Delivery({ receiver: await startReceiver(folder),
		silent: await startSilent(), options, context });
}
