// The load generator: one run of wrk, as figures.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

// One thread sends more than two cores can answer, and leaves them the rest.
const threads = 1;
const socketTimeout = '30s';

function wrkArguments(url, clients, seconds) {
	return ['--threads', threads, '--connections', clients,
		'--duration', `${Math.ceil(seconds)}s`, '--timeout', socketTimeout,
		'--script', script, url].map(String);
}

function wrkEnvironment(load) {
	return {
		...process.env,
		LOAD_KIND: load.kind,
		LOAD_KEY: load.key,
		LOAD_IDS: load.ids ?? '/dev/null',
		LOAD_RUN: randomBytes(4).toString('hex'),
	};
}

// wrk takes whole seconds; asked to stop by SIGINT it sums up just the same.
function stopAfter(child, seconds) {
	if (Number.isInteger(seconds))
		return;
	const timer = setTimeout(() => child.kill('SIGINT'), seconds * 1000);
	child.once('exit', () => clearTimeout(timer));
}

function output(child) {
	let text = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8');
		stream.on('data', (chunk) => { text += chunk; });
	}
	return new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', () => resolve(text));
	});
}

// load: {kind, key, ids, refused} with `refused` where every answer must be
// a refusal.  Resolves with {requests, rate, p50_ms, p99_ms}; rejects where
// one answer was another than expected, or did not come.
export async function runLoad(url, load, { clients, seconds }) {
	const child = spawn('wrk', wrkArguments(url, clients, seconds),
		{ env: wrkEnvironment(load), stdio: ['ignore', 'pipe', 'pipe'] });
	stopAfter(child, seconds);
	const text = await output(child);
	const line = text.split('\n').find((each) => each.startsWith('{'));
	if (!line)
		throw new Error(`wrk: ${text}`);
	const found = JSON.parse(line);
	checkCounts(found, load);
	return {
		requests: found.requests,
		rate: found.requests / (found.duration_us / 1e6),
		p50_ms: found.p50_us / 1000,
		p99_ms: found.p99_us / 1000,
	};
}

function checkCounts(found, load) {
	const { requests, refused, unexpected, connect, read, write,
		timeout } = found;
	const expected = load.refused ? requests : 0;
	if (requests > 0 && refused === expected &&
		unexpected + connect + read + write + timeout === 0)
		return;
	throw new Error(`${load.kind}: not what was expected: ` +
		JSON.stringify(found));
}
