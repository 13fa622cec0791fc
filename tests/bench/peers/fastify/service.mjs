// The same create, as one writes it with Fastify and PostgreSQL: a process
// for each core, pooled connections over a unix socket, prepared statements,
// and the idempotency key in the transaction that inserts the intent.
//
//   DATABASE_FOLDER  PostgreSQL's socket
//   DATABASE_USER
//   API_KEY          the one key that is taken
//   PROCESSES, CONNECTIONS  of each process
//
// Says "port N" when all processes listen.
import cluster from 'node:cluster';
import { createHash, randomBytes } from 'node:crypto';

import formbody from '@fastify/formbody';
import Fastify from 'fastify';
import pg from 'pg';

const environment = process.env;

function openPool(connections) {
	return new pg.Pool({
		host: environment.DATABASE_FOLDER,
		user: environment.DATABASE_USER,
		database: 'postgres',
		max: connections,
	});
}

// -- The tables --------------------------------------------------------------

const tables = `
create table payment_intents (
	id text primary key,
	amount bigint not null,
	currency text not null,
	status text not null,
	capture_method text not null,
	description text,
	metadata jsonb not null,
	client_secret text not null,
	livemode boolean not null,
	created timestamptz not null default now()
);
create table idempotency_keys (
	key text primary key,
	digest bytea not null,
	intent text not null,
	created timestamptz not null default now()
);`;

// One statement is one transaction and one way to the database and back.
// Where the key was there before, nothing is inserted and no row returned.
const insert = {
	name: 'insert',
	text: `
with taken as (
	insert into idempotency_keys (key, digest, intent)
	values ($1, $2, $3)
	on conflict do nothing
	returning intent
)
insert into payment_intents (id, amount, currency, status,
	capture_method, description, metadata, client_secret, livemode)
select intent, $4, $5, $6, $7, $8, $9, $10, false from taken
returning *`,
};

const find = {
	name: 'find',
	text: `
select i.*, k.digest from idempotency_keys k
join payment_intents i on i.id = k.intent where k.key = $1`,
};

// -- The service -------------------------------------------------------------

const bodySchema = {
	type: 'object',
	required: ['amount', 'currency'],
	additionalProperties: false,
	properties: {
		amount: { type: 'integer', minimum: 1, maximum: 99999999 },
		currency: { type: 'string', enum: ['usd', 'eur', 'gbp'] },
		description: { type: 'string', maxLength: 1000 },
		capture_method: { type: 'string', enum: ['automatic', 'manual'],
			default: 'automatic' },
	},
};

const text = { type: 'string' };
const textOrNull = { type: 'string', nullable: true };
const answerSchema = {
	type: 'object',
	properties: {
		id: text,
		object: text,
		amount: { type: 'integer' },
		amount_capturable: { type: 'integer' },
		amount_received: { type: 'integer' },
		canceled_at: textOrNull,
		capture_method: text,
		client_secret: text,
		created: { type: 'integer' },
		currency: text,
		customer: textOrNull,
		description: textOrNull,
		livemode: { type: 'boolean' },
		metadata: { type: 'object', additionalProperties: true },
		next_action: textOrNull,
		payment_method: textOrNull,
		status: text,
	},
};

function encode(row) {
	return {
		...row,
		object: 'payment_intent',
		amount: Number(row.amount),
		amount_capturable: 0,
		amount_received: 0,
		canceled_at: null,
		created: Math.floor(row.created.getTime() / 1000),
		customer: null,
		next_action: null,
		payment_method: null,
	};
}

// Ids grow with time, so that inserts go to the right edge of their index.
function newId(prefix) {
	return prefix + Date.now().toString(36) + randomBytes(9).toString('hex');
}

function digestOf(body) {
	return createHash('sha256').update(JSON.stringify(body)).digest();
}

function refuse(reply, status, code, message) {
	return reply.code(status).send({ error: { code, message } });
}

async function create(pool, request, reply) {
	const { body } = request;
	const key = request.headers['idempotency-key'] ??
		randomBytes(16).toString('hex');
	const digest = digestOf(body);
	const id = newId('pi_');
	const { rows: [made] } = await pool.query({
		...insert,
		values: [key, digest, id, body.amount, body.currency,
			'requires_payment_method', body.capture_method,
			body.description ?? null, {},
			`${id}_secret_${randomBytes(12).toString('hex')}`],
	});
	if (made)
		return encode(made);
	const { rows: [before] } = await pool.query({ ...find, values: [key] });
	if (!before.digest.equals(digest))
		return refuse(reply, 422, 'idempotency_key_reuse',
			'The key was used for another request.');
	reply.header('Idempotent-Replayed', 'true');
	return encode(before);
}

async function serve() {
	const pool = openPool(Number(environment.CONNECTIONS));
	const app = Fastify({ logger: false });
	const authorization = `Bearer ${environment.API_KEY}`;

	app.register(formbody);
	app.addHook('onRequest', async (request, reply) => {
		if (request.headers.authorization !== authorization)
			return refuse(reply, 401, 'authentication_failed', 'No key.');
	});
	app.post('/v1/payment_intents', {
		schema: { body: bodySchema, response: { 200: answerSchema } },
	}, (request, reply) => create(pool, request, reply));
	await app.listen({ host: '127.0.0.1', port: 0 });
}

async function lead() {
	const pool = openPool(1);
	await pool.query(tables);
	await pool.end();
	const processes = Number(environment.PROCESSES);
	let listening = 0;
	cluster.on('listening', (_, { port }) => {
		if (++listening === processes)
			console.log(`port ${port}`);
	});
	for (let i = 0; i < processes; i++)
		cluster.fork();
}

if (cluster.isPrimary)
	await lead();
else
	await serve();
