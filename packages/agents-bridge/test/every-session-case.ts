// Runs every case of the session contract without a test runner, with whatever SDK is installed where it lies.
// Prints one JSON line: the versions, how many cases ran, and what failed. Says on stderr which case begins, so that a
// run that is cut off shows where it stood.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import type { Box } from '@boxyard/sandbox-core';
import { runAgentsSessionCase } from '../src/conformance/agents-session-case.ts';
import { COMMAND_CASES } from '../src/conformance/command-cases.ts';
import { FILE_CASES } from '../src/conformance/file-cases.ts';
import { PROCESS_CASES } from '../src/conformance/process-cases.ts';
import { RUN_CASES } from '../src/conformance/run-cases.ts';
import { SESSION_CASES } from '../src/conformance/session-cases.ts';
import { toAgentsSession } from '../src/index.ts';

const WAIT_MS = 30_000;

const main = createRequire(import.meta.url).resolve('@openai/agents-core');
const manifest = join(dirname(main), '..', 'package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-every-case-'));
const provider = localProvider({ dataDir });
const boxes: Box[] = [];
async function openBox(): Promise<Box> {
  const tag = { deployment: 'test', group: `box-${boxes.length}`, epoch: 1 };
  const box = await provider.create({ tag, environment: {} });
  boxes.push(box);
  return box;
}

async function openSubject() {
  const box = await openBox();
  let current = box;
  const session = toAgentsSession(async () => current, { root: box.workspaceRoot, supportsPty: true });
  const swap = async () => {
    current = await openBox();
    return current;
  };
  return { box, session, swap };
}

const cases = [COMMAND_CASES, PROCESS_CASES, FILE_CASES, SESSION_CASES, RUN_CASES].flat();
const failures: string[] = [];
try {
  const shared = await openSubject();
  for (const one of cases) {
    console.error(`${Math.round(performance.now())} ms: ${one.title}`);
    try {
      await runAgentsSessionCase(one, one.ownSession === true ? await openSubject() : shared, WAIT_MS);
    } catch (error) {
      failures.push(`${one.title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
} finally {
  console.error(`${Math.round(performance.now())} ms: the boxes are taken down`);
  for (const box of boxes) {
    await box.close();
    await provider.destroy(box.ref);
  }
  await rm(dataDir, { recursive: true, force: true });
}
console.log(JSON.stringify({ version, count: cases.length, failures }));
