// One command of a bare box: an exec of the engine, which belongs to this process. Its output is held here.
import { setTimeout as delay } from 'node:timers/promises';
import { type Bytes, OpWatch, SandboxError, type SpooledOp } from '@boxyard/sandbox-core';
import type { Engine, StartedExec } from '../engine.ts';
import { statusOf } from '../engine-error.ts';
import { ExecDemux } from '../exec-demux.ts';
import { EndMark } from './end-mark.ts';
import { HeldOutput } from './held-output.ts';

/** What waits to be stored at most, before the engine is made to wait. */
const PENDING_BYTES = 4 * 1024 * 1024;
/** What a command that does not read may be sent. */
const UNREAD_BYTES = 16 * 1024 * 1024;
/** The end of a command and that of its output come together, unless something else holds the output. */
const DRAIN_MS = 200;
const CODE_WAIT_MS = 15_000;
const CODE_LOOK_MS = 100;
const LONGEST_ANSWER_BYTES = 4096;
/** More looks than a watch takes before it believes that nobody will tell an end. */
const LOST_LOOKS = 4;

export interface BareOpOptions {
  readonly id: string;
  /** In the environment of all that the command starts. */
  readonly token: string;
  readonly endWord: string;
  readonly engine: Engine;
  readonly spoolLimitBytes: number;
  /** How many processes carry the token. */
  readonly living: () => Promise<number>;
  /** Ends a command that printed more than may be held. */
  readonly cutOff: () => void;
}

export type Answer = { readonly status: number; readonly text: string };

export class BareOp {
  readonly watch: OpWatch;
  readonly token: string;
  readonly endWord: string;
  readonly stdout = new HeldOutput();
  readonly stderr = new HeldOutput();
  /** Its process and when that began, once it runs. */
  process: { readonly pid: string; readonly start: string } | null = null;
  /** Its script in the box, when it was too long for an argument. */
  scriptFile: string | null = null;
  killed = false;
  limitReached = false;
  readonly #options: BareOpOptions;
  #exec: StartedExec | null = null;
  #exitCode: number | null = null;
  #markedCode: number | null = null;
  #closed = false;
  #cut = false;
  #lost = false;
  #stdinOpen = false;
  #pendingBytes = 0;
  #answered: (answer: Answer | null) => void = () => undefined;

  constructor(options: BareOpOptions) {
    this.#options = options;
    this.token = options.token;
    this.endWord = options.endWord;
    this.watch = new OpWatch(options.id, async () => this.record());
    // All of it is known here first.
    this.watch.noticed = () => true;
  }

  /** What the shell says before the command begins; null when it says nothing. */
  run(exec: StartedExec, stdinOpen: boolean): Promise<Answer | null> {
    this.#exec = exec;
    this.#stdinOpen = stdinOpen;
    const { stream } = exec;
    const answer = new Promise<Answer | null>((resolve) => {
      this.#answered = resolve;
    });
    const mark = new EndMark(
      this.#options.endWord,
      (bytes) => this.#store(this.stdout, bytes),
      (code) => void this.#ended(code),
    );
    let head: Buffer | null = Buffer.alloc(0);
    const demux = new ExecDemux(
      (bytes) => {
        if (head === null) {
          mark.push(bytes);
          return;
        }
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf('\n');
        if (end === -1) {
          if (head.length > LONGEST_ANSWER_BYTES) stream.destroy();
          return;
        }
        const [, status, text = ''] = /^(\d{1,3}) (.*)$/.exec(head.toString('utf8', 0, end)) ?? [];
        const rest = head.subarray(end + 1);
        head = null;
        if (status === '0') {
          const [pid = '', start = ''] = text.split(' ');
          this.process = { pid, start };
        }
        this.#answered(status === undefined ? null : { status: Number(status), text });
        if (rest.length > 0) mark.push(rest);
      },
      (bytes) => this.#store(this.stderr, bytes),
    );
    stream.on('data', (bytes: Buffer) => demux.push(bytes));
    let over = false;
    const finish = () => {
      if (over) return;
      over = true;
      this.#answered(null);
      mark.flush();
      void this.#drained();
    };
    stream.once('end', finish);
    stream.once('close', finish);
    stream.on('error', finish);
    return answer;
  }

  record(): SpooledOp {
    const present = !this.#lost;
    return {
      token: this.token,
      command: { pid: 0, parentPid: 0, startTicks: 0, state: 'R' },
      exitCode: this.#exitCode,
      closed: this.#closed,
      cut: this.#cut,
      killed: this.killed,
      limitReached: this.limitReached,
      running: present,
      kept: present,
    };
  }

  /** Bytes are taken in order, as many as may wait; an empty one ends the input. */
  feed(bytes: Bytes): 'kept' | 'full' | 'closed' | 'ended' {
    if (this.#exitCode !== null || this.#lost) return 'ended';
    const stream = this.#exec?.stream;
    if (!this.#stdinOpen || stream === undefined || !stream.writable) return 'closed';
    if (bytes.length === 0) {
      this.#stdinOpen = false;
      stream.end();
      return 'kept';
    }
    if (stream.writableLength > UNREAD_BYTES) return 'full';
    stream.write(bytes);
    return 'kept';
  }

  /** Before the command is started: all of its input. */
  give(stdin: Bytes): void {
    this.feed(stdin);
    this.feed(new Uint8Array(0));
  }

  /** Lets go of it; the command goes on in the box, and what it prints is lost. */
  release(): void {
    this.#exec?.stream.destroy();
    this.stdout.release();
    this.stderr.release();
  }

  #store(held: HeldOutput, bytes: Uint8Array): void {
    if (this.#cut) return;
    if (held.sizeBytes + bytes.length > this.#options.spoolLimitBytes) {
      this.#cut = true;
      this.#options.cutOff();
      return;
    }
    this.#pendingBytes += bytes.length;
    const stream = this.#exec?.stream;
    if (this.#pendingBytes > PENDING_BYTES) stream?.pause();
    const stored = () => {
      this.#pendingBytes -= bytes.length;
      if (this.#pendingBytes <= PENDING_BYTES && stream?.isPaused()) stream.resume();
    };
    // A disk of ours that is full: what came is incomplete, as if it had been too much.
    held.append(bytes).then(stored, () => {
      this.#cut = true;
      stored();
      this.#options.cutOff();
    });
    this.watch.wake();
  }

  /** The command has ended. Its output may still be held open by what it started. */
  async #ended(code: number): Promise<void> {
    this.#markedCode = code;
    const until = performance.now() + DRAIN_MS;
    while (!this.#closed && performance.now() < until) await delay(DRAIN_MS / 10);
    if (this.#closed || this.#exitCode !== null) return;
    const living = await this.#options.living().catch(() => 1);
    // Where nothing holds it, its end is on its way.
    if (living > 0) this.#exit(code);
  }

  /** Nothing more comes: the output has closed, or the engine does not wait for who holds it. */
  async #drained(): Promise<void> {
    if (this.#exitCode !== null) return;
    const code = this.#markedCode ?? (await this.#askForCode());
    if (code === null) {
      this.#lost = true;
      for (let look = 0; look < LOST_LOOKS; look++) await this.watch.refresh().catch(() => undefined);
      this.watch.wake();
      return;
    }
    this.#closed = true;
    this.#exit(code);
    this.watch.noteClosed(this.#cut);
  }

  #exit(code: number): void {
    if (this.#exitCode !== null) return;
    this.#exitCode = code;
    this.watch.noteMarks(this);
    this.watch.noteExit(code);
  }

  /** The engine may take a moment to notice; null when it, or the box, is not there any more to say it. */
  async #askForCode(): Promise<number | null> {
    const { engine } = this.#options;
    const exec = this.#exec;
    if (exec === null) return null;
    const end = performance.now() + CODE_WAIT_MS;
    while (true) {
      try {
        const code = await engine.execExitCode(exec.id);
        if (code !== null) return code;
      } catch (error) {
        const knowsNothing = SandboxError.isInstance(error) && statusOf(error.cause) === 404;
        if (knowsNothing || performance.now() > end) return null;
      }
      await delay(CODE_LOOK_MS);
    }
  }
}
