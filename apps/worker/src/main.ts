#!/usr/bin/env node
import { SettingsError } from '@boxyard/config';
import { SandboxError } from '@boxyard/sandbox-core';
import { createLogger, keepHeapSteady } from '@boxyard/server-parts';
import { startWorker } from './start-worker.ts';
import { VERSION } from './version.ts';

const ending = Promise.withResolvers<void>();
// From the first moment on: a signal in the middle of the start must not leave anything held.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.resolve());

try {
  const worker = await startWorker({
    env: process.env,
    version: VERSION,
    log: (level) => createLogger({ level }),
  });
  keepHeapSteady();
  await ending.promise;
  await worker.stop();
} catch (error) {
  // What a person can act on is told in one line; anything else is a defect of ours and shows its stack.
  const isPlain = SandboxError.isInstance(error) || error instanceof SettingsError;
  process.stderr.write(`boxyard-worker: ${isPlain ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exitCode = 1;
}
