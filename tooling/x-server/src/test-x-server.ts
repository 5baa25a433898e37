// An X server of a test's own, without a monitor. Its number is drawn by lot and not the next free one: a server that
// was killed comes back under its number, which no other test may have taken meanwhile.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const READY_DEADLINE_MS = 30_000;
/** Displays of people have small numbers; ports beyond 65 535 would be those of larger ones. */
const [FIRST_NUMBER, LAST_NUMBER] = [1000, 50_000];
const TRIES = 5;
/** A family that is anybody's, as `xauth generate` writes it. */
const FAMILY_WILD = 65_535;

export interface TestXServerOptions {
  /** Width, height and bits of colour; `800x600x24` when absent. */
  readonly screen?: string;
  /** Lets only those in who have the cookie of `authorityFile`; else everybody on this machine. */
  readonly cookie?: boolean;
  readonly arguments?: readonly string[];
}

export interface TestXServer extends AsyncDisposable {
  /** As DISPLAY names it. */
  readonly display: string;
  /** Where its cookie is; an empty file where it asks for none. */
  readonly authorityFile: string;
  /** Stops it in the middle of whatever it does, and lets it go on. */
  freeze(): void;
  thaw(): void;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again under the same name. */
  start(): Promise<void>;
}

/** @throws Error with its last lines when it does not begin to listen. */
export async function startXServer(options: TestXServerOptions = {}): Promise<TestXServer> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-x-'));
  const authorityFile = join(folder, 'authority');
  await writeFile(authorityFile, options.cookie === true ? authorityEntry() : '', { mode: 0o600 });
  let child: ChildProcess | null = null;
  let number = 0;

  // A test that hangs is ended without its own endings.
  const endWithUs = () => void child?.kill('SIGKILL');
  const kill = async () => {
    const running = child;
    child = null;
    process.off('exit', endWithUs);
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await gone;
    // What it would have removed itself. The next server of that name would take them for another one's.
    for (const file of [`/tmp/.X${number}-lock`, `/tmp/.X11-unix/X${number}`])
      await rm(file, { force: true });
  };
  const start = async () => {
    await kill();
    const started = spawn(
      'Xvfb',
      [
        ...[`:${number}`, '-displayfd', '3', '-noreset', '-nolisten', 'tcp'],
        // A key that a slow machine releases late must not repeat itself.
        '-r',
        ...['-screen', '0', options.screen ?? '800x600x24'],
        ...(options.cookie === true ? ['-auth', authorityFile] : []),
        ...(options.arguments ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
    );
    child = started;
    process.once('exit', endWithUs);
    await listening(started);
  };
  const startSomewhere = async (tries: number): Promise<void> => {
    number = randomInt(FIRST_NUMBER, LAST_NUMBER);
    await start().catch((error: Error) => {
      if (tries === 1 || !/already (active|running)/.test(error.message)) throw error;
      return startSomewhere(tries - 1);
    });
  };

  try {
    await startSomewhere(TRIES);
  } catch (error) {
    await kill();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    display: `:${number}`,
    authorityFile,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill,
    start,
    [Symbol.asyncDispose]: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** It writes the number of its display to the third descriptor once it listens. */
function listening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let trouble = '';
    const fail = (why: string) => {
      clearTimeout(late);
      reject(new Error(`Xvfb did not start: ${why}.\n${trouble.slice(-2000)}`));
    };
    const late = setTimeout(() => fail('it does not listen'), READY_DEADLINE_MS);
    server.once('error', (error) => fail(error.message));
    // Not when it exits: what it wrote before is read to its end.
    server.once('close', (code, signal) => fail(`it ended with ${signal ?? code}`));
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      trouble += text;
    });
    (server.stdio[3] as Readable).once('data', () => {
      clearTimeout(late);
      resolve();
    });
  });
}

/** One cookie for every display. */
function authorityEntry(): Buffer {
  const cookie = Buffer.from('a cookie of 16 b');
  const counted = (bytes: Buffer) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const family = Buffer.alloc(2);
  family.writeUInt16BE(FAMILY_WILD);
  const texts = [Buffer.alloc(0), Buffer.alloc(0), Buffer.from('MIT-MAGIC-COOKIE-1'), cookie];
  return Buffer.concat([family, ...texts.map(counted)]);
}
