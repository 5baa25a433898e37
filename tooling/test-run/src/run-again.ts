// Files with a failed test run once more, alone: what only fails beside others, on a machine that has too few cores for
// them, must not hide whether the change is right. Such a test is named at the end, so that it is mended.
import type { RunReport } from './run-report.ts';

/** More failures than that are no accident, and running all of them again would only hide how many there are. */
const MAX_FILES = 5;

/** Empty where there is nothing to gain by it. */
export function filesToRunAgain({ files, outside }: RunReport): readonly string[] {
  if (outside.length > 0) return [];
  const failed = Object.keys(files).filter((path) => files[path]?.failed.length);
  return failed.length > MAX_FILES ? [] : failed;
}

/** What the first run came to where the files of the second one count as that says. */
export function withSecondRun(first: RunReport, second: RunReport): RunReport {
  const files = { ...first.files };
  for (const [path, again] of Object.entries(second.files)) {
    const failedBefore = (first.files[path]?.failed ?? []).filter((name) => !again.failed.includes(name));
    const known = [...(first.files[path]?.passedOnRetry ?? []), ...failedBefore];
    files[path] = { ...again, passedOnRetry: [...new Set([...known, ...again.passedOnRetry])] };
  }
  return { files, outside: [...first.outside, ...second.outside] };
}
