// What a lost link may cost: time, and nothing else. One execution, every byte, whatever was cut where.
import { createHash } from 'node:crypto';
import type { Box } from '@boxyard/sandbox-core';
import { type CuttingProxy, cuttingProxy, startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NatsMachine, natsMachine } from './nats-machine.ts';

const MEGABYTES = process.env.BOXYARD_SOAK === '1' ? 200 : 24;
const CUTS = process.env.BOXYARD_SOAK === '1' ? 20 : 6;
const WAIT = { deadlineMs: 100_000 } as const;
/** A link that was cut is noticed as soon as it is silent. */
const IMPATIENT = { requestMs: 3000, silenceMs: 1500, ackMs: 500, pauseMs: 50, longestPauseMs: 500 };

/** Numbered lines of 64 bytes, `MEGABYTES` of them, after a mark that tells how often it ran. */
const printing = (trace: string) => ({
  script: `echo run >> ${trace}; awk 'BEGIN { for (i = 0; i < ${MEGABYTES * 16_384}; i++) printf "%062d\\n%s", i, "" }'`,
});

function expectedDigest(): string {
  const hash = createHash('sha256');
  for (let line = 0; line < MEGABYTES * 16_384; line++) hash.update(`${String(line).padStart(62, '0')}\n`);
  return hash.digest('hex');
}

/** Reads everything, and lets `at` cut what it wants after so many bytes. */
async function digestOf(
  box: Box,
  id: string,
  disturb: (bytes: number) => Promise<void>,
): Promise<{ readonly digest: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const started = await box.spawn({ program: printing(`trace-${id}`), id }, WAIT);
  for await (const event of started.output()) {
    if (event.kind === 'end') break;
    expect(event.offset).toBe(bytes);
    hash.update(event.bytes);
    bytes += event.bytes.length;
    await disturb(bytes);
  }
  expect(await started.exited(WAIT)).toMatchObject({ exitCode: 0, endedBy: 'itself' });
  return { digest: hash.digest('hex'), bytes };
}

const TOTAL = MEGABYTES * 16_384 * 63;

describe('links that are lost', needs('nats-server'), () => {
  let nats: TestNatsServer;
  let proxy: CuttingProxy;
  let machine: NatsMachine;
  beforeAll(async () => {
    nats = await startNatsServer();
    proxy = await cuttingProxy(nats.port);
    machine = await natsMachine({ url: proxy.url, agentUrl: proxy.url });
  }, 60_000);
  afterAll(async () => {
    await machine.dispose();
    await proxy.close();
    await nats[Symbol.asyncDispose]();
  }, 60_000);

  const runs = async (id: string) =>
    Buffer.from(await machine.local.files.read(`trace-${id}`))
      .toString()
      .split('\n')
      .filter(Boolean).length;

  test(`cut ${CUTS} times in the middle of messages, both ways`, { timeout: 110_000 }, async () => {
    await using box = machine.open(IMPATIENT);
    let cuts = 0;
    const { digest, bytes } = await digestOf(box, 'cut', async (read) => {
      if (cuts === CUTS || read < ((cuts + 1) * TOTAL) / (CUTS + 2)) return;
      cuts++;
      proxy.cut();
    });
    expect({ cuts, bytes }).toEqual({ cuts: CUTS, bytes: TOTAL });
    expect(digest).toBe(expectedDigest());
    expect(await runs('cut')).toBe(1);
  });

  test('the bus ends and comes back', { timeout: 110_000 }, async () => {
    await using box = machine.open(IMPATIENT);
    let restarted = false;
    const { digest, bytes } = await digestOf(box, 'bus', async (read) => {
      if (restarted || read < TOTAL / 2) return;
      restarted = true;
      await nats.kill();
      await nats.start();
    });
    expect({ restarted, bytes }).toEqual({ restarted: true, bytes: TOTAL });
    expect(digest).toBe(expectedDigest());
    expect(await runs('bus')).toBe(1);
  });

  test('the agent is started again, and its commands are found', { timeout: 110_000 }, async () => {
    await using box = machine.open(IMPATIENT);
    let restarted = false;
    const { digest, bytes } = await digestOf(box, 'agent', async (read) => {
      if (restarted || read < TOTAL / 2) return;
      restarted = true;
      await machine.restartAgent();
    });
    expect({ restarted, bytes }).toEqual({ restarted: true, bytes: TOTAL });
    expect(digest).toBe(expectedDigest());
    expect(await runs('agent')).toBe(1);
  });

  test('connections change under running commands, none lost and none twice', {
    timeout: 110_000,
  }, async () => {
    await using box = machine.open();
    const commands = Array.from({ length: 30 }, (_, index) =>
      box.exec(
        { program: { script: `echo ${index} >> rotated; sleep 0.${index % 10}; echo ${index}` } },
        WAIT,
      ),
    );
    for (let turn = 0; turn < 3; turn++) await machine.rotate();
    const results = await Promise.all(commands);
    expect(results.map(({ stdout }) => Number(Buffer.from(stdout).toString()))).toEqual(
      commands.map((_, index) => index),
    );
    const ran = Buffer.from(await machine.local.files.read('rotated'))
      .toString()
      .trim()
      .split('\n');
    expect(ran.map(Number).sort((one, other) => one - other)).toEqual(commands.map((_, index) => index));
  });

  test('a machine that stays away is never said to have ended', { timeout: 110_000 }, async () => {
    await using box = machine.open({ ...IMPATIENT, requestMs: 500, awayMs: 1500 });
    const started = await box.spawn({ program: { script: 'echo begun; sleep 600' } }, WAIT);
    const output = started.output()[Symbol.asyncIterator]();
    expect(await output.next()).toMatchObject({ value: { kind: 'chunk' } });
    await machine.server().close();
    await expect(output.next()).rejects.toMatchObject({ code: 'outcome-unknown' });
    await expect(box.files.stat('x', WAIT)).rejects.toMatchObject({ code: 'unreachable' });
    await machine.restartAgent();
    const attach = box.capabilities.attach;
    const again = attach.available ? await attach.use.attach(started.id, WAIT) : null;
    await again?.kill({ ...WAIT, graceMs: 100 });
    expect((await again?.exited(WAIT))?.endedBy).toBe('kill');
  });
});
