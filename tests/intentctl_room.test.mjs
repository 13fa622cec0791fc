// intentctl import where there is room for less than it has: the store's
// bound, a file's (ulimit -f), the disk's.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { assertClean, counts, intentCount, numbered, writeLines }
	from './http/importer.mjs';
import { makeFolder, makeShop, operatorOf, program }
	from './http/operator.mjs';

const mebi = 1024 * 1024;
const lines = numbered(2500);

test('an import makes room in a store up to its bound', (t) => {
	const folder = makeFolder(t);
	const store = join(folder, 'intents.mdb');
	const config = join(folder, 'intentd.conf');
	writeFileSync(config, `store = ${store}\nstore_bytes = ${mebi}\n` +
		`store_bytes_max = ${64 * mebi}\n`);
	const operator = Object.assign(operatorOf('--config', config), { folder });
	operator.text('init');
	operator.text('account', 'create', '--name', 'A');
	operator.text('merchant', 'create', '--name', 'A');
	assert.equal(statSync(store).size, mebi);
	assert.deepEqual(operator.json('import', writeLines(operator, lines)),
		counts(lines.length));
	assert.ok(statSync(store).size > mebi);
	assert.equal(intentCount(operator), lines.length);
	assertClean(operator);
});

// It ends as a store does that is full, and goes on where there is room.
function assertFull(operator, path, { status, signal, stdout, stderr }) {
	assert.deepEqual([status, signal, stdout], [1, null, ''], stderr);
	const [, last, next] = stderr.match(new RegExp('^intentctl: \\S+: ' +
		'the store is full; all up to line (\\d+) is imported: ' +
		'go on with --from (\\d+)\n$')) ?? assert.fail(stderr);
	assert.equal(Number(next), Number(last) + 1);
	assert.equal(intentCount(operator), Number(last));
	// No end of a batch: it was tried in parts.
	assert.notEqual(last % 1000, 0);
	assertClean(operator);
	assert.deepEqual(operator.json('import', '--from', next, path),
		counts(lines.length - last));
	assertClean(operator);
}

for (const kibibytes of [1024, 1023, 1001])
	test(`a file of at most ${kibibytes} KiB is a store that is full`, (t) => {
		const operator = makeShop(t);
		const path = writeLines(operator, lines);
		assertFull(operator, path, spawnSync('bash', ['-c',
			`ulimit -S -f ${kibibytes} && exec "$@"`, 'bash', program,
			'--config', operator.config, 'import', path],
		{ encoding: 'utf8' }));
	});

// A disk of a MiB, in front of the C library: it writes what there is room
// for, refuses what has none, and says that it is full.
const disk = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOM = 1024 * 1024 + 512 };

static bool full;

static size_t
room(off_t at, size_t count)
{
	if (at + (off_t)count <= ROOM)
		return count;
	full = true;
	return at < ROOM ? (size_t)(ROOM - at) : 0;
}

ssize_t
pwrite(int file, const void *bytes, size_t count, off_t at)
{
	count = room(at, count);
	errno = ENOSPC;
	return count == 0 ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t
writev(int file, const struct iovec *pieces, int count)
{
	off_t at = lseek(file, 0, SEEK_CUR);
	ssize_t sum = 0;

	if (at < 0)
		return syscall(SYS_writev, file, pieces, count);
	for (int i = 0; i < count; i++) {
		ssize_t done = pwrite(file, pieces[i].iov_base,
		    pieces[i].iov_len, at + sum);

		if (done < 0)
			return sum > 0 ? sum : -1;
		sum += done;
		if ((size_t)done < pieces[i].iov_len)
			break;
	}
	return sum;
}

int
fstatvfs(int file, struct statvfs *status)
{
	(void)file;
	*status = (struct statvfs){.f_frsize = 4096, .f_blocks = 256,
	    .f_bavail = full ? 0 : 256};
	return 0;
}
`;

test('a disk that has written a part and is full is a store that is full',
	(t) => {
		const operator = makeShop(t);
		const path = writeLines(operator, lines);
		const library = join(operator.folder, 'disk.so');
		execFileSync('gcc', ['-shared', '-fPIC', '-x', 'c', '-', '-o',
			library], { input: disk });
		assertFull(operator, path, spawnSync(program,
			['--config', operator.config, 'import', path],
			{ encoding: 'utf8', env: { LD_PRELOAD: library } }));
	});
