/** What one vitest run came to: written by the reporter in vitest's process, read by the test run. */
export interface RunReport {
  passed: number;
  /** Names of what failed: tests, files that did not load, hooks, errors outside of any test, tests cut off. */
  failed: string[];
  skipped: { name: string; reason: string }[];
  /** Tests that failed first and passed when tried again. */
  passedOnRetry: string[];
}

export const REPORT_FILE_VARIABLE = 'BOXYARD_TEST_REPORT_FILE';
