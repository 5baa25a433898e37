import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FileReport, REPORT_FILE_VARIABLE, type RunReport, totalOf } from './run-report.ts';

const root = resolve(import.meta.dirname, '../../..');
let folder: string;
beforeEach(() => {
  // Inside the repository, so that the fixture finds vitest where every package finds it.
  folder = mkdtempSync(join(import.meta.dirname, '../.fixture-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a real vitest over one test file. */
function reportOf(source: string): { report: FileReport; files: readonly string[]; exitCode: number | null } {
  const reportFile = join(folder, 'report.json');
  writeFileSync(join(folder, 'fixture.test.ts'), source);
  writeFileSync(join(folder, 'vitest.config.ts'), 'export default { test: { retry: 1 } };');
  const reporter = join(import.meta.dirname, 'run-report-reporter.ts');
  const child = spawnSync(
    join(root, 'node_modules/.bin/vitest'),
    ['run', '--root', folder, '--reporter', reporter],
    { encoding: 'utf8', env: { ...process.env, [REPORT_FILE_VARIABLE]: reportFile }, timeout: 50_000 },
  );
  expect(child.error).toBeUndefined();
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as RunReport;
  return { report: totalOf(report), files: Object.keys(report.files), exitCode: child.status };
}

test('every kind of end is counted, skips with their reason and retries by name', () => {
  const { report, files, exitCode } = reportOf(`
    import { beforeAll, describe, expect, test } from 'vitest';
    let tries = 0;
    test('good', () => {});
    test('shaky', () => expect(++tries).toBe(2));
    test('bad', () => expect(1).toBe(2));
    test('noted', (context) => context.skip('no such device'));
    describe('docker', { skip: true, meta: { skipReason: 'missing: Docker Engine' } }, () => {
      describe('inner', () => test('box', () => {}));
    });
    test.todo('later');
    describe('hook', () => {
      beforeAll(() => { throw new Error('no server'); });
      test('behind it', () => {});
    });
  `);
  expect(exitCode).toBe(1);
  expect(files).toEqual([join(folder, 'fixture.test.ts')]);
  expect(report.passed).toBe(2);
  expect(report.passedOnRetry).toEqual([
    expect.stringMatching(/^fixture\.test\.ts > shaky: expected 1 to be 2/),
  ]);
  expect(report.failed).toContain('fixture.test.ts > bad');
  expect(report.failed).toContain('fixture.test.ts > hook: no server');
  const reasons = Object.fromEntries(report.skipped.map(({ name, reason }) => [name, reason]));
  expect(reasons).toMatchObject({
    'fixture.test.ts > noted': 'no such device',
    'fixture.test.ts > docker > inner > box': 'missing: Docker Engine',
    'fixture.test.ts > later': 'no reason given',
  });
});

test('a file that does not load and an error outside of any test are failures', () => {
  const broken = reportOf(`import './not-there.ts';`);
  expect(broken.exitCode).toBe(1);
  expect(broken.report.failed).toHaveLength(1);

  const stray = reportOf(`
    import { test } from 'vitest';
    test('good', async () => {
      Promise.reject(new Error('nobody listens'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
  `);
  expect(stray.exitCode).toBe(1);
  expect(stray.report.failed).toEqual(['outside of any test: nobody listens']);
});
