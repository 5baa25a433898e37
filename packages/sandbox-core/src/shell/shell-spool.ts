// The spool of a box whose files we cannot reach: every look is a frame to its shell.
import { randomUUID } from 'node:crypto';
import type { Bytes } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';
import { fenced } from './epoch-fence.ts';
import { type OpRecord, parseOpRecord } from './op-record.ts';
import type { ShellReply } from './shell-frames.ts';
import { type FeedOutcome, type OutputWish, SPOOL_LETTER, type Spool, type SpoolChannel } from './spool.ts';
import { type SpoolUsage, usageOf } from './spool-budget.ts';

export type SendFrame = (verb: string, args: readonly string[], payload?: Bytes) => Promise<ShellReply>;

/** Removing costs the shell two programs, for one op or for many, and holds up the next command meanwhile. */
const MOST_FORGOTTEN_AT_ONCE = 64;
const FORGET_AFTER_MS = 250;

const FEED_OUTCOMES: ReadonlyMap<number, FeedOutcome> = new Map([
  [0, 'kept'],
  [1, 'taken'],
  [5, 'full'],
  [7, 'ended'],
  [8, 'closed'],
]);

export class ShellSpool implements Spool {
  // A pipe's worth: a longer payload would hold up every other answer on the channel for as long.
  readonly chunkBytes = 64 * 1024;
  readonly blockBytes = this.chunkBytes;
  readonly #send: SendFrame;
  readonly #epoch: number;
  readonly #soon: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(send: SendFrame, epoch: number) {
    this.#send = send;
    this.#epoch = epoch;
  }

  async record(id: string): Promise<OpRecord | null> {
    const reply = await this.#send('record', [id]);
    if (reply.kind !== 'status') throw strange('record');
    if (reply.status === 4) return null;
    expectDone(reply, 'Reading the record of a command');
    return parseOpRecord(reply.text.split('|'));
  }

  async list(): Promise<readonly string[]> {
    const reply = expectDone(await this.#send('list', []), 'Listing commands');
    return reply.split(' ').filter((id) => /^[A-Za-z0-9_-]{1,64}$/.test(id));
  }

  async read(id: string, { from, most }: OutputWish): Promise<Readonly<Record<SpoolChannel, Bytes>>> {
    const stdout = Math.min(most.stdout, this.blockBytes);
    const stderr = Math.min(most.stderr, this.blockBytes);
    const mark = randomUUID().replaceAll('-', '');
    const numbers = [from.stdout, stdout, from.stderr, stderr].map(String);
    const reply = await this.#send('read', [id, mark, ...numbers]);
    if (reply.kind !== 'bytes' || reply.second?.mark !== mark) throw strange('read');
    const { bytes, second } = reply;
    if (bytes.length > stdout || second.bytes.length > stderr) throw strange('read');
    return { stdout: bytes, stderr: second.bytes };
  }

  async sizes(id: string): Promise<{ readonly stdout: number; readonly stderr: number }> {
    const text = expectDone(await this.#send('sizes', [id]), 'Reading the size of an output');
    const [, stdout, stderr] = /^(\d{1,15}) (\d{1,15})$/.exec(text) ?? [];
    if (stdout === undefined) throw strange('sizes');
    return { stdout: Number(stdout), stderr: Number(stderr) };
  }

  async put(id: string, part: 'script' | 'stdin', bytes: Bytes): Promise<void> {
    // An empty file has to be made too.
    for (let at = 0; at === 0 || at < bytes.length; at += this.chunkBytes) {
      const block = bytes.subarray(at, at + this.chunkBytes);
      const args = [id, SPOOL_LETTER[part], String(block.length)];
      expectDone(await this.#send('put', args, block), 'Storing input');
    }
  }

  async feed(id: string, number: number, bytes: Bytes): Promise<FeedOutcome> {
    const reply = await this.#send('feed', [id, String(number), String(bytes.length)], bytes);
    if (reply.kind === 'status' && reply.status === 9) throw fenced('Writing to the command', this.#epoch);
    const outcome = reply.kind === 'status' ? FEED_OUTCOMES.get(reply.status) : undefined;
    if (outcome !== undefined) return outcome;
    expectDone(reply, 'Storing input');
    throw strange('feed');
  }

  async usage(): Promise<SpoolUsage> {
    const text = expectDone(await this.#send('usage', []), 'Reading the size of the spool');
    const files: [string, number][] = [];
    for (const line of text.split('|')) {
      const [, size, name] = /^(\d{1,15}) ([A-Za-z0-9_.@-]+)$/.exec(line) ?? [];
      if (name !== undefined) files.push([name, Number(size)]);
    }
    return usageOf(files);
  }

  async forget(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) expectDone(await this.#send('forget', ids), 'Forgetting commands');
  }

  forgetSoon(id: string): void {
    this.#soon.push(id);
    if (this.#soon.length >= MOST_FORGOTTEN_AT_ONCE) this.flush().catch(() => undefined);
    this.#timer ??= setTimeout(() => this.flush().catch(() => undefined), FORGET_AFTER_MS).unref();
  }

  async flush(id?: string): Promise<void> {
    if (id !== undefined && !this.#soon.includes(id)) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.forget(this.#soon.splice(0));
  }
}

function expectDone(reply: ShellReply, what: string): string {
  if (reply.kind !== 'status') throw strange(what);
  if (reply.status === 0) return reply.text;
  if (reply.status === 6) {
    throw new SandboxError('quota', `${what} failed: the spool of the box takes no more. Free some space.`, {
      started: 'no',
    });
  }
  throw strange(what);
}

function strange(what: string): SandboxError {
  return new SandboxError('unreachable', `The box answered ${what} with something else; open it again.`);
}
