import {
  type Backend,
  type BackendDescriptor,
  type CapabilityDocument,
  type CapabilityReason,
  type Liveness,
  type OperatingSystem,
  VIEWER_HEARTBEAT_INTERVAL_MS,
} from '@boxyard/contracts';
import { BACKEND_TABLE } from './backend-table.ts';
import { type MachineState, overlayMachine } from './machine-overlay.ts';

/** An open way to a stream, as minted for one viewer. */
export interface StreamTicket {
  readonly url: string;
  readonly token: string;
  readonly expiresAt: Date;
}

export interface DesktopTicket extends StreamTicket {
  readonly resolution: readonly [width: number, height: number];
}

/** What is known about a session and its active box when somebody asks what it can do. */
export interface NegotiationInput {
  readonly sessionId: string;
  /** Of the active box. */
  readonly backend: Backend;
  /** What the live provider says; `BACKEND_TABLE` when absent. */
  readonly descriptor?: BackendDescriptor | undefined;
  readonly os: OperatingSystem;
  readonly liveness: Liveness;
  readonly leaseEpoch: number;
  readonly desktopEnabled: boolean;
  /** Whether policy lets people take over. True when absent. */
  readonly desktopInteractive?: boolean | undefined;
  /** True when absent. */
  readonly computerUseEnabled?: boolean | undefined;
  readonly computerUseReadOnly?: boolean | undefined;
  /** Whether tokens can be minted at all. True when absent. */
  readonly streamTokenSecretAvailable?: boolean | undefined;
  /** See `isAcknowledged`. */
  readonly desktopAcknowledged?: boolean | undefined;
  /** Whether the box group has more than one session. */
  readonly shared?: boolean | undefined;
  readonly sharedSessionIds?: readonly string[] | undefined;
  /** True when absent. */
  readonly terminalEnabled?: boolean | undefined;
  /** A mint is itself proof of life. */
  readonly desktopStream?: DesktopTicket | undefined;
  readonly terminalStream?: StreamTicket | undefined;
  /** The real root where it is known; the descriptor's when absent. */
  readonly workspaceRoot?: string | undefined;
  readonly shell?: string | undefined;
  /** Folders with a repository, relative to the root. */
  readonly repos?: readonly string[] | undefined;
  readonly viewerHeartbeatIntervalMs?: number | undefined;
  /** For a box that is somebody's own machine. */
  readonly machine?: MachineState | undefined;
  readonly now?: Date | undefined;
}

/** Whether a viewer may be handed pixels: they know that nothing is redacted, and that others share the box. */
export const isAcknowledged = (
  acknowledgment: { readonly unredacted: boolean; readonly shared: boolean },
  shared: boolean,
): boolean => acknowledgment.unredacted && (!shared || acknowledgment.shared);

/** What a session can do right now. Pure: asking never wakes a box. */
export function negotiateCapabilities(input: NegotiationInput): CapabilityDocument {
  const descriptor = input.descriptor ?? BACKEND_TABLE[input.backend];
  const document: CapabilityDocument = {
    sessionId: input.sessionId,
    backend: input.backend,
    os: input.os,
    liveness: input.liveness,
    leaseEpoch: input.leaseEpoch,
    viewerHeartbeatIntervalMs: input.viewerHeartbeatIntervalMs ?? VIEWER_HEARTBEAT_INTERVAL_MS,
    FileSystem: fileSystemCell(input, descriptor),
    Terminal: terminalCell(input, descriptor),
    Git: gitCell(input, descriptor),
    DesktopStream: desktopCell(input, descriptor),
    Recording: recordingCell(input, descriptor),
    ComputerUse: computerUseCell(input, descriptor),
    negotiatedAt: (input.now ?? new Date()).toISOString(),
  };
  return input.machine === undefined
    ? document
    : overlayMachine(document, input.machine, input.desktopInteractive ?? true);
}

type Descriptor = BackendDescriptor;
type Cell<Name extends keyof CapabilityDocument> = CapabilityDocument[Name];

/** The first two questions of every cell. */
function unsupported(
  input: NegotiationInput,
  descriptor: Descriptor,
  supports: boolean,
): CapabilityReason | null {
  if (!descriptor.os.supported.includes(input.os)) return 'os_unsupported';
  return supports ? null : 'backend_unsupported';
}

function desktopUnsupported(input: NegotiationInput, descriptor: Descriptor): CapabilityReason | null {
  const reason = unsupported(input, descriptor, descriptor.capabilities.DesktopStream.available);
  return reason === 'backend_unsupported' && descriptor.tier === 'headless' ? 'tier_headless' : reason;
}

// A cold box degrades neither files nor git: they wake it.
function fileSystemCell(input: NegotiationInput, descriptor: Descriptor): Cell<'FileSystem'> {
  const { available, readOnly } = descriptor.capabilities.FileSystem;
  const reason = unsupported(input, descriptor, available);
  return {
    available: reason === null,
    readOnly,
    root: input.workspaceRoot ?? descriptor.workspaceRoot,
    pathSep: input.os === 'windows' ? '\\' : '/',
    treeMode: 'lazy',
    reason,
  };
}

function gitCell(input: NegotiationInput, descriptor: Descriptor): Cell<'Git'> {
  const reason = unsupported(input, descriptor, descriptor.capabilities.Git.available);
  return { available: reason === null, repos: reason === null ? [...(input.repos ?? [])] : [], reason };
}

function terminalCell(input: NegotiationInput, descriptor: Descriptor): Cell<'Terminal'> {
  const { available, pty } = descriptor.capabilities.Terminal;
  const closed = { url: null, token: null, expiresAt: null };
  const reason = unsupported(input, descriptor, available);
  if (reason !== null) {
    return { transport: null, ptyCapable: false, shell: null, ...closed, reason };
  }
  const shell = input.shell ?? null;
  const events = { transport: 'sse-events', ptyCapable: pty, shell, ...closed } as const;
  if (!pty) return { ...events, reason: null };
  if (input.terminalEnabled === false) return { ...events, reason: 'disabled_by_policy' };
  const ticket = input.terminalStream;
  if (input.liveness === 'cold' && ticket === undefined) return { ...events, reason: 'lease_cold' };
  return { ...events, transport: 'pty-ws', ...(ticket && opened(ticket)), reason: null };
}

const opened = (ticket: StreamTicket) => ({
  url: ticket.url,
  token: ticket.token,
  expiresAt: ticket.expiresAt.toISOString(),
});

function desktopReason(input: NegotiationInput, descriptor: Descriptor): CapabilityReason | null {
  const reason = desktopUnsupported(input, descriptor);
  if (reason !== null) return reason;
  if (!input.desktopEnabled || input.streamTokenSecretAvailable === false) return 'disabled_by_policy';
  return input.liveness === 'cold' && input.desktopStream === undefined ? 'lease_cold' : null;
}

const CLIENTS = { 'vnc-ws': 'novnc', 'rdp-ws': 'web-rdp', webrtc: 'frames' } as const;

function desktopCell(input: NegotiationInput, descriptor: Descriptor): Cell<'DesktopStream'> {
  const reason = desktopReason(input, descriptor);
  const acknowledged = input.desktopAcknowledged ?? false;
  const fixed = {
    unredacted: true,
    requiresAcknowledgment: reason === null,
    acknowledged,
    shared: input.shared ?? false,
    reason,
  } as const;
  const closed = { url: null, token: null, expiresAt: null, resolution: null };
  const transport = descriptor.capabilities.DesktopStream.transport;
  if (reason !== null || transport === null) {
    return { transport: null, client: null, mode: 'read-only', ...closed, sharedSessionIds: [], ...fixed };
  }
  // A machine's pixels come as frames through the relay; its owner's consent to control is the overlay's.
  const isMachine = input.backend === 'selfhosted';
  const ticket = acknowledged ? input.desktopStream : undefined;
  return {
    transport: isMachine ? 'relay-frames' : transport,
    client: isMachine ? 'frames' : CLIENTS[transport],
    mode: !isMachine && (input.desktopInteractive ?? true) ? 'interactive' : 'read-only',
    ...closed,
    ...(ticket && { ...opened(ticket), resolution: [...ticket.resolution] as [number, number] }),
    sharedSessionIds: [...(input.sharedSessionIds ?? [])],
    ...fixed,
  };
}

function recordingCell(input: NegotiationInput, descriptor: Descriptor): Cell<'Recording'> {
  const reason =
    desktopUnsupported(input, descriptor) ?? (input.desktopEnabled ? null : 'disabled_by_policy');
  return {
    available: reason === null,
    modes: reason === null ? ['manual', 'on-turn', 'on-verify'] : [],
    codecs: reason === null ? ['h264-mp4', 'vp9-webm'] : [],
    reason,
  };
}

function computerUseCell(input: NegotiationInput, descriptor: Descriptor): Cell<'ComputerUse'> {
  const enabled = input.desktopEnabled && (input.computerUseEnabled ?? true);
  const reason = desktopUnsupported(input, descriptor) ?? (enabled ? null : 'disabled_by_policy');
  return { available: reason === null, readOnly: input.computerUseReadOnly ?? false, reason };
}
