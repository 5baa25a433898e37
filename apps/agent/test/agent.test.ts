import { randomUUID } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestMachine } from './agent-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { OpenPty } from './open-pty.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString().trim();

/** A server that was started again knows no machine for a moment: what was not begun then is begun later. */
async function untilBegun<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!SandboxError.hasCode(error, 'unreachable') || error.started !== 'no') throw error;
      await sleep(100);
    }
  }
}

describe('an agent of a real control plane', needs('nats-server'), () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane({ jwtTtlMs: 6000 });
  });
  afterAll(() => plane[Symbol.asyncDispose]());

  test('a person lets it in, and then the machine is a box until it is asked to stop', async () => {
    await using machine = await openTestMachine();
    const enrolling = machine.start(['enroll', '--server', plane.url, '--name', 'a laptop']);
    await eventually('a code is shown', () => /enter [2-9A-Z]{4}-[2-9A-Z]{4}/.test(enrolling.output.stdout));
    const userCode = /enter (\S+)/.exec(enrolling.output.stdout)?.[1] ?? '';
    expect(enrolling.output.stdout).toContain('▄');
    await plane.fleet.devices.approve(plane.workspaceId, userCode, {
      approvedBy: 'ada',
      allowScreenControl: false,
    });

    expect(await enrolling.ended).toBe(0);
    for (const [path, mode] of [
      ['', 0o700],
      ['machine.key', 0o600],
      ['enrollment.json', 0o600],
    ] as const) {
      expect((await stat(join(machine.folder, path))).mode & 0o777).toBe(mode);
    }

    await writeFile(join(machine.home, 'mine.txt'), 'mine');
    const agent = machine.start(['run']);
    await eventually('it is connected', () => plane.hellos.length > 0 || agent.child.exitCode !== null);
    expect(plane.hellos.at(-1)?.hello).toMatchObject({
      workspaceRoot: machine.home,
      capabilities: { pty: true },
    });
    await using box = await plane.openMachine();
    const script =
      'echo $HOME; cat mine.txt; echo; cat /proc/self/oom_score_adj; env | grep -c BOXYARD_CONFIG';
    const result = await box.exec({ program: { script } });
    expect(text(result.stdout).split('\n')).toEqual([machine.home, 'mine', '500', '0']);
    const own = await readFile(`/proc/${agent.child.pid}/oom_score_adj`, 'utf8');
    expect(Number(own)).toBeLessThan(500);
    await box.files.write('theirs.txt', Buffer.from('theirs'));
    expect(await readFile(join(machine.home, 'theirs.txt'), 'utf8')).toBe('theirs');
    await using pty = await OpenPty.through(plane, box);
    await pty.type('echo "terminal $((40 + 2))"\n');
    await pty.prints('terminal 42');

    const status = machine.start(['status', '--json']);
    expect(await status.ended).toBe(0);
    expect(JSON.parse(status.output.stdout)).toMatchObject({
      enrolled: true,
      running: true,
      server: plane.url,
    });
    const second = machine.start(['run']);
    expect(await second.ended).toBe(1);
    expect(second.output.stderr).toContain('An agent runs already');

    const events = plane.events.length;
    agent.child.kill('SIGTERM');
    expect(await agent.ended).toBe(0);
    const told = plane.events.slice(events).map(({ event }) => event.case);
    expect(told).toContain('goingOffline');
    expect(plane.events.some(({ event }) => event.case === 'heartbeat')).toBe(true);
    const audit = (await readFile(join(machine.folder, 'audit.jsonl'), 'utf8')).trim().split('\n');
    expect(audit.map((line) => JSON.parse(line).op)).toContain('opStart');
    const after = machine.start(['status']);
    expect(await after.ended).toBe(4);
  });

  test('JWTs run out and NATS is started again while commands run: none is lost, none runs twice', async () => {
    await using machine = await openTestMachine();
    const hellos = plane.hellos.length;
    const agent = machine.start(['up', '--server', plane.url, '--token', await plane.enrollmentToken()]);
    await eventually('it is connected', () => plane.hellos.length > hellos || agent.child.exitCode !== null);
    const agentId = plane.hellos.at(-1)?.hello.agentId ?? '';
    await using box = await plane.openMachine();
    const marks: string[] = [];
    let restarted = false;
    const work = async () => {
      // Three lives of a JWT, and a server that went away in the middle.
      while (plane.hellos.length < hellos + 4 || !restarted) {
        const mark = randomUUID();
        marks.push(mark);
        const script = `sleep 0.5; echo ${mark} >> done; echo ${mark}`;
        const result = await untilBegun(() => box.exec({ program: { script }, id: mark }));
        expect(text(result.stdout)).toBe(mark);
      }
    };
    const working = Promise.all(Array.from({ length: 4 }, work));
    await eventually('the JWT was replaced', () => plane.hellos.length >= hellos + 2);
    await plane.restartNats();
    restarted = true;
    await working;
    const done = (await readFile(join(machine.home, 'done'), 'utf8')).trim().split('\n');
    expect(done.sort()).toEqual(marks.sort());

    await plane.revoke(agentId);
    expect(await agent.ended).toBe(3);
    expect(agent.output.stderr).toMatch(/revoked/);
  });

  // It takes as long as the lock of a killed process counts.
  if (process.env.BOXYARD_SOAK === '1') {
    test('an agent that is killed comes back, and its commands went on meanwhile', async () => {
      await using machine = await openTestMachine();
      const hellos = plane.hellos.length;
      const first = machine.start(['up', '--server', plane.url, '--token', await plane.enrollmentToken()]);
      await eventually('it is connected', () => plane.hellos.length > hellos);
      const script = 'for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 1; done';
      {
        await using box = await plane.openMachine();
        await box.spawn({ program: { script }, id: 'long' });
      }
      first.child.kill('SIGKILL');
      await first.ended;
      const said = plane.hellos.length;
      machine.start(['run']);
      await eventually('it is back', () => plane.hellos.length > said);
      await using box = await plane.openMachine();
      if (!box.capabilities.attach.available) throw new Error('Nothing can be found again.');
      const process = await box.capabilities.attach.use.attach('long');
      let printed = '';
      for await (const event of process.output()) if (event.kind === 'chunk') printed += text(event.bytes);
      expect(printed.match(/line \d/g)).toHaveLength(8);
      expect(await process.exited()).toMatchObject({ exitCode: 0, endedBy: 'itself' });
    });
  }

  test('who may not is told so in a line', async () => {
    await using machine = await openTestMachine();
    const told = async (args: readonly string[]) => {
      const { ended, output } = machine.start(args);
      return [await ended, output.stderr.trim()] as const;
    };
    expect(await told(['run'])).toEqual([3, expect.stringContaining('not enrolled')]);
    expect(await told(['enroll'])).toEqual([1, expect.stringContaining('Which server?')]);
    const forged = ['enroll', '--server', plane.url, '--token', 'oget_nobody.knows'];
    expect(await told(forged)).toEqual([3, expect.stringContaining('refused')]);
  });
});
