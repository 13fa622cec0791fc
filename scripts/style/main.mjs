// Runs every check over one tree and prints what they find.
import { openTree } from './tree.mjs';
import { checkDoors } from './doors.mjs';
import { checkFormat } from './format.mjs';
import { checkGuards } from './guards.mjs';
import { checkLayers } from './layers.mjs';
import { checkLengths } from './lengths.mjs';
import { checkPurity } from './purity.mjs';
import { checkWords } from './words.mjs';

// A check takes the tree and gives findings: {file, line, reason}.
const checks = [checkLayers, checkDoors, checkLengths, checkGuards,
	checkWords, checkFormat, checkPurity];

const tree = openTree(process.argv[2] ?? '.');
const findings = checks.flatMap((check) => check(tree));

for (const { file, line, reason } of findings)
	console.log(`${file}:${line}: ${reason}`);
console.log(`style: ${tree.files.length} files, ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
