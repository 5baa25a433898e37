import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { BOX_CASES, type BoxSubject, describeBox, MemoryBox, runBoxCase } from '@boxyard/sandbox-conformance';
import { SandboxError } from '@boxyard/sandbox-core';
import { Manifest, type SandboxSession } from '@openai/agents-core/sandbox';
import { UnixLocalSandboxClient } from '@openai/agents-core/sandbox/local';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toAgentsSession } from '../session/agents-session.ts';
import { fromAgentsSession } from './agents-box.ts';

const ref = { provider: 'test', instance: 'session', resume: {} };
/** Every step of a case is several commands of a session. */
const WAIT_MS = 60_000;

async function openUnixLocal(): Promise<BoxSubject> {
  // What a box keeps beside its workspace would stay on this machine.
  const temporary = await mkdtemp(join(tmpdir(), 'boxyard-unix-local-'));
  const manifest = new Manifest({ environment: { TMPDIR: temporary } });
  const session = await new UnixLocalSandboxClient().create({ manifest });
  return {
    box: await fromAgentsSession(session, { ref }),
    reopen: () => fromAgentsSession(session, { ref }),
    dispose: async () => {
      await session.close();
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

/** A session of ours that offers no more than the poorest one does. */
async function openPoorSession(): Promise<BoxSubject> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-poor-'));
  const provider = localProvider({ dataDir });
  const tag = { deployment: 'test', group: 'poor', epoch: 1 };
  const box = await provider.create({ tag, environment: { TMPDIR: dataDir } });
  const full = toAgentsSession(box);
  const session: SandboxSession = {
    state: full.state,
    execCommand: (args) => full.execCommand(args),
    writeStdin: (args) => full.writeStdin(args),
  };
  return {
    box: await fromAgentsSession(session, { ref }),
    reopen: () => fromAgentsSession(session, { ref }),
    dispose: async () => {
      await box.close();
      await provider.destroy(box.ref);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Of each area those that say most about a way through commands; all of them run with BOXYARD_SOAK=1. */
const CASES = [
  'exec.separate',
  'exec.cwd-missing',
  'exec.bytes',
  'exec.long-script',
  'exec.stdin',
  'output.cursor',
  'spawn.same-id',
  'stdin.binary',
  'kill.tree-setsid',
  'attach.resume-cursor',
  'deadline.exec',
  'files.max-bytes',
  'files.mode',
  'files.if-version-race',
  'files.if-absent-race',
  'files.digest',
  'files.list',
  'files.stream-in',
  'files.errors',
  'files.remove-link',
  'confinement.link-out-file',
  'confinement.link-chain',
  'confinement.link-inside',
  'confinement.link-dangling',
  'ports.bad-numbers',
  'close.closed',
];

function describeCases(name: string, open: () => Promise<BoxSubject>, ids: readonly string[]): void {
  describe(name, () => {
    let subject: BoxSubject;
    beforeAll(async () => {
      subject = await open();
    }, WAIT_MS);
    afterAll(async () => {
      await subject.box.close();
      await subject.dispose?.();
    }, WAIT_MS);

    // The last one closes its box.
    for (const id of ids) {
      const one = BOX_CASES.find((each) => each.id === id);
      if (one === undefined) throw new Error(`${id} is no case of describeBox: correct it.`);
      test(`${one.title} (${id})`, () => runBoxCase(one, subject, { waitMs: WAIT_MS }), WAIT_MS * 2);
    }
  });
}

describe("box of the SDK's local session", needs('python'), () => {
  if (process.env.BOXYARD_SOAK === '1') {
    const facts = { kernel: true, reopen: true };
    describeBox({ name: 'every case', facts, open: openUnixLocal, waitMs: WAIT_MS * 10 });
  } else describeCases('of each area some', openUnixLocal, CASES);
});

describe('box of a session that has commands only', () => {
  if (process.env.BOXYARD_SOAK === '1') {
    const facts = { kernel: true, reopen: true };
    describeBox({ name: 'every case', facts, open: openPoorSession, waitMs: WAIT_MS * 10 });
  } else describeCases('of each area some', openPoorSession, ['exec.merged', 'files.binary']);
});

test('the box of a session of ours is the very box', async () => {
  const box = new MemoryBox();
  expect(await fromAgentsSession(toAgentsSession(box), { ref })).toBe(box);
});

test('a session that runs no commands is refused', async () => {
  const session = { state: { manifest: new Manifest({}) } };
  await expect(fromAgentsSession(session, { ref })).rejects.toMatchObject({ code: 'unsupported' });
});

test('a session that fails, or says what is no banner, is told as unreachable', async () => {
  for (const execCommand of [
    () => Promise.reject(new Error('socket hang up')),
    () => Promise.resolve('Welcome to the sandbox!'),
    () => Promise.resolve('Wall time: 0.1 seconds\nOutput:\n'),
  ]) {
    const session = { state: { manifest: new Manifest({}) }, execCommand };
    await expect(fromAgentsSession(session, { ref })).rejects.toSatisfy((error) =>
      SandboxError.hasCode(error, 'unreachable'),
    );
  }
});

test('a session whose box is gone is told as gone', async () => {
  const execCommand = () => Promise.reject(new Error('Sandbox sb-123 not found'));
  const session = { state: { manifest: new Manifest({}) }, execCommand };
  await expect(fromAgentsSession(session, { ref })).rejects.toMatchObject({ code: 'gone' });
});
