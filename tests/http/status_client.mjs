// A client of the status socket, and what it finds there.
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';

export const socketOf = (server) => join(server.dir, 'status.sock');

// One exchange; rejects where nobody listens.
export function ask(server, path, { method = 'GET', body, port } = {}) {
	const where = port ? { host: '127.0.0.1', port } :
		{ socketPath: socketOf(server) };
	return new Promise((resolve, reject) => {
		const request = http.request({ ...where, method, path,
			agent: false }, (response) => {
			let text = '';
			response.setEncoding('utf8');
			response.on('data', (chunk) => { text += chunk; });
			response.on('error', reject);
			response.on('end', () => resolve({ text,
				status: response.statusCode, headers: response.headers,
				body: /json/.test(response.headers['content-type']) &&
					text !== '' ? JSON.parse(text) : undefined }));
		});
		request.on('error', reject);
		request.end(body);
	});
}

// The same; null where nobody listens at the moment.
export const askAnyway = (...words) => ask(...words).catch(() => null);

// For a status that is no unix socket: nobody listens there now.
export const freePort = () => new Promise((resolve) => {
	const probe = net.createServer().listen(0, '127.0.0.1', () => {
		const { port } = probe.address();
		probe.close(() => resolve(port));
	});
});

export const readStatus = async (server) =>
	(await ask(server, '/status')).body;

export const ofKind = ({ processes }, kind) =>
	processes.filter((one) => one.kind === kind);

export const sum = (list, member) =>
	list.reduce((total, one) => total + one[member], 0);

// Prometheus's text format: [{name, labels, value, type}], each line of which
// must be one that it knows.
export function parseMetrics(text) {
	const types = new Map();
	const samples = [];
	for (const line of text.trimEnd().split('\n')) {
		const type = line.match(
			/^# TYPE ([a-z_:]+) (counter|gauge|histogram)$/);
		const sample = line.match(
			/^([a-z_:]+)(?:\{(.*)\})? (-?\d+(?:\.\d+)?)$/);
		if (type)
			types.set(type[1], type[2]);
		else if (sample)
			samples.push({ name: sample[1], value: Number(sample[3]),
				type: types.get(sample[1]),
				labels: Object.fromEntries([...(sample[2] ?? '')
					.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)",?/g)]
					.map(([, name, value]) => [name, value])) });
		else if (!/^# HELP [a-z_:]+ \S/.test(line))
			throw new Error(`not of the format: ${line}`);
	}
	return samples;
}
