// Vitest's own json reporter keeps neither why a test was skipped, nor whether it passed only on a retry, nor
// errors outside of tests, so this one writes just what the closing line needs.
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';
import { type FileReport, REPORT_FILE_VARIABLE, type RunReport } from './run-report.ts';

export default class RunReportReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly { message: string }[]): void {
    const outside = unhandledErrors.map(({ message }) => `outside of any test: ${message}`);
    const report: RunReport = { files: {}, outside };
    for (const module of modules) report.files[module.moduleId] = reportOf(module);

    const file = process.env[REPORT_FILE_VARIABLE];
    if (file === undefined)
      throw new Error(`No report was written: set ${REPORT_FILE_VARIABLE} to a file name.`);
    writeFileSync(file, JSON.stringify(report));
  }
}

function reportOf(module: TestModule): FileReport {
  const report: FileReport = { passed: 0, failed: [], skipped: [], passedOnRetry: [] };
  for (const error of module.errors()) report.failed.push(`${module.relativeModuleId}: ${error.message}`);
  for (const suite of module.children.allSuites()) {
    for (const error of suite.errors()) report.failed.push(`${fullName(suite)}: ${error.message}`);
  }
  for (const test of module.children.allTests()) addTest(report, test);
  // Failures of a kind that is not looked for above must never read as success.
  if (module.state() === 'failed' && report.failed.length === 0) report.failed.push(module.relativeModuleId);
  return report;
}

function addTest(report: FileReport, test: TestCase): void {
  const result = test.result();
  switch (result.state) {
    case 'passed':
      report.passed += 1;
      // Why it failed first is told nowhere else.
      if (test.diagnostic()?.flaky) {
        const [error] = result.errors ?? [];
        report.passedOnRetry.push(`${fullName(test)}: ${error?.message ?? 'it did not say why it failed'}`);
      }
      return;
    case 'failed':
      report.failed.push(fullName(test));
      return;
    case 'skipped':
      report.skipped.push({ name: fullName(test), reason: result.note ?? skipReason(test) });
      return;
    case 'pending':
      report.failed.push(`${fullName(test)}: never ended`);
  }
}

/** The reason stands on the test or on any suite around it. */
function skipReason(test: TestCase): string {
  let task: TestCase | TestSuite | TestModule = test;
  for (;;) {
    const { skipReason } = task.meta() as { skipReason?: string };
    if (skipReason !== undefined) return skipReason;
    if (task.type === 'module') return 'no reason given';
    task = task.parent;
  }
}

function fullName(task: TestCase | TestSuite): string {
  return `${task.module.relativeModuleId} > ${task.fullName}`;
}
