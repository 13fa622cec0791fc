// What is measured, as tables.
//
// A series has an axis (values of x), things that are compared at each x, and
// ratios.  A thing is a load (load.lua) on a server (servers.mjs), which may
// depend on x.  `at(thing, x)` in a ratio is the sample of the same round.

const rate = (sample) => sample.rate;

const empty = (kept, options) => () => ({
	kind: 'empty', workers: options.workers,
	kept: kept ? Math.max(...options.clients) : 0,
});

const intentd = (options, settings = {}) => () => ({
	kind: 'intentd', workers: options.workers, settings,
});

const clientsAxis = (options) => ({ name: 'clients', values: options.clients });

// For what is compared at the goals' number of clients alone.
const goalAxis = (options) => ({ name: 'clients',
	values: [options.goalClients] });

// -- A series for each request -----------------------------------------------

const requests = [
	{ name: 'create', kept: false,
		title: 'POST create, durable, an idempotency key each' },
	{ name: 'confirm', kept: false, title: 'POST create and confirm at once' },
	{ name: 'get', kept: true, title: 'GET by id' },
	{ name: 'list', kept: true, title: 'GET a list of 10' },
	{ name: 'refusal', kept: true, title: 'POST that is refused (400)' },
	{ name: 'replay', kept: true, title: 'POST replayed with one key' },
	{ name: 'mix', kept: false,
		title: '60 % create, 20 % confirm, 20 % get' },
];

const requestSeries = (options) => requests.map(({ name, kept, title }) => ({
	name,
	title,
	axis: clientsAxis(options),
	things: [
		{ name: 'intentd', load: name, server: intentd(options) },
		{ name: 'empty', load: name, server: empty(kept, options) },
	],
	ratios: [{
		name: `of the empty program, connections ${kept ? '' : 'not '}kept`,
		value: (at) => rate(at('intentd')) / rate(at('empty')),
	}],
}));

// -- The others --------------------------------------------------------------

const ceilings = (options) => ({
	name: 'ceilings',
	title: 'An empty FastCGI program behind the same nginx',
	axis: clientsAxis(options),
	things: [
		{ name: 'POST', load: 'create', server: empty(false, options) },
		{ name: 'POST, kept', load: 'create', server: empty(true, options) },
		{ name: 'GET', load: 'get', server: empty(false, options) },
		{ name: 'GET, kept', load: 'get', server: empty(true, options) },
	],
	ratios: [{
		name: 'POST, connections kept to not kept',
		value: (at) => rate(at('POST, kept')) / rate(at('POST')),
	}, {
		name: 'GET, connections kept to not kept',
		value: (at) => rate(at('GET, kept')) / rate(at('GET')),
	}],
});

const committers = (options) => ({
	name: 'committers',
	title: 'One commit per request against combined commits',
	axis: goalAxis(options),
	things: [
		{ name: 'combined', load: 'create',
			server: intentd(options, { committers: 1 }) },
		// A worker that commits for itself does one thing at a time: only
		// with as many as there are clients is each of them served.
		{ name: 'one each', load: 'create',
			server: intentd({ workers: options.goalClients },
				{ committers: 0 }) },
		// As many as combine; fewer contend less for the one lock.
		{ name: 'one each, as many workers', load: 'create',
			server: intentd(options, { committers: 0 }) },
	],
	ratios: [{
		name: 'combined to one each',
		value: (at) => rate(at('combined')) / rate(at('one each')),
	}, {
		name: 'combined to one each with as many workers',
		value: (at) => rate(at('combined')) /
			rate(at('one each, as many workers')),
	}],
});

const workers = (options) => ({
	name: 'workers',
	title: 'POST create with more and more workers',
	axis: { name: 'workers', values: options.workerCounts },
	things: [{ name: 'create', load: 'create',
		server: (x) => intentd({ workers: x })() }],
	ratios: [{
		name: 'to the first',
		value: (at) => rate(at('create')) /
			rate(at('create', options.workerCounts[0])),
	}],
});

const growth = (options) => {
	const server = (x) => ({ ...intentd(options)(), stored: x });
	const first = options.growth[0];
	return {
		name: 'growth',
		title: 'POST create and GET with more and more stored',
		stores: options.growth,
		axis: { name: 'stored intents', values: options.growth },
		things: [
			{ name: 'create', load: 'create', server },
			{ name: 'get', load: 'get', server },
		],
		ratios: [{
			name: 'create, to the first',
			value: (at) => rate(at('create')) / rate(at('create', first)),
		}, {
			name: 'get, to the first',
			value: (at) => rate(at('get')) / rate(at('get', first)),
		}],
	};
};

const memory = (options) => ({
	name: 'memory',
	title: 'Memory of the largest process after POST create',
	memory: true,
	axis: { name: 'workers', values: options.memoryWorkers },
	things: [{ name: 'create', load: 'create',
		server: (x) => intentd({ workers: x })() }],
	plot: { label: 'MiB beyond the map',
		value: (sample) => sample.pss_worker_bytes / 2 ** 20 },
});

const bytes = (options) => ({
	name: 'bytes',
	title: 'Bytes written to the device for a POST create',
	axis: { name: 'clients', values: options.byteClients },
	things: [{ name: 'create', load: 'create', server: intentd(options) }],
	plot: { label: 'KiB written a create',
		value: (sample) => sample.written_bytes / 1024 },
});

// Endpoints that are well are not to wait for one that is not.
const webhooks = (options) => ({
	name: 'webhooks',
	title: 'Events that wait, to two healthy endpoints and a third',
	axis: { name: 'events', values: [options.webhookEvents] },
	things: [['two', 'none'], ['and a third', 'healthy'],
		['and one that refuses', 'refuses'],
		['and one that is silent', 'silent']].map(([name, third]) => ({
		name,
		load: 'deliveries',
		server: (events) => ({ kind: 'webhooks', events, third,
			workers: options.workers, settings: {} }),
	})),
	ratios: ['and a third', 'and one that refuses', 'and one that is silent']
		.map((name) => ({
			name: `${name}, to the two alone`,
			value: (at) => rate(at(name)) / rate(at('two')),
		})),
	plot: { label: 'deliveries/s to the two', value: rate },
});

// intentd behind its nginx, the others bare on TCP, which is in their favour.
const peers = (options) => ({
	name: 'peers',
	title: 'The same create elsewhere',
	// V8 compiles what is hot, and takes thousands of requests for it.
	warmUpSeconds: options.peerWarmUpSeconds,
	axis: goalAxis(options),
	things: [
		{ name: 'intentd', load: 'create', server: intentd(options) },
		{ name: 'Fastify + PostgreSQL', load: 'create', server: () => ({
			kind: 'fastify', processes: 2, connections: 16 }) },
		// It knows no payment intents; a charge is its nearest, and is
		// in memory alone.
		{ name: 'stripe-stateful-mock (charge)', load: 'charge',
			server: () => ({ kind: 'mock' }) },
	],
	ratios: [{
		name: 'intentd to Fastify + PostgreSQL',
		value: (at) => rate(at('intentd')) /
			rate(at('Fastify + PostgreSQL')),
	}, {
		name: 'intentd to stripe-stateful-mock',
		value: (at) => rate(at('intentd')) /
			rate(at('stripe-stateful-mock (charge)')),
	}],
});

export function allSeries(options) {
	return [ceilings, requestSeries, committers, workers, growth, memory,
		bytes, webhooks, peers].flatMap((make) => make(options));
}

// -- Goals -------------------------------------------------------------------

const toEmpty = (at) => rate(at('intentd')) / rate(at('empty'));

// x: what of the axis; the goals' clients unless said.
export const goals = (options) => [
	{ name: 'durable create / one commit per request', series: 'committers',
		value: (at) => rate(at('combined')) / rate(at('one each')),
		atLeast: 10 },
	{ name: 'durable create / empty program, not kept', series: 'create',
		value: toEmpty, atLeast: 0.6 },
	{ name: 'GET / empty program, kept', series: 'get',
		value: toEmpty, atLeast: 0.8 },
	{ name: 'refusal / empty program, kept', series: 'refusal',
		value: toEmpty, atLeast: 0.8 },
	{ name: 'p99 / p50 of durable create', series: 'create',
		value: (at) => at('intentd').p99_ms / at('intentd').p50_ms,
		atMost: 4 },
	{ name: `create at ${options.growth.at(-1)} stored / ` +
		`at ${options.growth[0]}`, series: 'growth',
		x: options.growth.at(-1),
		value: (at) => rate(at('create')) /
			rate(at('create', options.growth[0])),
		atLeast: 0.85 },
	...['refuses', 'is silent'].map((what) => ({
		name: `two endpoints and one that ${what} / the two alone`,
		series: 'webhooks', x: options.webhookEvents,
		value: (at) => rate(at(`and one that ${what}`)) / rate(at('two')),
		atLeast: 0.9 })),
	{ name: 'durable create / Fastify + PostgreSQL', series: 'peers',
		value: (at) => rate(at('intentd')) /
			rate(at('Fastify + PostgreSQL')),
		atLeast: 5 },
	...options.memoryWorkers.map((x) => ({
		name: `PSS of a worker beyond the map, MiB, ${x} workers`,
		series: 'memory', x,
		value: (at) => at('create').pss_worker_bytes / 2 ** 20,
		atMost: 2 })),
];
