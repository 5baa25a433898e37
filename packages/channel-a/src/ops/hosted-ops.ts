import type { ChangeRecorder } from '../changes/change-recorder.ts';
import type { OpenBox, OpenedBox, SessionRef } from '../open-box.ts';
import type { RunningOp } from './running-op.ts';

interface HostedOp {
  readonly session: SessionRef;
  readonly running: RunningOp;
  opened: OpenedBox;
}

/** The commands that this process follows, each with what keeps its box. */
export class HostedOps {
  readonly #openBox: OpenBox;
  readonly #recorder: ChangeRecorder | undefined;
  readonly #hosted = new Map<string, HostedOp>();
  readonly #starting = new Map<string, Promise<unknown>>();
  readonly #ends = new Set<Promise<void>>();

  /** @param recorder is told as long as a command runs. */
  constructor(openBox: OpenBox, recorder: ChangeRecorder | undefined) {
    this.#openBox = openBox;
    this.#recorder = recorder;
  }

  /** Takes over the opened box and lets go of it when the command has ended. */
  add(session: SessionRef, running: RunningOp, opened: OpenedBox): void {
    const changes = this.#recorder?.hold(session, opened.epoch, 'agent');
    const hosted: HostedOp = { session, running, opened };
    this.#hosted.set(running.op.id, hosted);
    const end = running.ended
      .catch(() => undefined)
      .then(async () => {
        this.#hosted.delete(running.op.id);
        changes?.[Symbol.dispose]();
        await hosted.opened[Symbol.asyncDispose]();
      })
      // A holder that could not be released ends by its own time limit.
      .catch(() => undefined)
      .finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  /** Others that look for the command meanwhile wait until `start` has brought it here, or failed. */
  async starting<T>(opId: string, start: () => Promise<T>): Promise<T> {
    while (this.#starting.has(opId)) await this.#starting.get(opId);
    const started = start();
    this.#starting.set(
      opId,
      started.catch(() => undefined),
    );
    try {
      return await started;
    } finally {
      this.#starting.delete(opId);
    }
  }

  has(opId: string): boolean {
    return this.#starting.has(opId) || this.#hosted.has(opId);
  }

  /** Null for a command that is not followed here, or that is another session's. */
  async find(sessionId: string, opId: string): Promise<RunningOp | null> {
    await this.#starting.get(opId);
    const hosted = this.#hosted.get(opId);
    return hosted?.session.sessionId === sessionId ? hosted.running : null;
  }

  ofSession(sessionId: string): RunningOp[] {
    return [...this.#hosted.values()]
      .filter(({ session }) => session.sessionId === sessionId)
      .map(({ running }) => running);
  }

  /**
   * From now on the command itself keeps its box, not the request that began it. Where that cannot be had the
   * request's holder stays instead, so that the box is kept in any case.
   */
  async keepForProcess(opId: string): Promise<void> {
    const hosted = this.#hosted.get(opId);
    if (hosted === undefined) return;
    const request = hosted.opened;
    try {
      const kept = await this.#openBox(
        hosted.session,
        { kind: 'process', id: opId },
        { expectedEpoch: request.epoch },
      );
      if (this.#hosted.get(opId) !== hosted) await kept[Symbol.asyncDispose]();
      else {
        hosted.opened = kept;
        await request[Symbol.asyncDispose]();
      }
    } catch {
      // See above.
    }
  }

  /** Stops following all; the commands go on. */
  async close(): Promise<void> {
    for (const { running } of this.#hosted.values()) running.letGo();
    await Promise.all(this.#ends);
  }
}
