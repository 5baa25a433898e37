// A real agent that is killed, stopped, frozen, overrun and starved while it works: what is said of it is true, and
// nothing runs twice.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AgentRun, openTestMachine, type TestMachine } from './agent-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const FROZEN_MS = process.env.BOXYARD_SOAK === '1' ? 30_000 : 3000;
const PARALLEL = 256;
const BOMB_BYTES = 200_000_000;
/** The bound of the registry, and a heartbeat that may have been under way. */
const OFFLINE = { timeout: 20_000, interval: 100 };
/** Promised is one second; the rest is for a machine that is busy with other tests. */
const GOODBYE_MS = process.env.BOXYARD_SOAK === '1' ? 1000 : 3000;
const FOUND = { timeout: 30_000, interval: 100 };
const WAIT = { deadlineMs: 100_000 } as const;
const QUICK = { requestMs: 1000, silenceMs: 1000, ackMs: 300, pauseMs: 50, longestPauseMs: 300 };
/** Gives a machine up after two seconds. */
const IMPATIENT = { ...QUICK, awayMs: 2000 };

describe('an agent that is struck', needs('nats-server'), () => {
  let plane: ControlPlane;
  let machine: TestMachine;
  let agent: AgentRun | null = null;
  beforeAll(async () => {
    plane = await startControlPlane();
    machine = await openTestMachine();
  });
  beforeEach(async () => {
    if (agent !== null && agent.child.exitCode === null && agent.child.signalCode === null) return;
    await start();
  });
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  /** Enrolled on its first start, and seen by the registry. */
  async function start(...flags: readonly string[]): Promise<void> {
    const hellos = plane.hellos.length;
    const token = hellos === 0 ? ['--server', plane.url, '--token', await plane.enrollmentToken()] : [];
    const started = machine.start(['up', ...flags, ...token]);
    agent = started;
    await eventually(
      'it is connected',
      () => plane.hellos.length > hellos || started.child.exitCode !== null,
    );
    await expect.poll(liveness, FOUND).toBe('online');
  }

  const running = (): AgentRun => agent ?? expect.fail('No agent runs.');
  const liveness = () => plane.liveness(plane.hellos.at(-1)?.hello.agentId ?? '');
  const lines = async (name: string) =>
    (await readFile(join(machine.home, name), 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const say = (file: string) => writeFile(join(machine.home, file), '');
  /** Says that it runs, and ends when it is told to, or with the folder of the test. */
  const waiting = (name: string) =>
    `echo ${name} >> ran-${name}; echo begun; while [ ! -e go-${name} ] && [ -e ran-${name} ]; do sleep 0.1; done; echo ended`;
  const begun = (name: string) =>
    eventually(`${name} runs`, async () => (await lines(`ran-${name}`)).length > 0);

  test(`answers every ping beside ${PARALLEL} commands at once, and runs each of them once`, {
    timeout: 120_000,
  }, async () => {
    await using box = await plane.openMachine({ requestMs: 30_000 });
    const names = Array.from({ length: PARALLEL }, (_, index) => `command ${index}`);
    let [busy, pings] = [true, 0];
    const work = Promise.all(
      names.map((name) => box.exec({ program: { script: `echo ${name} >> parallel; echo ${name}` } }, WAIT)),
    ).finally(() => {
      busy = false;
    });
    for (; busy; pings++) await box.ping();
    const printed = (await work).map(({ stdout }) => Buffer.from(stdout).toString().trim());
    expect(printed).toEqual(names);
    expect((await lines('parallel')).sort()).toEqual([...names].sort());
    expect(pings).toBeGreaterThan(5);
  });

  test('outlives a command that eats memory: the system chooses that one, and its end is told', {
    timeout: 60_000,
  }, async () => {
    await using box = await plane.openMachine();
    const eat = `s = "x"; while (length(s) < ${BOMB_BYTES}) s = s s; print length(s); while (system("sleep 0.1; test -d ~") == 0);`;
    const bomb = await box.spawn({ program: { script: `echo $$; exec awk 'BEGIN { ${eat} }'` } }, WAIT);
    let printed = '';
    for await (const event of bomb.output()) {
      if (event.kind === 'chunk') printed += Buffer.from(event.bytes).toString();
      if (printed.split('\n').length > 2) break;
    }
    const [pid = 0, bytes = 0] = printed.trim().split('\n').map(Number);
    expect(bytes).toBeGreaterThanOrEqual(BOMB_BYTES);
    const scoreOf = async (of: number | undefined) => Number(await readFile(`/proc/${of}/oom_score`, 'utf8'));
    expect(await scoreOf(pid)).toBeGreaterThan(await scoreOf(running().child.pid));
    // As the system does it, without starving who else works on this machine.
    process.kill(pid, 'SIGKILL');
    expect(await bomb.exited(WAIT)).toMatchObject({ exitCode: 137 });
    await box.ping();
    expect((await box.exec({ program: { script: 'echo alive' } }, WAIT)).exitCode).toBe(0);
  });

  test(`frozen for ${FROZEN_MS / 1000} s it is out of reach, then everything goes on, and nothing happens twice`, {
    timeout: 120_000,
  }, async () => {
    await using patient = await plane.openMachine(QUICK);
    await using impatient = await plane.openMachine(IMPATIENT);
    const count = 'i=0; while [ ! -e go-ticks ] && [ -d ~ ]; do echo $i; i=$((i + 1)); sleep 0.1; done';
    const ticking = await patient.spawn({ program: { script: count } }, WAIT);
    let ticks = '';
    const reading = (async () => {
      for await (const event of ticking.output()) {
        if (event.kind === 'chunk') ticks += Buffer.from(event.bytes).toString();
      }
    })();
    const numbers = () => ticks.split('\n').filter(Boolean).map(Number);
    await eventually('it ticks', () => numbers().length > 3);

    running().child.kill('SIGSTOP');
    try {
      await expect(impatient.ping(WAIT)).rejects.toMatchObject({ code: 'unreachable' });
      await expect(
        impatient.exec({ program: { script: 'echo given up >> frozen' } }, WAIT),
      ).rejects.toMatchObject({ code: 'outcome-unknown' });
      expect(await liveness()).toBe('reconnecting');
    } catch (error) {
      running().child.kill('SIGCONT');
      throw error;
    }
    const waited = patient.exec({ program: { script: 'echo waited for >> frozen' } }, WAIT);
    waited.catch(() => undefined);
    await sleep(FROZEN_MS);
    const before = numbers().length;
    running().child.kill('SIGCONT');
    expect((await waited).exitCode).toBe(0);
    await eventually('it ticks again', () => numbers().length > before + 3);
    await expect.poll(liveness, FOUND).toBe('online');
    await say('go-ticks');
    await reading;
    expect(numbers()).toEqual(numbers().map((_, index) => index));
    const frozen = await lines('frozen');
    expect(frozen.filter((line) => line === 'waited for')).toHaveLength(1);
    // Nobody knew whether it would run: it may have, once.
    expect(frozen.filter((line) => line === 'given up').length).toBeLessThanOrEqual(1);
  });

  test('killed in the middle of commands: offline, their outcome unknown, and nothing again when it is back', {
    timeout: 120_000,
  }, async () => {
    await using box = await plane.openMachine(IMPATIENT);
    const kept = await box.spawn({ program: { script: waiting('kept') }, id: 'kept' }, WAIT);
    const output = kept.output()[Symbol.asyncIterator]();
    expect(await output.next()).toMatchObject({ value: { kind: 'chunk' } });
    const owned = box.exec({ program: { script: waiting('owned') }, id: 'owned' }, WAIT);
    owned.catch(() => undefined);
    await begun('owned');

    running().child.kill('SIGKILL');
    const offline = expect.poll(liveness, OFFLINE).toBe('offline');
    offline.catch(() => undefined);
    await expect(output.next()).rejects.toMatchObject({ code: 'outcome-unknown' });
    await expect(owned).rejects.toMatchObject({ code: 'outcome-unknown' });
    await expect(box.exec({ program: { script: 'echo late >> ran-late' } }, WAIT)).rejects.toMatchObject({
      code: 'unreachable',
      started: 'no',
    });
    await offline;

    await start();
    await using again = await plane.openMachine();
    if (!again.capabilities.attach.available) throw new Error('Nothing can be found again.');
    const found = await again.capabilities.attach.use.attach('kept', WAIT);
    await Promise.all([say('go-kept'), say('go-owned')]);
    expect(await found.exited(WAIT)).toMatchObject({ exitCode: 0, endedBy: 'itself' });
    expect((await again.exec({ program: { script: 'true' } }, WAIT)).exitCode).toBe(0);
    expect(await lines('ran-kept')).toEqual(['kept']);
    expect(await lines('ran-owned')).toEqual(['owned']);
    expect(await lines('ran-late')).toEqual([]);
  });

  test('asked to stop: offline at once, no new work, and what runs is waited for and answered', {
    timeout: 60_000,
  }, async ({ annotate }) => {
    await using box = await plane.openMachine(QUICK);
    const working = box.exec({ program: { script: waiting('last') } }, WAIT);
    working.catch(() => undefined);
    await begun('last');
    const { child, ended } = running();
    const stoppedAt = performance.now();
    child.kill('SIGTERM');
    await expect.poll(liveness, { timeout: GOODBYE_MS, interval: 10 }).toBe('offline');
    await annotate(`offline ${Math.round(performance.now() - stoppedAt)} ms after SIGTERM`);
    expect(child.exitCode).toBe(null);
    const refused = await box
      .exec({ program: { script: 'echo new >> ran-new' } }, WAIT)
      .catch((error: unknown) => error);
    expect(refused).toSatisfy((error) => SandboxError.hasCode(error, 'unreachable'));
    expect(refused).toMatchObject({ started: 'no' });
    await say('go-last');
    const { exitCode, stdout } = await working;
    expect([exitCode, Buffer.from(stdout).toString()]).toEqual([0, 'begun\nended\n']);
    expect(await ended).toBe(0);
    expect([await lines('ran-last'), await lines('ran-new')]).toEqual([['last'], []]);
  });

  test('asked to stop, it waits for a command no longer than --drain-ms, and that goes on without it', {
    timeout: 60_000,
  }, async () => {
    running().child.kill('SIGTERM');
    expect(await running().ended).toBe(0);
    await start('--drain-ms', '300');
    await using box = await plane.openMachine(IMPATIENT);
    const long = await box.spawn({ program: { script: waiting('long') }, id: 'long' }, WAIT);
    const output = long.output()[Symbol.asyncIterator]();
    expect(await output.next()).toMatchObject({ value: { kind: 'chunk' } });
    const { child } = running();
    child.kill('SIGTERM');
    // The command ends when this test says so: whatever it waited for, it was not that.
    await eventually('it has ended', () => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
    await expect.poll(liveness, FOUND).toBe('offline');
    await expect(output.next()).rejects.toMatchObject({ code: 'outcome-unknown' });

    await start();
    await using again = await plane.openMachine();
    if (!again.capabilities.attach.available) throw new Error('Nothing can be found again.');
    const found = await again.capabilities.attach.use.attach('long', WAIT);
    await say('go-long');
    expect(await found.exited(WAIT)).toMatchObject({ exitCode: 0, endedBy: 'itself' });
    expect(await lines('ran-long')).toEqual(['long']);
  });
});
