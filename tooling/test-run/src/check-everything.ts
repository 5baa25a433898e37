import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { provideNeededParts } from '@tooling/system-parts';
import { filesToRunAgain, withSecondRun } from './run-again.ts';
import { runCommand } from './run-command.ts';
import { REPORT_FILE_VARIABLE, type RunReport, totalOf } from './run-report.ts';
import { judge, type Verdict } from './verdict.ts';

// A hang must end inside the hour and a half that a CI machine usually gives, with a closing line.
const STEP_DEADLINE_MS = 15 * 60_000;
const TESTS_DEADLINE_MS = 60 * 60_000;

interface Step {
  readonly title: string;
  run(): Promise<boolean>;
}

/** Runs every step, also after a failed one: a reader wants to know all that is wrong. */
export async function checkEverything(root: string): Promise<Verdict> {
  const strict = process.env.CI === 'true';
  const env = {
    ...process.env,
    PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    TURBO_TELEMETRY_DISABLED: '1',
  };
  const command = (command: string, args: readonly string[], deadlineMs = STEP_DEADLINE_MS, more = {}) =>
    runCommand({ command, args, cwd: root, env: { ...env, ...more }, deadlineMs });
  const step = (title: string, name: string, args: readonly string[]): Step => ({
    title,
    run: async () => (await command(name, args)) === 0,
  });

  // What is missing is a failure only where nothing may be skipped: elsewhere its suites say why they do not run.
  const partsStep: Step = {
    title: 'system parts',
    run: async () => provideNeededParts().length === 0 || !strict,
  };
  const steps: readonly Step[] = [
    partsStep,
    step('build and typecheck', 'turbo', ['run', 'build', 'typecheck', '--output-logs=errors-only']),
    step('package boundaries', 'turbo', ['boundaries']),
    // Biome colours its output wherever CI is set, whatever NO_COLOR says.
    step('lint and format', 'biome', ['ci', '.', ...(process.env.NO_COLOR ? ['--colors=off'] : [])]),
  ];
  const failedSteps: string[] = [];
  for (const each of steps) if (!(await timed(each.title, each.run))) failedSteps.push(each.title);

  const vitest = async (title: string, more: readonly string[]) => {
    const reportFile = join(root, 'test-results', `${title.replaceAll(' ', '-')}.json`);
    mkdirSync(dirname(reportFile), { recursive: true });
    // A report of an earlier run must never speak for this one.
    rmSync(reportFile, { force: true });
    let exitCode = 1;
    await timed(title, async () => {
      const reporter = join(import.meta.dirname, 'run-report-reporter.ts');
      const args = ['run', '--reporter=default', `--reporter=${reporter}`, ...more];
      exitCode = await command('vitest', args, TESTS_DEADLINE_MS, { [REPORT_FILE_VARIABLE]: reportFile });
      return exitCode === 0;
    });
    return { exitCode, report: readReport(reportFile) };
  };
  const first = await vitest('tests', []);
  const again = first.report === null ? [] : filesToRunAgain(first.report);
  const second = again.length > 0 ? await vitest('failed tests alone', ['--maxWorkers=1', ...again]) : null;
  const { report, exitCode } = second === null ? first : bothRuns(first, second);

  if (failedSteps.length > 0) console.log(`\nFailed steps: ${failedSteps.join(', ')}`);
  printReport(report);
  return judge({ failedSteps, report, vitestExitCode: exitCode, strict });
}

interface TestRun {
  readonly exitCode: number;
  /** Null when vitest ended without writing one. */
  readonly report: RunReport | null;
}

/** A second run that crashed mends nothing. */
function bothRuns(first: TestRun, second: TestRun): TestRun {
  if (first.report === null || second.report === null) return first;
  return { exitCode: second.exitCode, report: withSecondRun(first.report, second.report) };
}

async function timed(title: string, run: () => Promise<boolean>): Promise<boolean> {
  console.log(`\n== ${title}`);
  const start = performance.now();
  const ok = await run();
  console.log(`== ${title}: ${ok ? 'ok' : 'FAILED'}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return ok;
}

function readReport(file: string): RunReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunReport;
  } catch {
    // Vitest died before its end; the verdict counts that as a failure.
    return null;
  }
}

function printReport(report: RunReport | null): void {
  if (report === null) {
    console.log('\nThe tests ended without a report: vitest crashed or was stopped.');
    return;
  }
  const { failed, passedOnRetry, skipped } = totalOf(report);
  printList('Failed', failed);
  printList('Passed only when tried again', passedOnRetry);
  const byReason = Map.groupBy(skipped, ({ reason }) => reason);
  printList(
    'Skipped',
    [...byReason].map(([reason, tests]) => `${tests.length} × ${reason}: ${tests[0]?.name}`),
  );
}

function printList(title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(`\n${title}:`);
  for (const line of lines) console.log(`  ${line}`);
}
