// The client of the stable contract's error reference: it sends a request,
// switches on error.type, and after a rate_limit_error waits until the time
// in X-RateLimit-Reset.  It needs a host and a key, and nothing else of it
// depends on who serves the contract.
export class StableError extends Error {
	constructor(status, { type, code, param, message }) {
		super(message);
		Object.assign(this, { name: 'StableError', status, type, code,
			param });
	}
}

function wait(seconds) {
	return new Promise((resolve) => {
		setTimeout(resolve, seconds * 1000);
	});
}

// What is sent again for an error of ours, by its idempotency key.
const triesMax = 4;

export class StableClient {
	constructor({ host, key }) {
		this.host = host;
		this.key = key;
	}

	createIntent(parameters) {
		return this.send('POST', '/v1/payment-intents', parameters);
	}

	getIntent(id) {
		return this.send('GET', `/v1/payment-intents/${id}`);
	}

	cancelIntent(id) {
		return this.send('POST', `/v1/payment-intents/${id}/cancel`, {});
	}

	async send(method, path, parameters) {
		for (let tries = 1; ; tries++) {
			const response = await fetch(this.host + path, {
				method,
				headers: {
					Authorization: `Bearer ${this.key}`,
					'Content-Type': 'application/json',
				},
				body: parameters && JSON.stringify(parameters),
			});
			const data = await response.json();
			if (response.ok)
				return data;
			await this.handle(response, data.error, tries);
		}
	}

	// Returns if the request may be sent again, and throws if not.
	async handle(response, error, tries) {
		switch (error.type) {
		case 'rate_limit_error': {
			const reset = Number(response.headers.get('X-RateLimit-Reset'));
			await wait(Math.max(0, reset - Date.now() / 1000));
			return;
		}
		case 'api_error':
			if (tries < triesMax) {
				await wait(2 ** tries / 10);
				return;
			}
			break;
		case 'invalid_request_error':
		case 'authentication_error':
		case 'authorization_error':
		case 'not_found_error':
		case 'conflict_error':
			break;
		default:
			throw new TypeError(`an unknown type of error: ${error.type}`);
		}
		throw new StableError(response.status, error);
	}
}
