// A client that sends a request again, with its idempotency key, until it is
// answered; what came in between is kept, with its time, so that somebody can
// tell whether a kill explains it.
import assert from 'node:assert/strict';
import http from 'node:http';

import { authorization, encodeForm } from '../http/harness.mjs';

// What a client cannot tell from the network's failure.
const broken = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED'];
// What the web server, or a worker, says where somebody has died.
const failed = [502, 503, 504];
const retryMs = 20;
const triesMax = 3000;

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// How the bytes of a request are sent: at once, half by half, or with the
// client gone before it was answered.
const ways = {
	atOnce: (request, bytes) => request.end(bytes),
	slowly: async (request, bytes) => {
		const middle = bytes.length >> 1;
		request.flushHeaders();
		for (const part of [bytes.slice(0, middle), bytes.slice(middle)]) {
			await rest(100);
			request.write(part);
		}
		request.end();
	},
	hangingUp: (request, bytes) => request.end(bytes, () => request.destroy()),
};

function exchange(options, bytes, way) {
	return new Promise((resolve, reject) => {
		const request = http.request(options);
		request.on('error', reject);
		request.on('close', () => reject(
			Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
		request.on('response', (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => resolve({
				status: response.statusCode,
				headers: response.headers,
				text: Buffer.concat(chunks).toString(),
			}));
		});
		ways[way](request, bytes);
	});
}

export class Client {
	number = 0;
	failures = []; // {at, reason}: an answer that was none
	answers = {}; // by status: how many
	// All connections in turn: none is idle for so long that the web server
	// ends it while a request is on its way.
	#kept = new http.Agent({ keepAlive: true, maxSockets: 256,
		scheduling: 'fifo' });
	#fresh = new http.Agent({ keepAlive: false, maxSockets: 64 });

	// `name` makes its keys different from those of others.
	constructor(baseUrl, name) {
		const { hostname, port } = new URL(baseUrl);
		Object.assign(this, { hostname, port, name });
	}

	newKey() {
		return `${this.name} ${this.number++}`;
	}

	// One attempt; rejects with the network's error.
	send(method, path, { key, json, form, body, idempotency, fresh, isBasic,
		way = 'atOnce' } = {}) {
		const bytes = body ?? (json ? JSON.stringify(json)
			: form ? encodeForm(form) : '');
		const headers = {};
		if (key)
			headers.Authorization = authorization(key,
				isBasic ? 'basic' : 'bearer');
		if (method === 'POST') {
			headers['Content-Length'] = Buffer.byteLength(bytes);
			headers['Content-Type'] = form
				? 'application/x-www-form-urlencoded'
				: 'application/json';
		}
		if (idempotency)
			headers['Idempotency-Key'] = idempotency;
		return exchange({ hostname: this.hostname, port: this.port, method,
			path, headers, agent: fresh || way !== 'atOnce'
				? this.#fresh : this.#kept }, bytes, way);
	}

	#count(status) {
		this.answers[status] = 1 + (this.answers[status] ?? 0);
	}

	// Until it is answered.
	async insist(method, path, options) {
		for (let i = 0; i < triesMax; i++) {
			try {
				const answer = await this.send(method, path, options);
				if (!failed.includes(answer.status)) {
					this.#count(answer.status);
					return answer;
				}
				this.failures.push(
					{ at: Date.now(), reason: answer.status });
			} catch (error) {
				if (!broken.includes(error.code))
					throw error;
				this.failures.push(
					{ at: Date.now(), reason: error.code });
			}
			await rest(retryMs);
		}
		throw new Error(`no answer to ${method} ${path}`);
	}

	// The client is gone before it is answered, which is no failure.
	async hangUp(method, path, options) {
		await assert.rejects(this.send(method, path,
			{ ...options, way: 'hangingUp' }));
	}

	// Lets go of the connections.
	rest() {
		this.#kept.destroy();
		this.#fresh.destroy();
	}
}
