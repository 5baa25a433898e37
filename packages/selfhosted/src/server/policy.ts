// What the owner of a machine allows. It is asked on the machine, before anything is touched: what the other side
// believes to be allowed does not count.

import type {
  DesktopInputRequest,
  Display,
  Hello,
  HostCapacitySample,
  MetricsSample,
  StreamChannel,
} from '@boxyard/agent-proto/messages';
import type { BoxFiles } from '@boxyard/sandbox-core';

/** A folder beside the workspace that may be used. */
export interface AllowedRoot {
  /** Absolute, as it is on the machine. */
  readonly path: string;
  /** Confined to it, as `FolderFiles` of providers-local is. */
  readonly files: BoxFiles;
}

/** The screen of the machine, where it has one. */
export interface MachineScreen {
  /** Null while nothing can be seen of it. */
  readonly display: Display | null;
  /** Why nothing can be seen of it; empty or absent while there is a display. */
  readonly unavailable?: string | undefined;
  input(event: DesktopInputRequest['event'], signal: AbortSignal): Promise<void>;
  screenshot(maxBytes: number, signal: AbortSignal): Promise<Screenshot>;
  /** Makes pixels flow into the channel that is answered; absent where nothing streams them. */
  ensure?(size: { readonly width: number; readonly height: number }): Promise<StreamChannel>;
}

export interface Screenshot {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly nativeWidth: number;
  readonly nativeHeight: number;
}

/** Bytes both ways between a terminal or a port and who uses it, as `agent-proto/relay` makes it. */
export interface RelayDuplex {
  /**
   * What viewers type; ends when the channel is over for good. Of a port an empty piece says that the other side has
   * nothing more to say; an end without it was not in good order.
   */
  readonly incoming: AsyncIterable<Uint8Array>;
  /** Resolves once more may be sent: a slow viewer slows the program. */
  send(bytes: Uint8Array): Promise<void>;
  /** Of a port: nothing more is sent. */
  finish(): Promise<void>;
  close(reason: 'process-exit' | 'normal', message?: string): Promise<void>;
}

/** One thing that was asked of the machine, for the log that its owner keeps. Never holds content. */
export interface AuditEntry {
  readonly at: Date;
  readonly requestId: string;
  /** The session it was asked for; empty when the request named none. */
  readonly scope: string;
  readonly op: string;
  /** The path or the program, as far as there is one. */
  readonly subject: string;
  /** `begun` for what goes on after its reply. */
  readonly outcome: 'done' | 'begun' | 'refused' | 'failed';
  /** The name of the error's code; empty when there was none. */
  readonly code: string;
}

export interface Policy {
  /** Commands, terminals and writes; without it the machine can only be looked at. */
  readonly wholeMachine: boolean;
  /** Pointer and keyboard. */
  readonly screenControl: boolean;
  /** Nothing that changes files, and no command either: a command could change them. */
  readonly readOnly?: boolean | undefined;
  readonly roots?: readonly AllowedRoot[] | undefined;
  /** Ports of the machine's loopback that may be connected to; none when absent. */
  readonly allowPort?: ((port: number) => boolean) | undefined;
  readonly screen?: MachineScreen | undefined;
  /** Absent: terminals and ports travel as ops only, and what asks for a relay is refused. */
  readonly dialRelay?: ((channel: StreamChannel) => Promise<RelayDuplex>) | undefined;
  readonly metrics?: (() => Promise<MetricsSample>) | undefined;
  readonly capacity?: (() => Promise<HostCapacitySample>) | undefined;
  readonly audit?: ((entry: AuditEntry) => void) | undefined;
  /** Work that runs at the same time; what is beyond waits, each session in its turn. 16 when absent. */
  readonly maxConcurrent?: number | undefined;
  /** Work that may wait; what is beyond is refused as DRAINING, to be tried again. 1024 when absent. */
  readonly maxWaiting?: number | undefined;
}

/** Who the agent says to be. Capabilities are filled in from the box and the policy. */
export type AgentSelf = Pick<
  Hello,
  'agentId' | 'workspaceId' | 'agentVersion' | 'os' | 'arch' | 'machineName' | 'updateChannel'
>;
