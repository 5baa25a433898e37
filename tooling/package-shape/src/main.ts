// Prints what every package and app breaks, for a quick look without the test runner.
import { resolve } from 'node:path';
import { ALL_RULES } from './all-rules.ts';
import { checkPackage } from './rule.ts';
import { readWorkspace } from './workspace-package.ts';

for (const pkg of readWorkspace(resolve(import.meta.dirname, '../../..'))) {
  for (const { rule, message } of checkPackage(pkg, ALL_RULES)) {
    console.log(`${pkg.folder}  ${rule}  ${message}`);
    process.exitCode = 1;
  }
}
