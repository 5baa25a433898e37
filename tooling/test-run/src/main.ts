import { resolve } from 'node:path';
import { checkEverything } from './check-everything.ts';
import { closingLine } from './verdict.ts';

const verdict = await checkEverything(resolve(import.meta.dirname, '../../..'));
// What reads this output takes the last line: nothing may be printed after it.
console.log(`\n${closingLine(verdict)}`);
process.exitCode = verdict.ok ? 0 : 1;
