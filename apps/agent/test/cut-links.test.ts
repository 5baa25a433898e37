// What a lost link may cost between a real agent and its control plane: time, and nothing else.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BoxProcess, OUTPUT_START, type OutputCursor } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestMachine, type TestMachine } from './agent-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type PrintingCommand, printingCommand } from './printing-command.ts';

const MEGABYTES = process.env.BOXYARD_SOAK === '1' ? 200 : 20;
const CUTS = 20;
const WAIT = { deadlineMs: 100_000 } as const;
/** A link that was cut is noticed as soon as it is silent. */
const IMPATIENT = { requestMs: 3000, silenceMs: 1500, ackMs: 500, pauseMs: 50, longestPauseMs: 500 };
const READER = join(import.meta.dirname, 'lone-reader.ts');

describe('links to an agent that are lost', needs('nats-server'), () => {
  let plane: ControlPlane;
  let machine: TestMachine;
  beforeAll(async () => {
    plane = await startControlPlane();
    machine = await openTestMachine();
    const agent = machine.start(['up', '--server', plane.url, '--token', await plane.enrollmentToken()]);
    await eventually('it is connected', () => plane.hellos.length > 0 || agent.child.exitCode !== null);
  });
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  const runs = async (trace: string) =>
    (await readFile(join(machine.home, trace), 'utf8')).trim().split('\n').length;

  /** Reads on from there, and lets `disturb` do what it wants after so many bytes of the whole. */
  async function readThrough(
    command: BoxProcess,
    {
      hash = createHash('sha256'),
      from = OUTPUT_START,
      disturb = async () => undefined,
    }: {
      readonly hash?: ReturnType<typeof createHash>;
      readonly from?: OutputCursor;
      readonly disturb?: (bytes: number) => Promise<void>;
    },
  ) {
    let bytes = from.stdout;
    for await (const event of command.output({ from })) {
      if (event.kind === 'end') break;
      expect(event.offset).toBe(bytes);
      hash.update(event.bytes);
      bytes += event.bytes.length;
      await disturb(bytes);
    }
    expect(await command.exited(WAIT)).toMatchObject({ exitCode: 0, endedBy: 'itself' });
    return { bytes, digest: hash.digest('hex') };
  }

  const whole = ({ bytes, digest }: PrintingCommand) => ({ bytes, digest });

  test(`${CUTS} resets in the middle of messages, both ways`, { timeout: 200_000 }, async () => {
    const command = printingCommand(MEGABYTES, 'cut');
    await using box = await plane.openMachine(IMPATIENT);
    let cuts = 0;
    const cutting = async () => {
      for (; cuts < CUTS; cuts++) {
        // Upwards it is the agent that is cut, downwards the control plane. All cuts together fit into the output.
        const direction = cuts % 3 === 0 ? 'up' : 'down';
        await plane.proxy.cutAfter(direction, Math.floor((Math.random() * command.bytes) / CUTS));
      }
    };
    const started = await box.spawn({ program: command.program, id: 'cut' }, WAIT);
    void cutting();
    expect(await readThrough(started, {})).toEqual(whole(command));
    expect(cuts).toBe(CUTS);
    expect(await runs('cut')).toBe(1);
  });

  test('the process of the control plane is killed, and another one goes on', {
    timeout: 200_000,
  }, async () => {
    const command = printingCommand(MEGABYTES, 'killed');
    const terms = JSON.stringify(await plane.machineTerms());
    const { script } = command.program as { script: string };
    const conditions = '--conditions=@boxyard/source';
    const reader = spawn(process.execPath, [conditions, READER, terms, 'killed', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(reader, 'close');
    const hash = createHash('sha256');
    let read = 0;
    for await (const bytes of reader.stdout as AsyncIterable<Uint8Array>) {
      hash.update(bytes);
      read += bytes.length;
      if (read >= command.bytes / 2) break;
    }
    reader.kill('SIGKILL');
    await ended;
    expect(reader.signalCode).toBe('SIGKILL');
    expect(read).toBeLessThan(command.bytes);

    await using box = await plane.openMachine(IMPATIENT);
    if (!box.capabilities.attach.available) throw new Error('Nothing can be found again.');
    const found = await box.capabilities.attach.use.attach('killed', WAIT);
    expect(await readThrough(found, { hash, from: { stdout: read, stderr: 0 } })).toEqual(whole(command));
    expect(await runs('killed')).toBe(1);
  });

  test('the bus is killed and started again', { timeout: 200_000 }, async () => {
    const command = printingCommand(MEGABYTES, 'bus');
    await using box = await plane.openMachine(IMPATIENT);
    let restarted = false;
    const disturb = async (read: number) => {
      if (restarted || read < command.bytes / 2) return;
      restarted = true;
      await plane.restartNats();
    };
    const started = await box.spawn({ program: command.program, id: 'bus' }, WAIT);
    expect(await readThrough(started, { disturb })).toEqual(whole(command));
    expect(restarted).toBe(true);
    expect(await runs('bus')).toBe(1);
  });
});
