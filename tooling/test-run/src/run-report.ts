/** What the tests of one file came to. */
export interface FileReport {
  passed: number;
  /** Names of what failed: tests, the file that did not load, hooks, tests cut off. */
  failed: string[];
  skipped: { name: string; reason: string }[];
  /** Tests that failed first and passed when tried again, where it is known with what they said first. */
  passedOnRetry: string[];
}

/** What one vitest run came to: written by the reporter in vitest's process, read by the test run. */
export interface RunReport {
  /** By absolute path. */
  files: Record<string, FileReport>;
  /** Errors of which nobody knows whose they are. */
  outside: string[];
}

export const REPORT_FILE_VARIABLE = 'BOXYARD_TEST_REPORT_FILE';

/** The reports of all files as one. */
export function totalOf({ files, outside }: RunReport): FileReport {
  const reports = Object.values(files);
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: [...reports.flatMap(({ failed }) => failed), ...outside],
    skipped: reports.flatMap(({ skipped }) => skipped),
    passedOnRetry: reports.flatMap(({ passedOnRetry }) => passedOnRetry),
  };
}
