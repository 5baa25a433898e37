import { expect, test } from 'vitest';
import type { FileReport, RunReport } from './run-report.ts';
import { closingLine, judge, type Outcome } from './verdict.ts';

const reportWith = (change: Partial<FileReport>): RunReport => ({
  files: { '/a.test.ts': { passed: 3, failed: [], skipped: [], passedOnRetry: [], ...change } },
  outside: [],
});
const report = reportWith({});
const good: Outcome = { failedSteps: [], report, vitestExitCode: 0, strict: true };
const skipped = [{ name: 'a', reason: 'missing: git' }];

test.each<[string, Partial<Outcome>, string, boolean]>([
  ['all passed', {}, '3 passed, 0 failed, 0 skipped', true],
  ['a failed step counts as one', { failedSteps: ['lint'] }, '3 passed, 1 failed, 0 skipped', false],
  ['a failed test', { report: reportWith({ failed: ['x'] }) }, '3 passed, 1 failed, 0 skipped', false],
  ['a stray error', { report: { ...report, outside: ['x'] } }, '3 passed, 1 failed, 0 skipped', false],
  ['vitest crashed', { report: null, vitestExitCode: 139 }, '0 passed, 1 failed, 0 skipped', false],
  ['no report despite exit code 0', { report: null }, '0 passed, 1 failed, 0 skipped', false],
  ['exit code without a failed test', { vitestExitCode: 1 }, '3 passed, 1 failed, 0 skipped', false],
  [
    'failed tests are not counted twice for the exit code',
    { report: reportWith({ failed: ['x'] }), vitestExitCode: 1 },
    '3 passed, 1 failed, 0 skipped',
    false,
  ],
  ['skipped with CI=true', { report: reportWith({ skipped }) }, '3 passed, 0 failed, 1 skipped', false],
  [
    'skipped elsewhere',
    { report: reportWith({ skipped }), strict: false },
    '3 passed, 0 failed, 1 skipped',
    true,
  ],
  ['no test with CI=true', { report: reportWith({ passed: 0 }) }, '0 passed, 0 failed, 0 skipped', false],
])('%s', (_name, change, line, ok) => {
  const verdict = judge({ ...good, ...change });
  expect([closingLine(verdict), verdict.ok]).toEqual([line, ok]);
});
