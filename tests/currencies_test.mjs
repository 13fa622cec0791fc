// The table of currencies is what scripts/currencies makes of iso-codes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

test('currencies.def is as scripts/currencies writes it', () => {
	const folder = mkdtempSync(join(tmpdir(), 'currencies-'));
	const fresh = join(folder, 'currencies.def');

	try {
		execFileSync(join(root, 'scripts/currencies'), [fresh]);
		assert.equal(
			readFileSync(join(root, 'lib/core/currencies.def'), 'utf8'),
			readFileSync(fresh, 'utf8'));
	} finally {
		rmSync(folder, { recursive: true });
	}
});
