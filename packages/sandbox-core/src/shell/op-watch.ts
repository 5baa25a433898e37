// What this process knows about one op, and waiting for more. Notices make it quick; looking at the spool makes
// it right: an op that another channel started sends us none, and a notice can get lost with its channel.
import { SandboxError } from '../sandbox-error.ts';
import type { OpRecord } from './op-record.ts';

const FIRST_LOOK_MS = 20;
const LATER_LOOK_MS = 200;
/** How often to look although notices are expected. */
const NOTICED_LOOK_MS = 2000;
/** An op without a process, whose shell may be slow or dead, is given this long to appear. */
const APPEAR_MS = 30_000;
/** An op without a keeper is looked at again: its exit file may be on its way. */
const LOST_AFTER_LOOKS = 3;

export class OpWatch {
  readonly id: string;
  exitCode: number | null = null;
  /** When we learnt of the exit, on the clock of `performance.now`. */
  exitSeenAt = 0;
  closed = false;
  /** The output was more than the spool may hold. */
  cut = false;
  killed = false;
  limitReached = false;
  /** `killed` and `limitReached` are what they were at its end. */
  endKnown = false;
  forgotten = false;
  /** Counts what was noted. */
  changes = 0;
  /** Orders the writes of this process; a chunk may be stored only after the one before it. */
  feeding: Promise<unknown> = Promise.resolve();
  nextChunk = 1;
  /** Whether notices of this op come to us. */
  noticed: () => boolean = () => false;
  readonly #look: () => Promise<OpRecord | null>;
  readonly #bornAt = performance.now();
  readonly #wakers = new Set<() => void>();
  readonly #closers: (() => void)[] = [];
  #lostLooks = 0;
  #lost: SandboxError | null = null;

  constructor(id: string, look: () => Promise<OpRecord | null>) {
    this.id = id;
    this.#look = look;
  }

  noteExit(code: number): void {
    if (this.exitCode === null) this.exitSeenAt = performance.now();
    this.exitCode ??= code;
    this.wake();
  }

  /** Who ended it: told with its end, or found in its record, so that the record need not be read again. */
  noteMarks(marks: { readonly killed: boolean; readonly limitReached: boolean }): void {
    this.killed ||= marks.killed;
    this.limitReached ||= marks.limitReached;
    this.endKnown = true;
  }

  noteClosed(cut: boolean): void {
    this.closed = true;
    this.cut ||= cut;
    for (const run of this.#closers.splice(0)) run();
    this.wake();
  }

  /** Runs once, at once when the output has closed already. */
  onClosed(run: () => void): void {
    if (this.closed) run();
    else this.#closers.push(run);
  }

  wake(): void {
    this.changes += 1;
    for (const waker of [...this.#wakers]) waker();
  }

  /** @throws SandboxError `not-found` for a forgotten op, `gone` for one whose end nobody will ever tell. */
  async refresh(): Promise<void> {
    if (this.forgotten) throw this.#unknown();
    const record = await this.#look();
    if (record === null) throw this.#unknown();
    this.killed ||= record.killed;
    this.limitReached ||= record.limitReached;
    if (record.exitCode !== null) {
      this.noteMarks(record);
      this.noteExit(record.exitCode);
    }
    if (record.closed) this.noteClosed(record.cut);
    if (record.exitCode === null) this.#judge(record);
  }

  /** What `done` answers, once it answers something. Rejects with the signal's reason. */
  async until<T>(done: () => T | undefined, signal: AbortSignal): Promise<T> {
    let pauseMs = FIRST_LOOK_MS;
    while (true) {
      const value = done();
      if (value !== undefined) return value;
      if (this.forgotten) throw this.#unknown();
      this.throwIfLost();
      const woken = await this.pause(this.noticed() ? NOTICED_LOOK_MS : pauseMs, signal);
      if (!woken || !this.noticed()) await this.refresh();
      pauseMs = Math.min(LATER_LOOK_MS, pauseMs * 1.5);
    }
  }

  /** True when something was noted meanwhile. Leaves no timer and no listener. */
  pause(pauseMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#wakers.delete(onWake);
        settle();
      };
      const onWake = () => finish(() => resolve(true));
      const onAbort = () => finish(() => reject(signal?.reason));
      const timer = setTimeout(() => finish(() => resolve(false)), pauseMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#wakers.add(onWake);
    });
  }

  /** Like `pause`, but not at all when something was noted since `changes` was `seen`. */
  async pauseSince(seen: number, pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.changes === seen) await this.pause(pauseMs, signal);
  }

  /** @throws SandboxError `gone` once it is certain that nobody will note the end of this op. */
  throwIfLost(): void {
    if (this.#lost !== null) throw this.#lost;
  }

  #judge(record: OpRecord): void {
    const present =
      record.running ||
      record.kept ||
      (record.command === null && performance.now() - this.#bornAt < APPEAR_MS);
    this.#lostLooks = present ? 0 : this.#lostLooks + 1;
    if (this.#lostLooks < LOST_AFTER_LOOKS) return;
    this.#lost = new SandboxError(
      'gone',
      `The command ${this.id} is gone: it and what watched over it ended without a note, as after a restart of the box. Start it anew if it is safe to repeat.`,
    );
  }

  #unknown(): SandboxError {
    return new SandboxError(
      'not-found',
      `There is no command ${this.id} in this box; it may have been forgotten.`,
      {
        started: 'no',
      },
    );
  }
}
