import { OpChannel, OpSignalKind } from '@boxyard/agent-proto/messages';
import type { BoxProcess, Bytes, OutputCursor } from '@boxyard/sandbox-core';
import { agentErrorOf } from '../machine-failure.ts';
import type { OpEnd, OpOutput, ServedOp } from './served-op.ts';

const CHANNELS = { stdout: OpChannel.STDOUT, stderr: OpChannel.STDERR } as const;
/** What a cancelled command gets to end by itself. */
const CANCEL_GRACE_MS = 2000;
/** A request that waits for the end of a command is bounded by its own caller. */
const NO_DEADLINE = { deadlineMs: Number.POSITIVE_INFINITY } as const;

/**
 * A command of the box. The box keeps its output, in memory and then on disk, and bounds it; here is only who reads
 * it, so that a command which nobody follows goes on all the same.
 */
export class CommandOp implements ServedOp {
  readonly originId: string;
  readonly replayable = true;
  readonly ended: Promise<OpEnd>;
  readonly #process: BoxProcess;
  readonly #begunAt = performance.now();
  #end: OpEnd | null = null;
  #outputComplete = true;

  constructor(process: BoxProcess, originId: string) {
    this.#process = process;
    this.originId = originId;
    this.ended = this.#follow();
  }

  get id(): string {
    return this.#process.id;
  }

  get end(): OpEnd | null {
    return this.#end === null ? null : { ...this.#end, outputComplete: this.#outputComplete };
  }

  async *output(from: OutputCursor, signal: AbortSignal): AsyncGenerator<OpOutput, void, void> {
    for await (const event of this.#process.output({ from, signal, lent: true })) {
      if (event.kind === 'end') this.#outputComplete = event.complete;
      else {
        const { bytes, offset } = event;
        yield { kind: 'data', channel: CHANNELS[event.channel], bytes, offset };
      }
    }
  }

  async input(bytes: Bytes, end: boolean): Promise<void> {
    if (bytes.length > 0 || !end) await this.#process.write(bytes, NO_DEADLINE);
    if (end) await this.#process.closeStdin(NO_DEADLINE);
  }

  signal(kind: OpSignalKind, graceMs: number): Promise<void> {
    if (kind === OpSignalKind.INTERRUPT) return this.#process.interrupt();
    return this.#process.kill({ graceMs });
  }

  cancel(): Promise<void> {
    return this.#process.kill({ graceMs: CANCEL_GRACE_MS });
  }

  forget(): Promise<void> {
    return this.#process.forget();
  }

  async #follow(): Promise<OpEnd> {
    const durationMs = () => performance.now() - this.#begunAt;
    try {
      const { exitCode, signal, endedBy } = await this.#process.exited(NO_DEADLINE);
      this.#end = { exitCode, signal, endedBy, outputComplete: true, durationMs: durationMs() };
    } catch (error) {
      const lost = { exitCode: -1, signal: null, endedBy: 'unknown', outputComplete: false } as const;
      this.#end = { ...lost, durationMs: durationMs(), error: agentErrorOf(error) };
    }
    return this.#end;
  }
}
