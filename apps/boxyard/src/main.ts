#!/usr/bin/env node
import { BoxyardError } from '@boxyard/client';
import { SandboxError } from '@boxyard/sandbox-core';
import { CommanderError } from 'commander';
import { NothingToSay } from './cli/chat/chat.ts';
import { NoServer } from './cli/connection.ts';
import { CopyRefused } from './cli/copy-files.ts';
import { createProgram } from './cli/program.ts';
import { VERSION } from './version.ts';

/** What a person can act on is told in one line; anything else is a defect of ours and shows its stack. */
const isPlain = (error: unknown): error is Error =>
  BoxyardError.isInstance(error) ||
  error instanceof NoServer ||
  error instanceof NothingToSay ||
  error instanceof CopyRefused ||
  SandboxError.isInstance(error);

try {
  await createProgram(process.env, VERSION).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    process.stderr.write(
      isPlain(error) ? `boxyard: ${error.message}\n` : `boxyard: ${(error as Error).stack ?? error}\n`,
    );
    process.exitCode = 1;
  }
}
