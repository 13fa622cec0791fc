// A program that is not intentd and has its store open: it holds the writers'
// lock, or all slots of readers, those that come free included.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const source = `
#include <lmdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MDB_env *env;

static void
must(int code)
{
	if (code == MDB_SUCCESS)
		return;
	fprintf(stderr, "%s\\n", mdb_strerror(code));
	exit(1);
}

/* All that there are, also of processes that have died. */
static void
take_slots(void)
{
	MDB_txn *txn;
	int code, dead;

	must(mdb_reader_check(env, &dead));
	while ((code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) == 0)
		;
	if (code != MDB_READERS_FULL)
		must(code);
}

int
main(int argc, char *argv[])
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	int write = argc > 2 && strcmp(argv[2], "write") == 0;
	MDB_txn *txn;

	must(mdb_env_create(&env));
	must(mdb_env_set_maxdbs(env, 64));
	must(mdb_env_open(env, argv[1], MDB_NOSUBDIR | MDB_NOTLS, 0600));
	if (write)
		must(mdb_txn_begin(env, NULL, 0, &txn));
	else
		take_slots();
	puts("held");
	fflush(stdout);
	while (poll(&input, 1, write ? -1 : 1) == 0)
		take_slots();
	return 0;
}
`;

// {end()}, which kills it: nothing of what it holds is given back.
export async function holdStore(t, store, what) {
	const folder = mkdtempSync(join(tmpdir(), 'intentd-holder-'));
	t.after(() => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(join(folder, 'holder.c'), source);
	execFileSync('gcc', ['-o', join(folder, 'holder'),
		join(folder, 'holder.c'), '-llmdb']);
	const child = spawn(join(folder, 'holder'), [store, what],
		{ stdio: ['pipe', 'pipe', 'inherit'] });
	const ended = new Promise((resolve) => child.on('exit', resolve));
	const end = () => (child.kill('SIGKILL'), ended);
	t.after(end);
	await new Promise((resolve, reject) => {
		child.stdout.once('data', resolve);
		ended.then(() => reject(new Error('the holder has ended')));
	});
	return { end, pid: child.pid };
}
