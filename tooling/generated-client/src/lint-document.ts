import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface LintReport {
  readonly errors: number;
  readonly warnings: number;
  /** Each finding on a line. */
  readonly findings: readonly string[];
}

interface RedoclyOutput {
  readonly totals: { readonly errors: number; readonly warnings: number };
  readonly problems: readonly {
    readonly ruleId: string;
    readonly message: string;
    readonly location?: readonly { readonly pointer?: string }[];
  }[];
}

/** Lints a document with the recommended rules of redocly, which asks no network for anything. */
export async function lintDocument(text: string): Promise<LintReport> {
  // A folder of its own: no configuration lies around it.
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-lint-'));
  try {
    await writeFile(join(folder, 'openapi.json'), text);
    const { totals, problems } = JSON.parse(await run(folder)) as RedoclyOutput;
    return {
      errors: totals.errors,
      warnings: totals.warnings,
      findings: problems.map(
        ({ ruleId, message, location }) => `${ruleId}: ${message} ${location?.[0]?.pointer ?? ''}`,
      ),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(folder: string): Promise<string> {
  const program = join(
    dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')),
    'bin/cli.js',
  );
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [program, 'lint', 'openapi.json', '--extends=recommended', '--format=json', '--max-problems=1000'],
      {
        cwd: folder,
        env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('error', reject);
    // Findings make it end with 1, and its report is whole all the same.
    child.once('close', () =>
      stdout === '' ? reject(new Error(`redocly said nothing:\n${stderr}`)) : resolve(stdout),
    );
  });
}
