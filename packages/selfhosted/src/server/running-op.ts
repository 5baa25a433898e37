import { ErrorCode, type OpSignalKind } from '@boxyard/agent-proto/messages';
import type { Bytes, OutputCursor } from '@boxyard/sandbox-core';
import { agentErrorOf, WireRefusal } from '../machine-failure.ts';
import { ENDED_WELL, type OpEnd, type OpOutput, type ServedOp } from './served-op.ts';

/** The parts in which ops that are no commands differ. */
export interface RunningOpParts {
  /** What it puts out; its end is the end of the op. Asked for once. Nothing when absent. */
  readonly output?: ((signal: AbortSignal) => AsyncIterable<OpOutput>) | undefined;
  /** What it waits for after that. */
  readonly done?: Promise<unknown> | undefined;
  /** How it ended when nothing failed; exit code 0 when absent. */
  readonly endedAs?: (() => Promise<Omit<OpEnd, 'durationMs'>>) | undefined;
  readonly input?: ((bytes: Bytes, end: boolean) => Promise<void>) | undefined;
  /** Lets go of what it holds. Called once, whatever ended it. */
  readonly release?: (() => Promise<void>) | undefined;
}

/** An op whose output is of this moment: one reader, and what that reader has acknowledged is not kept. */
export class RunningOp implements ServedOp {
  readonly id: string;
  readonly originId: string;
  readonly replayable = false;
  readonly ended: Promise<OpEnd>;
  readonly #parts: RunningOpParts;
  readonly #stop = new AbortController();
  readonly #begunAt = performance.now();
  #settle: (end: OpEnd) => void = () => undefined;
  #end: OpEnd | null = null;
  #asked = false;
  #released: Promise<void> | null = null;

  constructor(id: string, originId: string, parts: RunningOpParts) {
    this.id = id;
    this.originId = originId;
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get end(): OpEnd | null {
    return this.#end;
  }

  async *output(_from: OutputCursor, signal: AbortSignal): AsyncGenerator<OpOutput, void, void> {
    if (this.#asked) {
      throw new WireRefusal(ErrorCode.STREAM, 'What this op has put out is not kept. Start it again.');
    }
    this.#asked = true;
    try {
      const stop = AbortSignal.any([signal, this.#stop.signal]);
      if (this.#parts.output !== undefined) yield* this.#parts.output(stop);
      await this.#parts.done;
      await this.#finish((await this.#parts.endedAs?.()) ?? ENDED_WELL);
    } catch (error) {
      await this.#finish({ ...ENDED_WELL, exitCode: -1, endedBy: 'unknown', error: agentErrorOf(error) });
    } finally {
      // Its reader has left in the middle.
      await this.cancel();
    }
  }

  async input(bytes: Bytes, end: boolean): Promise<void> {
    if (this.#parts.input === undefined) {
      throw new WireRefusal(ErrorCode.UNSUPPORTED, 'This op takes no input.');
    }
    await this.#parts.input(bytes, end);
  }

  signal(_kind: OpSignalKind, _graceMs: number): Promise<void> {
    return this.cancel();
  }

  cancel(): Promise<void> {
    return this.#finish({ ...ENDED_WELL, exitCode: -1, endedBy: 'kill' });
  }

  /** What is not kept is forgotten as soon as it has ended. */
  forget(): Promise<void> {
    return this.cancel();
  }

  /** It has ended by itself, though its output may not have been read yet. */
  noteEnd(end: Omit<OpEnd, 'durationMs'>): void {
    if (this.#end !== null) return;
    this.#end = { ...end, durationMs: performance.now() - this.#begunAt };
    this.#settle(this.#end);
  }

  async #finish(end: Omit<OpEnd, 'durationMs'>): Promise<void> {
    this.noteEnd(end);
    this.#stop.abort();
    this.#released ??= this.#parts.release?.().catch(() => undefined) ?? Promise.resolve();
    await this.#released;
  }
}
