// How this machine comes to be let in: by a person who looks at its code, or by a token where nobody is there.
import { setTimeout as sleep } from 'node:timers/promises';
import { fingerprintOf } from '@boxyard/agent-proto';
import type { MachineCredentials } from '@boxyard/contracts';
import { renderUnicodeCompact } from 'uqr';
import type { AgentSettings } from './agent-settings.ts';
import { configFiles, makePrivateFolder } from './config-folder.ts';
import { describeMachine } from './describe-machine.ts';
import { readEnrollment, writeEnrollment } from './enrollment-file.ts';
import { ensureMachineKey } from './machine-key.ts';
import { PlainError } from './plain-error.ts';
import { ServerAway, ServerClient } from './server-client.ts';

export interface EnrollOptions {
  readonly folder: string;
  readonly server: string;
  /** Id or slug. */
  readonly workspace: string;
  /** `oget_…`; without it a person decides. */
  readonly token: string | undefined;
  readonly machineName: string | undefined;
  /** What is asked for: to show the screen, or to be controlled as well. */
  readonly screen: AgentSettings['screen'];
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

const SCREEN_ASKED = {
  none: '',
  view: ', and see this screen',
  control: ', see this screen and, where that is ticked, use its pointer and keyboard',
};

/** @throws PlainError when it was denied, or nobody decided in time. */
export async function enrollMachine(options: EnrollOptions): Promise<void> {
  const { folder, server, token, say, screen } = options;
  const files = configFiles(folder);
  await makePrivateFolder(folder);
  if ((await readEnrollment(files.enrollment)) !== null) {
    throw new PlainError(
      'This machine is enrolled already. Run boxyard-agent logout first to enroll it elsewhere.',
    );
  }
  const client = new ServerClient(server);
  const key = await ensureMachineKey(files.key);
  const machine = {
    ...describeMachine(options.machineName),
    publicKey: key.getPublicKey(),
    exposure: 'whole-machine' as const,
    canOfferDisplay: screen !== undefined,
    requestsScreenControl: screen === 'control',
  };
  const credentials =
    token === undefined
      ? await askAPerson(client, { ...machine, workspaceId: options.workspace }, options)
      : await client.exchange({ ...machine, token });
  const { workspaceId, agentId, bearer } = credentials;
  await writeEnrollment(files.enrollment, { server, workspaceId, agentId, bearer, screen });
  say(`This machine is enrolled as ${machine.machineName} (${agentId}).\n`);
}

async function askAPerson(
  client: ServerClient,
  machine: Parameters<ServerClient['start']>[0],
  { say, screen, signal }: EnrollOptions,
): Promise<MachineCredentials> {
  const started = await client.start(machine);
  const minutes = Math.round(started.expiresInSeconds / 60);
  say(
    `\n${renderUnicodeCompact(started.verificationUriComplete)}\n\n` +
      `Open ${started.verificationUri} and enter ${started.userCode}\n` +
      `or follow ${started.verificationUriComplete}\n\n` +
      `The page shows the fingerprint of this machine's key: ${fingerprintOf(machine.publicKey)}\n` +
      `Whoever approves lets sessions run commands here as ${process.env.USER ?? 'your user'}${SCREEN_ASKED[screen ?? 'none']}, within ${minutes} minutes.\n`,
  );
  let intervalSeconds = started.intervalSeconds;
  const deadline = Date.now() + started.expiresInSeconds * 1000;
  while (Date.now() < deadline) {
    await sleep(intervalSeconds * 1000, undefined, { signal });
    const polled = await client.poll(started.deviceCode).catch((error: unknown) => {
      // The code still counts when the server is away for a moment.
      if (error instanceof ServerAway) return null;
      throw error;
    });
    if (polled === null) continue;
    if (polled.state === 'authorized') return polled.credentials;
    if (polled.state === 'denied') throw new PlainError('The request was denied.');
    if (!('intervalSeconds' in polled)) break;
    intervalSeconds = polled.intervalSeconds;
  }
  throw new PlainError('Nobody approved in time. Run it again for another code.');
}
