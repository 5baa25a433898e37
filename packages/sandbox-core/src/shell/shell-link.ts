// One opened channel: requests in order, answers in order, until either side makes no sense or goes away.
import type { Bytes } from '../call-options.ts';
import { bounded } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { ShellChannel } from './shell-channel.ts';
import { encodeFrame, NoticeParser, ReplyParser, type ShellNotice, type ShellReply } from './shell-frames.ts';

// A slow box is not a box without tools: no answer in time is `unreachable`, never `unsupported`.
const HELLO_DEADLINE_MS = 30_000;
// A box that answers nothing must not make us hold requests without end.
const MOST_PENDING = 4096;

interface Pending {
  readonly seq: number;
  readonly resolve: (reply: ShellReply) => void;
  readonly reject: (error: SandboxError) => void;
}

export class ShellLink {
  readonly #channel: ShellChannel;
  readonly #pending: Pending[] = [];
  readonly #replies = new ReplyParser();
  readonly #notices = new NoticeParser();
  readonly #reap: number[] = [];
  readonly #enders = new Set<() => void>();
  #seq = 0;
  #closedBecause: string | null = null;
  /** Settles when the link is of no use any more. */
  readonly closed: Promise<void>;
  /** The answer that the shell gives by itself when it is up. */
  readonly hello: Promise<ShellReply>;

  constructor(channel: ShellChannel, onNotice: (notice: ShellNotice) => void) {
    this.#channel = channel;
    this.hello = this.#expect(0);
    // Somebody may give up on the hello before the channel does.
    this.hello.catch(() => undefined);
    channel.onStdout((bytes) => this.#guarded(() => this.#take(this.#replies.push(bytes))));
    channel.onStderr((bytes) => this.#guarded(() => this.#notices.push(bytes).forEach(onNotice)));
    this.closed = channel.closed.then((why) => this.#end(why));
  }

  /**
   * What `read` makes of the hello. A link that does not come up as it should is destroyed.
   *
   * @throws SandboxError `unreachable` when the shell says nothing in time, and whatever `read` throws.
   */
  async greet<Probe>(what: string, read: (hello: ShellReply) => Probe): Promise<Probe> {
    try {
      return read(await bounded({ deadlineMs: HELLO_DEADLINE_MS }, what, () => this.hello));
    } catch (error) {
      this.destroy();
      if (!SandboxError.hasCode(error, 'timeout')) throw error;
      throw new SandboxError('unreachable', 'The shell of the box does not answer; try again later.', {
        cause: error,
        started: 'no',
      });
    }
  }

  /** Runs when the link ends, unless it is taken back; a promise that lives long would keep every waiter alive. */
  onEnd(run: () => void): () => void {
    this.#enders.add(run);
    return () => this.#enders.delete(run);
  }

  get alive(): boolean {
    return this.#closedBecause === null;
  }

  /** Says that this child of the shell is about to end, so that the shell can wait for it. */
  reap(pid: number): void {
    this.#reap.push(pid);
  }

  /** @throws SandboxError `unreachable` when the channel ends before the answer; it may have been done. */
  request(verb: string, args: readonly string[], payload?: Bytes): Promise<ShellReply> {
    if (this.#closedBecause !== null) return Promise.reject(this.#gone('no'));
    if (this.#pending.length >= MOST_PENDING) {
      return Promise.reject(
        new SandboxError('unreachable', 'The box answers nothing any more; try again later.', {
          started: 'no',
        }),
      );
    }
    const seq = ++this.#seq;
    const answer = this.#expect(seq);
    this.#channel.write(encodeFrame(seq, verb, this.#reap.splice(0), args, payload));
    return answer;
  }

  /** End of input: what was asked is still done. */
  end(): void {
    this.#channel.end();
  }

  destroy(): void {
    this.#channel.destroy();
    this.#end('it was closed');
  }

  #expect(seq: number): Promise<ShellReply> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ seq, resolve, reject });
    });
  }

  #take(replies: readonly ShellReply[]): void {
    for (const reply of replies) {
      const first = this.#pending[0];
      // Left among those that wait, so that it learns of the end of the channel.
      if (first === undefined || first.seq !== reply.seq) throw new Error('an answer that nobody asked for');
      this.#pending.shift();
      first.resolve(reply);
    }
  }

  #guarded(handle: () => void): void {
    if (this.#closedBecause !== null) return;
    try {
      handle();
    } catch (error) {
      this.#end(`it sent ${error instanceof Error ? error.message : 'nonsense'}`);
      this.#channel.destroy();
    }
  }

  #end(why: string): void {
    this.#closedBecause ??= why;
    for (const { reject } of this.#pending.splice(0)) reject(this.#gone('unknown'));
    for (const run of [...this.#enders]) run();
    this.#enders.clear();
  }

  #gone(started: 'no' | 'unknown'): SandboxError {
    return new SandboxError(
      'unreachable',
      `The channel to the box ended: ${this.#closedBecause}. Look at what was started before you repeat it.`,
      { started },
    );
  }
}
