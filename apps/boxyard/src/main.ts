#!/usr/bin/env node
import { SandboxError } from '@boxyard/sandbox-core';
import { CommanderError } from 'commander';
import { ApiProblem } from './cli/api-client.ts';
import { NoServer } from './cli/connection.ts';
import { CopyRefused } from './cli/copy-files.ts';
import { createProgram } from './cli/program.ts';
import { VERSION } from './version.ts';

/** What a person can act on is told in one line; anything else is a defect of ours and shows its stack. */
const isPlain = (error: unknown): error is Error =>
  error instanceof ApiProblem ||
  error instanceof NoServer ||
  error instanceof CopyRefused ||
  SandboxError.isInstance(error) ||
  // fetch says only "fetch failed"; the refused connection is its cause.
  (error instanceof TypeError && error.cause instanceof Error);

try {
  await createProgram(process.env, VERSION).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    const cause =
      error instanceof TypeError && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    process.stderr.write(
      isPlain(error)
        ? `boxyard: ${error.message}${cause}\n`
        : `boxyard: ${(error as Error).stack ?? error}\n`,
    );
    process.exitCode = 1;
  }
}
