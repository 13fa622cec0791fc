// A mixed load by clients that send every request once: whatever fails is kept
// and shown, and what was answered is in the book, to be found in the store.
import assert from 'node:assert/strict';
import http from 'node:http';

import { visa } from './fixtures.mjs';
import { encodeForm } from './harness.mjs';

const intents = '/v1/payment_intents';

export class Churn {
	constructor(server) {
		this.server = server;
		this.open = true;
		this.answers = 0;
		this.failures = [];
		this.book = new Map(); // an intent's id: its status as answered last
		this.number = 0;
		// Clients that keep their connection to nginx, and that do not.
		this.agents = [true, false].map((keepAlive) =>
			new http.Agent({ keepAlive }));
	}

	// Its body where it was answered with 200, else undefined.
	async send(agent, method, path, { form, key } = {}) {
		const { hostname, port } = new URL(this.server.baseUrl);
		const headers = { Authorization: `Bearer ${this.server.testKey}` };
		const body = form && encodeForm(form);
		if (method === 'POST')
			headers['Content-Length'] = Buffer.byteLength(body ?? '');
		if (body)
			headers['Content-Type'] = 'application/x-www-form-urlencoded';
		if (key)
			headers['Idempotency-Key'] = key;
		try {
			const { status, text } = await exchange({ agent, hostname, port,
				method, path, headers }, body);
			this.answers++;
			if (status === 200)
				return JSON.parse(text);
			this.failures.push(`${method} ${path}: ${status} ${text}`);
		} catch (error) {
			this.failures.push(`${method} ${path}: ${error.code}`);
		}
		return undefined;
	}

	learn(intent) {
		if (intent)
			this.book.set(intent.id, intent.status);
		return intent;
	}

	async errand(agent, i) {
		const form = { amount: 2000, currency: 'usd', payment_method: visa };
		const key = i % 2 === 0 ? `errand ${this.number++}` : undefined;
		const made = this.learn(await this.send(agent, 'POST', intents,
			{ form, key }));
		if (!made)
			return;
		if (i % 3 === 0)
			this.learn(await this.send(agent, 'POST',
				`${intents}/${made.id}/confirm`));
		const read = await this.send(agent, 'GET', `${intents}/${made.id}`);
		if (read && read.status !== this.book.get(made.id))
			this.failures.push(`${made.id} is ${read.status}`);
		if (i % 4 === 0)
			await this.send(agent, 'GET', `${intents}?limit=3`);
	}

	// Until it is no longer open, or something has failed.
	async run(clients) {
		await Promise.all(Array.from({ length: clients },
			async (_, client) => {
				for (let i = client; this.open; i++)
					await this.errand(this.agents[client % 2], i);
			}));
		this.agents.forEach((agent) => agent.destroy());
	}

	// All that was answered is there as it was answered, and nothing else.
	async assertAllThere() {
		const found = new Map();
		for (let after = '', more = true; more;) {
			const page = await this.send(undefined, 'GET',
				`${intents}?limit=100${after}`);
			page.data.forEach(({ id, status }) => found.set(id, status));
			after = `&starting_after=${page.data.at(-1).id}`;
			more = page.has_more;
		}
		assert.deepEqual([...found].sort(), [...this.book].sort());
		const { findings } = await this.server.ctl('verify');
		assert.deepEqual(findings, []);
	}
}

function exchange(options, body) {
	return new Promise((resolve, reject) => {
		const request = http.request(options);
		request.on('error', reject);
		request.on('response', (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => resolve({ status: response.statusCode,
				text: Buffer.concat(chunks).toString() }));
		});
		request.end(body);
	});
}
