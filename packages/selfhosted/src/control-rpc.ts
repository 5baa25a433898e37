// The seam between a machine and whatever carries its requests. What happens on the wire is part of the response, so
// that a caller has one place to look: a request never rejects because a machine is away.
import type { MachineAddress } from '@boxyard/agent-proto';
import type { ControlRequest, ControlResponse } from '@boxyard/agent-proto/messages';

export interface RpcOptions {
  /** How long to wait for the reply, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the wait; the request may have been carried out all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** Requests to machines. */
export interface ControlRpc {
  /**
   * One request and its reply; nothing is repeated here. No responder is `AGENT_OFFLINE`, no reply in time `TIMEOUT`,
   * a request that the bus does not take `PAYLOAD_TOO_LARGE`, a reply that nobody can read `PROTOCOL`.
   *
   * @param subject The base form, as `machineSubjects(machine).rpc` answers it.
   * @throws SandboxError only `cancelled`, when the signal aborts.
   */
  request(subject: string, request: ControlRequest, options: RpcOptions): Promise<ControlResponse>;
}

/** Where a heard stream ends. */
export interface HeardStream {
  stop(): void;
}

/** Output of machines, apart from the requests so that it never delays one. */
export interface OpFrames {
  /** One subject token that no other process uses: streams that are named `<reader>.<anything>` come here. */
  readonly reader: string;
  /** The longest message in bytes that the bus has said to take; null before it has been asked. */
  maxPayload(): number | null;
  /** Resolves once no frame of this stream can be missed. A name without a dot is that of an op. */
  listen(
    machine: MachineAddress,
    streamId: string,
    onFrame: (payload: Uint8Array) => void,
  ): Promise<HeardStream>;
  /** Tells whenever the link stands again after it was lost: frames may have been lost with it. @returns Ends it. */
  onRestored(tell: () => void): () => void;
  /** Fire and forget: an ack that is lost is followed by another. */
  ack(machine: MachineAddress, streamId: string, payload: Uint8Array): void;
}

/** Both ways to a machine, as one thing that can be closed. */
export interface MachineLink extends ControlRpc, OpFrames {
  close(): Promise<void>;
}

/** Which process of a machine answers now. */
export interface InstanceDirectory {
  /**
   * The newest instance that was heard of; null when none is known, and then the machine is spoken to in the base
   * form, which only an agent of an older kind serves.
   */
  newestInstance(machine: MachineAddress): string | null | Promise<string | null>;
}
