// intentctl as root, where the store or a folder is another user's.
import assert from 'node:assert/strict';
import { chownSync, closeSync, existsSync, fstatSync, linkSync, openSync,
	readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { assertClean } from './http/importer.mjs';
import { assertRefused, makeShop } from './http/operator.mjs';

const nobody = 65534; // On every Debian: user and group.
const asRoot = { skip: process.getuid() !== 0 };

// Who has the folder could lead root's hand to any file.
test('a lock file that leads elsewhere is neither given away nor written to',
	asRoot, (t) => {
		const operator = makeShop(t);
		const lock = `${operator.store}-lock`;
		const [target, copy] = ['target', 'copy.mdb'].map((name) =>
			join(operator.folder, name));
		operator.text('backup', copy);
		writeFileSync(target, 'root alone');
		for (const name of [operator.folder, operator.store])
			chownSync(name, nobody, nobody);
		for (const [put, reason] of [[symlinkSync, /symbolic links$/m],
			[linkSync, /not permitted$/m]])
			for (const words of [['compact'], ['migrate'],
				['restore', '--force', copy]]) {
				rmSync(lock, { force: true });
				put(target, lock);
				assertRefused(operator.call(...words), reason);
			}
		rmSync(lock);
		symlinkSync(target, lock);
		assertRefused(operator.call('account', 'list'),
			/lock file is not a regular file/);
		assert.equal(readFileSync(target, 'utf8'), 'root alone');
		assert.equal(statSync(target).uid, 0);
		rmSync(lock);
		operator.text('compact');
		assertClean(operator);
	});

test('what root opens first, the owner can open afterwards',
	asRoot, (t) => {
		const operator = makeShop(t);
		chownSync(operator.store, nobody, nobody);
		rmSync(`${operator.store}-lock`);
		operator.text('account', 'list');
		const { uid, gid } = statSync(`${operator.store}-lock`);
		assert.deepEqual({ uid, gid }, { uid: nobody, gid: nobody });
	});

// A reader who has it open would have the keys' digests, and the owner
// of the copy could put another in its place.
test('a backup and an export are no file that another user has laid there',
	asRoot, (t) => {
		const operator = makeShop(t);
		for (const command of ['backup', 'export']) {
			const path = join(operator.folder, command);
			const fresh = `${path}.intentctl-new`;
			writeFileSync(fresh, '', { mode: 0o666 });
			chownSync(fresh, nobody, nobody);
			const theirs = openSync(fresh, 'r');
			operator.text(command, path);
			assert.equal(fstatSync(theirs).size, 0);
			closeSync(theirs);
			assert.equal(statSync(path).uid, 0);
			assert.equal(statSync(path).mode & 0o777, 0o600);
			assert.ok(!existsSync(fresh));
		}
	});
