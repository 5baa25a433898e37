import {
  BACKENDS,
  type Backend,
  CapabilityDocument,
  type Liveness,
  type OperatingSystem,
} from '@boxyard/contracts';
import { expect, test } from 'vitest';
import { BACKEND_TABLE } from './backend-table.ts';
import { isAcknowledged, type NegotiationInput, negotiateCapabilities } from './negotiation.ts';

const now = new Date('2026-01-02T03:04:05.000Z');
const expiresAt = new Date('2026-01-02T03:06:05.000Z');
const sessionId = '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90';
const otherId = '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d91';
const desktopStream = {
  url: 'wss://desk.example/',
  token: 'desk',
  expiresAt,
  resolution: [1280, 800] as const,
};
const terminalStream = { url: 'wss://term.example/', token: 'term', expiresAt };

const base: NegotiationInput = {
  sessionId,
  backend: 'modal',
  os: 'linux',
  liveness: 'warm',
  leaseEpoch: 3,
  desktopEnabled: true,
  now,
};

/** What each cell must say, from a plain reading of the rules; knows backends by name and shares no code. */
function oracle(input: NegotiationInput) {
  const { backend } = input;
  const desktops = ['modal', 'daytona', 'runloop', 'e2b', 'blaxel', 'selfhosted'];
  const headless = ['cloudflare', 'vercel'];
  const ptys = ['modal', 'daytona', 'cloudflare', 'docker', 'local', 'selfhosted'];
  const osFits = input.os === 'linux' || backend === 'selfhosted';
  const cold = input.liveness === 'cold';

  let plain: string | null = null;
  if (backend === 'none') plain = 'backend_unsupported';
  if (!osFits) plain = 'os_unsupported';

  let screen: string | null = null;
  if (!desktops.includes(backend))
    screen = headless.includes(backend) ? 'tier_headless' : 'backend_unsupported';
  if (!osFits) screen = 'os_unsupported';

  const policy = input.desktopEnabled ? null : 'disabled_by_policy';
  const secret = input.streamTokenSecretAvailable === false ? 'disabled_by_policy' : null;
  const asleep = cold && input.desktopStream === undefined ? 'lease_cold' : null;
  const desktop = screen ?? policy ?? secret ?? asleep;
  const handed = desktop === null && input.desktopAcknowledged === true && input.desktopStream !== undefined;

  let terminal: [transport: string | null, reason: string | null];
  if (plain !== null) terminal = [null, plain];
  else if (!ptys.includes(backend)) terminal = ['sse-events', null];
  else if (input.terminalEnabled === false) terminal = ['sse-events', 'disabled_by_policy'];
  else if (cold && input.terminalStream === undefined) terminal = ['sse-events', 'lease_cold'];
  else terminal = ['pty-ws', null];
  const dialled = terminal[0] === 'pty-ws' && input.terminalStream !== undefined;

  const noAgent = input.computerUseEnabled === false ? 'disabled_by_policy' : null;
  const machine = backend === 'selfhosted';
  return {
    files: [plain === null, plain],
    git: [plain === null, plain],
    terminal,
    ptyCapable: plain === null && ptys.includes(backend),
    terminalUrl: dialled ? 'wss://term.example/' : null,
    terminalToken: dialled ? 'term' : null,
    desktop,
    desktopTransport: desktop !== null ? null : machine ? 'relay-frames' : 'vnc-ws',
    desktopClient: desktop !== null ? null : machine ? 'frames' : 'novnc',
    mode: desktop === null && !machine && input.desktopInteractive !== false ? 'interactive' : 'read-only',
    desktopUrl: handed ? 'wss://desk.example/' : null,
    desktopToken: handed ? 'desk' : null,
    desktopExpiresAt: handed ? '2026-01-02T03:06:05.000Z' : null,
    resolution: handed ? [1280, 800] : null,
    requiresAcknowledgment: desktop === null,
    acknowledged: input.desktopAcknowledged === true,
    shared: input.shared === true,
    sharedSessionIds: desktop === null ? (input.sharedSessionIds ?? []) : [],
    recording: screen ?? policy,
    computerUse: screen ?? policy ?? noAgent,
    computerUseReadOnly: input.computerUseReadOnly === true,
  };
}

/** The same facts as the document tells them. */
function told(document: CapabilityDocument): ReturnType<typeof oracle> {
  const { FileSystem, Git, Terminal, DesktopStream, Recording, ComputerUse } = document;
  return {
    files: [FileSystem.available, FileSystem.reason],
    git: [Git.available, Git.reason],
    terminal: [Terminal.transport, Terminal.reason],
    ptyCapable: Terminal.ptyCapable,
    terminalUrl: Terminal.url,
    terminalToken: Terminal.token,
    desktop: DesktopStream.reason,
    desktopTransport: DesktopStream.transport,
    desktopClient: DesktopStream.client,
    mode: DesktopStream.mode,
    desktopUrl: DesktopStream.url,
    desktopToken: DesktopStream.token,
    desktopExpiresAt: DesktopStream.expiresAt,
    resolution: DesktopStream.resolution,
    requiresAcknowledgment: DesktopStream.requiresAcknowledgment,
    acknowledged: DesktopStream.acknowledged,
    shared: DesktopStream.shared,
    sharedSessionIds: DesktopStream.sharedSessionIds,
    recording: Recording.reason,
    computerUse: ComputerUse.reason,
    computerUseReadOnly: ComputerUse.readOnly,
  };
}

const DIMENSIONS = {
  os: ['linux', 'macos', 'windows'] satisfies OperatingSystem[],
  liveness: ['cold', 'warming', 'warm', 'draining'] satisfies Liveness[],
  desktopEnabled: [true, false],
  desktopInteractive: [undefined, false],
  computerUseEnabled: [undefined, false],
  computerUseReadOnly: [undefined, true],
  streamTokenSecretAvailable: [undefined, false],
  desktopAcknowledged: [undefined, true],
  shared: [undefined, true],
  terminalEnabled: [undefined, false],
  desktopStream: [undefined, desktopStream],
  terminalStream: [undefined, terminalStream],
};

function* everyInput(backend: Backend): Generator<NegotiationInput> {
  const names = Object.keys(DIMENSIONS) as (keyof typeof DIMENSIONS)[];
  const total = names.reduce((product, name) => product * DIMENSIONS[name].length, 1);
  for (let index = 0; index < total; index += 1) {
    let rest = index;
    const chosen: Record<string, unknown> = {};
    for (const name of names) {
      const values = DIMENSIONS[name];
      chosen[name] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    yield { ...base, backend, ...chosen, sharedSessionIds: chosen.shared ? [otherId] : undefined };
  }
}

test.each(BACKENDS)(
  '%s: every product of inputs gives what a plain reading of the rules gives',
  (backend) => {
    let seen = 0;
    for (const input of everyInput(backend)) {
      const document = negotiateCapabilities(input);
      const expected = oracle(input);
      // Comparing texts first keeps eighty thousand comparisons fast; a difference is then shown properly.
      if (JSON.stringify(told(document)) !== JSON.stringify(expected)) {
        expect({ input, told: told(document) }).toEqual({ input, told: expected });
      }
      if (seen % 64 === 0) expect(CapabilityDocument.parse(document)).toEqual(document);
      seen += 1;
    }
    expect(seen).toBe(3 * 4 * 2 ** 10);
  },
);

test.each(BACKENDS)(
  '%s: what is unavailable always says why, and what is available never does',
  (backend) => {
    for (const input of everyInput(backend)) {
      const { FileSystem, Git, Terminal, DesktopStream, Recording, ComputerUse } =
        negotiateCapabilities(input);
      const cells = [FileSystem, Git, Recording, ComputerUse];
      const honest =
        cells.every((cell) => cell.available === (cell.reason === null)) &&
        (DesktopStream.transport === null) === (DesktopStream.reason !== null) &&
        (Terminal.transport !== null || Terminal.reason !== null);
      if (!honest)
        expect({ input, FileSystem, Git, Terminal, DesktopStream, Recording, ComputerUse }).toBeNull();
    }
  },
);

test('roots, separators, repositories and the shell are those of the active box', () => {
  const document = negotiateCapabilities({
    ...base,
    backend: 'selfhosted',
    os: 'windows',
    workspaceRoot: 'C:\\work',
    repos: ['app'],
    shell: 'pwsh',
  });
  expect(document.FileSystem).toMatchObject({ root: 'C:\\work', pathSep: '\\', treeMode: 'lazy' });
  expect(document.Git.repos).toEqual(['app']);
  expect(document.Terminal.shell).toBe('pwsh');
  expect(negotiateCapabilities({ ...base, backend: 'e2b' }).FileSystem.root).toBe('/home/user');
});

test('a live descriptor wins over the table', () => {
  const descriptor = {
    ...BACKEND_TABLE.docker,
    capabilities: {
      ...BACKEND_TABLE.docker.capabilities,
      DesktopStream: { available: true, transport: 'vnc-ws' as const },
      Recording: { available: true },
    },
  };
  const document = negotiateCapabilities({ ...base, backend: 'docker', descriptor });
  expect(document.DesktopStream).toMatchObject({ transport: 'vnc-ws', reason: null });
  expect(document.ComputerUse.available).toBe(true);
});

test('the document carries who asked, when, and the one heartbeat interval', () => {
  expect(negotiateCapabilities(base)).toMatchObject({
    sessionId,
    leaseEpoch: 3,
    liveness: 'warm',
    viewerHeartbeatIntervalMs: 45_000,
    negotiatedAt: '2026-01-02T03:04:05.000Z',
  });
  expect(negotiateCapabilities({ ...base, viewerHeartbeatIntervalMs: 100 }).viewerHeartbeatIntervalMs).toBe(
    100,
  );
});

test.each([
  [{ unredacted: false, shared: false }, false, false],
  [{ unredacted: true, shared: false }, false, true],
  [{ unredacted: true, shared: false }, true, false],
  [{ unredacted: false, shared: true }, true, false],
  [{ unredacted: true, shared: true }, true, true],
])('acknowledging %o of a box that is shared (%s) lets a viewer see: %s', (acknowledgment, shared, sees) => {
  expect(isAcknowledged(acknowledgment, shared)).toBe(sees);
});
