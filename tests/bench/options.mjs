// How long, how often and of what: all of it, the short form, and what the
// environment says otherwise.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

const full = {
	seconds: 5,
	warmUpSeconds: 2,
	peerWarmUpSeconds: 10,
	runs: 5,
	clients: [16, 64, 128],
	goalClients: 64,
	workers: 4, // as many as by default
	workerCounts: [1, 2, 4, 8, 16, 32, 64],
	memoryWorkers: [8, 64],
	byteClients: [1, 16, 64],
	growth: [10000, 100000, 1000000, 5000000],
	ids: 2000, // that GETs choose from
	webhookEvents: 10000,
	flushes: 500,
};

// That everything works, and nothing about how fast.
const short = {
	seconds: 0.3,
	warmUpSeconds: 0.15,
	peerWarmUpSeconds: 0.15,
	runs: 1,
	clients: [4],
	goalClients: 4,
	workers: 2,
	workerCounts: [1, 2],
	memoryWorkers: [1, 2],
	byteClients: [1, 4],
	growth: [200, 1000],
	ids: 50,
	webhookEvents: 40,
	flushes: 20,
};

const numbers = (text) => text.split(',').map(Number);

// Each variable of the environment, and what it sets.
const variables = {
	BENCH_SECONDS: (text) => ({ seconds: Number(text) }),
	BENCH_RUNS: (text) => ({ runs: Number(text) }),
	BENCH_CLIENTS: (text) => ({ clients: numbers(text) }),
	BENCH_WORKERS: (text) => ({ workers: Number(text) }),
	BENCH_GROWTH: (text) => ({ growth: numbers(text) }),
	BENCH_EVENTS: (text) => ({ webhookEvents: Number(text) }),
	BENCH_SERIES: (text) => ({ series: text.split(',') }),
	BENCH_DIR: (text) => ({ dir: text }),
	BENCH_RESULTS: (text) => ({ results: text }),
};

function check(options) {
	for (const [name, value] of Object.entries(options))
		for (const item of [value].flat())
			if (typeof item === 'number' && !(item > 0))
				throw new Error(`${name}: not a number above 0`);
	return options;
}

// The goals are of 64 clients, or where these are not among the chosen, of
// the most.
function chooseGoalClients(options) {
	return { ...options, goalClients:
		options.clients.includes(options.goalClients)
			? options.goalClients : Math.max(...options.clients) };
}

export function readOptions(words, environment) {
	if (words.some((word) => word !== '--short'))
		throw new Error('usage: main.mjs [--short]');
	const chosen = {
		dir: '/var/tmp',
		results: join(root, 'build/bench'),
		...words.includes('--short') ? short : full,
	};
	for (const [name, read] of Object.entries(variables))
		if (environment[name])
			Object.assign(chosen, read(environment[name]));
	return chooseGoalClients(check(chosen));
}
