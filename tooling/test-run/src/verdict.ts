import { type RunReport, totalOf } from './run-report.ts';

/** What the whole run came to. */
export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly ok: boolean;
}

export interface Outcome {
  /** Steps before the tests that failed. */
  readonly failedSteps: readonly string[];
  /** Null when vitest ended without writing one. */
  readonly report: RunReport | null;
  readonly vitestExitCode: number;
  /** With CI=true nothing may be skipped, and a run without any test proves nothing. */
  readonly strict: boolean;
}

export function judge({ failedSteps, report, vitestExitCode, strict }: Outcome): Verdict {
  const total = report === null ? null : totalOf(report);
  const passed = total?.passed ?? 0;
  const skipped = total?.skipped.length ?? 0;
  const failedTests = total?.failed.length ?? 0;
  // Vitest can fail without naming a test: it crashed, or a worker ran out of memory.
  const crashed = failedTests === 0 && (report === null || vitestExitCode !== 0) ? 1 : 0;
  const failed = failedSteps.length + failedTests + crashed;
  const ok = failed === 0 && !(strict && (skipped > 0 || passed === 0));
  return { passed, failed, skipped, ok };
}

export function closingLine({ passed, failed, skipped }: Verdict): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
