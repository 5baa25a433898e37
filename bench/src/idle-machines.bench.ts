import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { startNatsServer } from '@tooling/nats-server';
import type { FleetAnswer } from './fleet-process.ts';
import { type Measurement, mib, ms } from './measurement.ts';

const MACHINES = 1000;
/** Four heartbeats of each. */
const WINDOW_MS = 20_000;
const ONLINE_DEADLINE_MS = 120_000;

/** Machines that do nothing but beat, over real connections, and what they cost the control plane that hears them. */
export async function measureIdleMachines(): Promise<Measurement[]> {
  await using nats = await startNatsServer();
  await using store = await openTestStore();
  const workspaceId = randomUUID();
  const ids = await enroll(store, workspaceId);
  const fleet = startProcess('fleet-process.ts', [nats.url, JSON.stringify(store.connection), workspaceId]);
  const machines = startProcess('idle-machines-process.ts', [nats.url, workspaceId]);
  try {
    await told(fleet);
    machines.send(ids);
    await told(machines);
    const ask = async (): Promise<FleetAnswer> => {
      fleet.send('how');
      return (await told(fleet)) as FleetAnswer;
    };
    const deadline = performance.now() + ONLINE_DEADLINE_MS;
    while ((await ask()).online < MACHINES) {
      if (performance.now() > deadline) throw new Error('Not all machines came online.');
    }
    const before = await ask();
    await sleep(WINDOW_MS);
    const after = await ask();
    // The page of machines is asked for once within it, at its end, and counted apart.
    const cpu = (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs);
    return [
      {
        what: `${MACHINES} idle machines on one control plane`,
        ours: `${(100 * cpu).toFixed(1)} % of a core, ${mib(after.rssBytes)}`,
        beside: `${mib(before.rssBytesAtStart)} before the first machine`,
        ratio: '–',
        goal: '–',
      },
      {
        what: `list of ${MACHINES} machines with a ping of each`,
        ours: `${ms(after.listMs)}, ${after.online} online`,
        beside: '–',
        ratio: '–',
        goal: '–',
      },
    ];
  } finally {
    await Promise.all([end(fleet), end(machines)]);
  }
}

async function enroll({ enrollments }: TestStore, workspaceId: string): Promise<readonly string[]> {
  const tokenId = randomUUID();
  const expiresAt = new Date(Date.now() + 3_600_000);
  await enrollments.createToken({ id: tokenId, workspaceId, uses: MACHINES, expiresAt, createdBy: 'bench' });
  const ids = Array.from({ length: MACHINES }, () => randomUUID());
  for (const id of ids) {
    const machine = {
      publicKey: id,
      os: 'linux',
      arch: 'x86_64',
      machineName: id,
      canOfferDisplay: false,
      requestsScreenControl: false,
    } as const;
    const enrollment = { id, workspaceId, machine, allowScreenControl: false, approvedBy: 'bench' };
    await enrollments.exchangeToken(tokenId, enrollment, 0);
  }
  return ids;
}

function startProcess(name: string, args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL(name, import.meta.url));
  return spawn(process.execPath, [...process.execArgv, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function told(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process of the measurement ended with ${code}.`);
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined);
  return message;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
