// The merchants' side of webhooks, for hours: of what arrives only the payment
// is kept.  Some events are refused at first, and come again.
import { startReceiver } from '../http/receiver.mjs';

const refusedShare = 0.05;

export class Sink {
	arrived = new Map(); // a payment's id: how often
	refused = new Set(); // events
	total = 0;
	refuses = true; // some of what comes first

	async open(random) {
		this.random = random;
		this.receiver = await startReceiver();
		return this;
	}

	url(path) {
		this.receiver.answer(path, (exchange) => this.#take(exchange));
		return this.receiver.url(path);
	}

	#take({ request, response }) {
		const { body } = this.receiver.requests.at(-1);
		this.receiver.requests.length = 0;
		this.total++;
		const event = request.headers['webhook-id'];
		const { type, data } = JSON.parse(body);
		const isRefused = this.refuses && type !== 'endpoint.ping' &&
			!this.refused.has(event) && this.random() < refusedShare;
		if (isRefused) {
			this.refused.add(event);
			response.writeHead(500).end();
			return;
		}
		const { id } = typeof data.object === 'object' ? data.object : data;
		this.arrived.set(id, 1 + (this.arrived.get(id) ?? 0));
		response.writeHead(200).end();
	}

	close() {
		return this.receiver.close();
	}
}
