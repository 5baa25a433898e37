// What somebody's own machine adds to the capability document: it may be away, blind, or not allow control.
import type { CapabilityDocument, CapabilityReason } from '@boxyard/contracts';

/** A machine that missed a ping may come back within this time; then it counts as offline. */
export const MACHINE_RECONNECT_WINDOW_MS = 30_000;

export type MachineLiveness = 'online' | 'reconnecting' | 'offline';

export interface MachineSighting {
  /** `inactive` is every state between enrolled and revoked that may not work. */
  readonly enrollment: 'none' | 'inactive' | 'active' | 'revoked';
  readonly pingAnswered: boolean;
  readonly lastSeenAt: Date | null;
  /** It said goodbye after it was last seen. */
  readonly saidGoodbye: boolean;
}

/** Whether a machine is there, judged by its enrollment and one ping. */
export function machineLiveness(sighting: MachineSighting, now: Date): MachineLiveness {
  if (sighting.enrollment !== 'active' || sighting.saidGoodbye) return 'offline';
  if (sighting.pingAnswered) return 'online';
  if (sighting.lastSeenAt === null) return 'offline';
  const awayMs = now.getTime() - sighting.lastSeenAt.getTime();
  return awayMs <= MACHINE_RECONNECT_WINDOW_MS ? 'reconnecting' : 'offline';
}

export interface MachineState {
  readonly liveness: MachineLiveness;
  readonly hasDisplay: boolean;
  /** `whole-machine` is what its owner must have exposed before the screen may be controlled. */
  readonly exposure: 'whole-machine' | 'workspace';
  readonly allowScreenControl: boolean;
  /** What its agent serves, as its owner has set; everything when absent. */
  readonly offers?: MachineOffers | undefined;
}

export interface MachineOffers {
  readonly exec: boolean;
  readonly filesystem: boolean;
  readonly git: boolean;
  readonly pty: boolean;
}

/**
 * The document of a session whose active box is this machine. Overwrites only cells that are available without
 * it, so that the first reason is the one that is told.
 */
export function overlayMachine(
  base: CapabilityDocument,
  machine: MachineState,
  interactiveAllowed: boolean,
): CapabilityDocument {
  if (machine.liveness !== 'online') {
    const away = machine.liveness === 'offline' ? 'agent_offline' : 'agent_reconnecting';
    return withoutDesktop(withoutBox(base, away), away);
  }
  const document = machine.offers === undefined ? base : withOffers(base, machine.offers);
  if (!machine.hasDisplay) return withoutDesktop(document, 'display_unavailable');

  const consented = machine.exposure === 'whole-machine' && machine.allowScreenControl;
  const { DesktopStream, ComputerUse } = document;
  return {
    ...document,
    DesktopStream:
      DesktopStream.transport === null
        ? DesktopStream
        : { ...DesktopStream, mode: consented && interactiveAllowed ? 'interactive' : 'read-only' },
    ComputerUse:
      ComputerUse.available && !consented
        ? { ...ComputerUse, available: false, reason: 'consent_required' }
        : ComputerUse,
  };
}

/** What the owner keeps back needs his consent; a machine that runs commands without terminals still shows them. */
function withOffers(document: CapabilityDocument, offers: MachineOffers): CapabilityDocument {
  const reason = 'consent_required';
  const kept = withoutBox(document, reason);
  const { exec, filesystem, git, pty } = offers;
  const { Terminal } = document;
  const events = { ...Terminal, transport: 'sse-events', ptyCapable: false, ...CLOSED } as const;
  const terminal = pty || Terminal.transport === null ? Terminal : events;
  return {
    ...document,
    FileSystem: filesystem ? document.FileSystem : kept.FileSystem,
    Git: git && exec ? document.Git : kept.Git,
    Terminal: exec ? terminal : kept.Terminal,
  };
}

const CLOSED = { url: null, token: null, expiresAt: null };

function withoutBox(document: CapabilityDocument, reason: CapabilityReason): CapabilityDocument {
  const { FileSystem, Terminal, Git } = document;
  return {
    ...document,
    FileSystem: FileSystem.available ? { ...FileSystem, available: false, reason } : FileSystem,
    Git: Git.available ? { available: false, repos: [], reason } : Git,
    Terminal:
      Terminal.transport === null
        ? Terminal
        : { transport: null, ptyCapable: false, shell: null, ...CLOSED, reason },
  };
}

function withoutDesktop(document: CapabilityDocument, reason: CapabilityReason): CapabilityDocument {
  const { DesktopStream, Recording, ComputerUse } = document;
  return {
    ...document,
    DesktopStream:
      DesktopStream.transport === null
        ? DesktopStream
        : {
            ...DesktopStream,
            transport: null,
            client: null,
            mode: 'read-only',
            ...CLOSED,
            resolution: null,
            requiresAcknowledgment: false,
            sharedSessionIds: [],
            reason,
          },
    Recording: Recording.available ? { available: false, modes: [], codecs: [], reason } : Recording,
    ComputerUse: ComputerUse.available ? { ...ComputerUse, available: false, reason } : ComputerUse,
  };
}
