// One server process of the lease model, started with node and killed at any moment.
import { folderBlobStore } from '@boxyard/blobs';
import { createBackendRegistry, SandboxError } from '@boxyard/sandbox-core';
import { openStore } from '@boxyard/store-postgres';
import { v7 as uuidv7 } from 'uuid';
import { ArchiveSweep, BoxLeases, type OpenBox, Reaper, Sweep } from '../../src/index.ts';
import { cloudProvider } from './cloud-provider.ts';
import { askOver } from './cloud-socket.ts';
import type { LeaseCommand, LeaseProcessSetup, LeaseReply } from './lease-command.ts';
import { mutate } from './model-mutants.ts';
import { MODEL_SETTINGS } from './model-settings.ts';

const setup = JSON.parse(process.argv[2] ?? '') as LeaseProcessSetup;
// Without its test it has nobody to work for.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const store = await openStore({ connection: setup.connection, maxConnections: 4 });
const ask = askOver(setup.socket, setup.name);
const leases = new BoxLeases({
  deployment: 'model',
  store: store.leases,
  ledger: store.artifacts,
  blobs: folderBlobStore({ dir: setup.blobDir }),
  providers: createBackendRegistry({ docker: cloudProvider(ask) }),
  settings: MODEL_SETTINGS,
});
const sweep = mutate({ context: leases.context, sweep: new Sweep(leases.context) }, setup);
const archives = new ArchiveSweep(leases.context);
const reaper = new Reaper(leases.context);
const open: OpenBox[] = [];

let statementsLeft = Number.POSITIVE_INFINITY;
let diesWhenSent = false;
store.onStatement(() => {
  statementsLeft -= 1;
  if (statementsLeft > 0) return;
  const die = () => process.kill(process.pid, 'SIGKILL');
  if (diesWhenSent) setImmediate(die);
  else die();
});

async function write(box: OpenBox): Promise<void> {
  const name = uuidv7();
  await box.markDirty();
  await box.box.exec({ program: { argv: ['write', name] } });
  // Answered only while the lease is this holder's own; so nobody may lose the write from here on.
  await box.gaveInput();
  await ask({ do: 'confirm', write: name });
}

async function visit(command: Extract<LeaseCommand, { do: 'visit' }>): Promise<void> {
  const { group, kind, holder, writes, stays } = command;
  const box = await leases.open({
    ...group,
    holder: { kind, id: holder, subject: setup.name },
    spec: { backend: 'docker' },
  });
  let left = false;
  try {
    for (let done = 0; done < writes && kind !== 'viewer'; done += 1) await write(box);
    if (stays) open.push(box);
    left = stays;
  } finally {
    if (!left) await box.close();
  }
}

async function act(command: LeaseCommand): Promise<void> {
  switch (command.do) {
    case 'visit':
      return visit(command);
    case 'write':
      if (open[0] !== undefined) await write(open[0]);
      return;
    case 'leave':
      return open.shift()?.close();
    case 'capture':
      return void (await leases.capture(command.group));
    case 'delete':
      return leases.destroy(command.group);
    case 'pause':
      return leases.pause(command.group, { force: command.force, deadlineMs: 1_000 });
    case 'tick':
      return reaper.tick();
    case 'sweep':
      await sweep.run();
      await archives.run();
      return;
    case 'freeze':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, command.ms);
      return;
    case 'die':
      statementsLeft = command.statements;
      diesWhenSent = command.sent;
  }
}

process.on('message', ({ id, command }: { id: number; command: LeaseCommand }) => {
  const reply = (answer: LeaseReply) => void process.send?.(answer);
  act(command).then(
    () => reply({ id, outcome: 'done' }),
    (error: unknown) => {
      if (SandboxError.isInstance(error)) reply({ id, outcome: error.code });
      else reply({ id, fault: error instanceof Error ? `${error.stack}` : String(error) });
    },
  );
});
process.send?.({ id: 0, outcome: 'ready' } satisfies LeaseReply);
