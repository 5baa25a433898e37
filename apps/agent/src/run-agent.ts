// The agent itself: this machine's files, commands and terminals, served to sessions over connections that it made.
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { GoingOfflineReason } from '@boxyard/agent-proto/messages';
import { FolderFiles, openFolderBox } from '@boxyard/providers-local';
import { NatsAgentTransport, serveBox } from '@boxyard/selfhosted/server';
import type { AgentSettings } from './agent-settings.ts';
import { writeState } from './agent-state.ts';
import { allowedScreen } from './allowed-screen.ts';
import { AuditFile } from './audit-file.ts';
import { BusConnection } from './bus-connection.ts';
import { configFiles } from './config-folder.ts';
import { CredentialKeeper } from './credential-keeper.ts';
import { describeMachine, onTheWire } from './describe-machine.ts';
import { readEnrollment } from './enrollment-file.ts';
import { lockFolder } from './instance-lock.ts';
import { readMachineKey } from './machine-key.ts';
import { MachineMetrics } from './machine-metrics.ts';
import { memoryGuard } from './memory-guard.ts';
import { type OwnScreen, openOwnScreen } from './own-screen.ts';
import { EXIT_NOT_ENROLLED, PlainError } from './plain-error.ts';
import { relayStreams } from './relay-streams.ts';
import { VERSION } from './version.ts';

export interface RunAgentOptions {
  readonly folder: string;
  readonly settings: AgentSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (text: string) => void;
  /** Takes no new work from then on, and ends once what runs has ended. */
  readonly stop: AbortSignal;
}

/** How long work gets after the stop. */
const DRAIN_MS = 10_000;

/** @throws PlainError for a machine that is not enrolled or was revoked, or while another agent runs. */
export async function runAgent({ folder, settings, env, log, stop }: RunAgentOptions): Promise<void> {
  const files = configFiles(folder);
  const [enrollment, key] = [await readEnrollment(files.enrollment), await readMachineKey(files.key)];
  if (enrollment === null || key === null) {
    throw new PlainError('This machine is not enrolled. Run boxyard-agent enroll first.', {
      exitCode: EXIT_NOT_ENROLLED,
    });
  }
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const unlock = await lockFolder(folder, (error) => failed.abort(error));
  const startedAt = new Date().toISOString();
  const tellState = (connectedTo: string | null) =>
    writeState(files.state, { pid: process.pid, startedAt, connectedTo, since: new Date().toISOString() });
  tellState(null);
  const keeper = new CredentialKeeper({ enrollment, enrollmentFile: files.enrollment, key, log });
  const first = await keeper.renew(signal);
  const workspace = settings.workspaceRoot ?? env.HOME ?? homedir();
  const box = await openFolderBox({
    workspace,
    stateDir: files.box,
    environment: ownEnvironment(env),
    launcher: memoryGuard(),
  });
  const audit = new AuditFile(files.audit);
  const { agentId, workspaceId } = first;
  const transport = new NatsAgentTransport({
    agent: { workspaceId, agentId, instance: randomUUID() },
    legacySubject: settings.legacySubject,
  });
  const metrics = new MachineMetrics(workspace);
  const machine = describeMachine(undefined);
  const ports = new Set(settings.ports ?? []);
  const allowed = allowedScreen(settings, enrollment, first.consentedScreenControl);
  if (allowed.lacks !== null) log(allowed.lacks);
  const screen: OwnScreen | null = allowed.seen ? await openOwnScreen(settings, env) : null;
  const served = serveBox(transport, box, {
    self: {
      agentId,
      workspaceId,
      agentVersion: VERSION,
      machineName: machine.machineName,
      updateChannel: 'stable',
      ...onTheWire(machine),
    },
    wholeMachine: first.consentedWholeMachine,
    screenControl: allowed.controlled,
    ...(screen === null ? {} : { screen }),
    readOnly: settings.readOnly,
    roots: (settings.roots ?? ['/']).map((path) => ({ path, files: new FolderFiles({ root: path }) })),
    ...(ports.size === 0 ? {} : { allowPort: (port: number) => ports.has(port) }),
    ...(first.relayUrl === null
      ? {}
      : { dialRelay: relayStreams(first.relayUrl, () => keeper.relayToken()) }),
    metrics: () => metrics.sample(),
    capacity: () => metrics.capacity(),
    audit: (entry) => audit.write(entry),
  });
  let fresh: typeof first | null = first;
  const bus = new BusConnection({
    key,
    transport,
    renew: async (renewal) => {
      const credentials = fresh ?? (await keeper.renew(renewal));
      fresh = null;
      return credentials;
    },
    onConnected: (server) => {
      served.announce();
      tellState(server);
      log(`connected to ${server}`);
      void screen?.look();
    },
    onLost: (why) => {
      tellState(null);
      log(`not connected: ${why}`);
    },
    log,
  });
  screen?.onChange(() => {
    log(screen.display === null ? `its screen is not shown: ${screen.unavailable}` : 'its screen is shown');
    served.announce();
  });
  const leaving = new AbortController();
  const connected = bus.run(AbortSignal.any([failed.signal, leaving.signal])).catch((error: unknown) => {
    if (!leaving.signal.aborted) failed.abort(error);
  });
  try {
    await aborted(signal);
    // Said at once, so that nobody waits for a machine that is on its way out.
    const drained = new AbortController();
    const limit = sleep(settings.drainMs ?? DRAIN_MS, undefined, { signal: drained.signal }).then(
      () => drained.abort(),
      () => undefined,
    );
    await served.drain(GoingOfflineReason.USER_STOP, drained.signal);
    drained.abort();
    await limit;
  } finally {
    leaving.abort();
    await connected;
    await bus.close();
    await served.close();
    await screen?.close();
    await box.close();
    audit.close();
    tellState(null);
    await unlock().catch(() => undefined);
  }
  if (failed.signal.aborted && !stop.aborted) throw failed.signal.reason;
}

/** The user's own environment; what is ours stays with us. */
function ownEnvironment(env: RunAgentOptions['env']): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('BOXYARD_'),
  );
  return Object.fromEntries(kept);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
