// The wire between us and the shell in a box. What comes back is testimony of the box: parsed strictly, bounded,
// and a frame that makes no sense ends the channel, because whatever follows it could be anything.
import type { Bytes } from '../call-options.ts';

export type ShellReply =
  | { readonly kind: 'status'; readonly seq: number; readonly status: number; readonly text: string }
  | {
      readonly kind: 'bytes';
      readonly seq: number;
      readonly bytes: Bytes;
      /** Of an answer with two contents, whose lengths nobody knew before: the other one, and the mark that ended them. */
      readonly second: { readonly bytes: Bytes; readonly mark: string } | null;
    };

export function isStatus(reply: ShellReply, status: number): boolean {
  return reply.kind === 'status' && reply.status === status;
}

const LONGEST_LINE_BYTES = 4 * 1024 * 1024;
const LONGEST_BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 10;
const encoder = new TextEncoder();

/** `payload` follows the frame as it is; its length has to be among the arguments. */
export function encodeFrame(
  seq: number,
  verb: string,
  reap: readonly number[],
  args: readonly string[],
  payload?: Bytes,
): Bytes {
  const counts = args.map((arg) => arg.split('\n').length);
  const head = `F ${seq} ${verb} ${reap.length === 0 ? '-' : reap.join(',')} ${counts.join(' ')}\n`;
  const text = encoder.encode(head + args.map((arg) => `${arg}\n`).join(''));
  if (payload === undefined || payload.length === 0) return text;
  const frame = new Uint8Array(text.length + payload.length);
  frame.set(text);
  frame.set(payload, text.length);
  return frame;
}

/** Cuts lines out of a byte stream, however it is split. */
class LineCutter {
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** Adds bytes; they are not copied. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#held.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#heldBytes += bytes.length;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The next line without its newline, or null while it is not whole. */
  line(): string | null {
    let length = 0;
    for (const part of this.#held) {
      const at = part.indexOf(NEWLINE);
      if (at !== -1) return this.take(length + at + 1).toString('utf8', 0, length + at);
      length += part.length;
    }
    if (length > LONGEST_LINE_BYTES) throw new Error('a line without an end');
    return null;
  }

  /** Where this begins, or -1; what comes before `from` was searched already. */
  find(needle: Buffer, from: number): number {
    return this.#whole().indexOf(needle, from);
  }

  /** Exactly this many bytes, which have to be there. */
  take(length: number): Buffer {
    const all = this.#whole();
    const rest = all.subarray(length);
    this.#held = rest.length === 0 ? [] : [rest];
    this.#heldBytes = rest.length;
    return all.subarray(0, length);
  }

  #whole(): Buffer {
    if (this.#held.length !== 1) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0]!;
  }
}

/** Content under way: how long it is was said, or what follows it. */
type Awaited =
  | { readonly kind: 'bytes'; readonly seq: number; readonly length: number }
  | {
      readonly kind: 'two';
      readonly seq: number;
      readonly mark: string;
      readonly end: Buffer;
      /** What is known not to hold its end. */
      searched: number;
      first: Bytes | null;
    };

/** Answers in their order. Throws at the first byte that fits no answer. */
export class ReplyParser {
  readonly #cutter = new LineCutter();
  #awaited: Awaited | null = null;

  push(bytes: Uint8Array): readonly ShellReply[] {
    this.#cutter.add(bytes);
    const replies: ShellReply[] = [];
    while (true) {
      const reply = this.#next();
      if (reply === null) return replies;
      replies.push(reply);
    }
  }

  #next(): ShellReply | null {
    if (this.#awaited === null) {
      const line = this.#cutter.line();
      if (line === null) return null;
      const status = /^R (\d{1,15}) (\d{1,3}) (.*)$/s.exec(line);
      if (status !== null) {
        return { kind: 'status', seq: Number(status[1]), status: Number(status[2]), text: status[3]! };
      }
      this.#awaited = awaitedBy(line);
    }
    return this.#awaited.kind === 'bytes' ? this.#bytes(this.#awaited) : this.#two(this.#awaited);
  }

  #bytes({ seq, length }: Awaited & { readonly kind: 'bytes' }): ShellReply | null {
    if (this.#cutter.heldBytes < length) return null;
    this.#awaited = null;
    return { kind: 'bytes', seq, bytes: new Uint8Array(this.#cutter.take(length)), second: null };
  }

  #two(awaited: Awaited & { readonly kind: 'two' }): ShellReply | null {
    const { seq, mark, end } = awaited;
    while (true) {
      const at = this.#cutter.find(end, awaited.searched);
      if (at === -1) {
        awaited.searched = Math.max(0, this.#cutter.heldBytes - end.length);
        if (this.#cutter.heldBytes > LONGEST_BLOCK_BYTES) throw new Error('content without an end');
        return null;
      }
      const content = new Uint8Array(this.#cutter.take(at + end.length).subarray(0, at));
      awaited.searched = 0;
      if (awaited.first !== null) {
        this.#awaited = null;
        return { kind: 'bytes', seq, bytes: awaited.first, second: { bytes: content, mark } };
      }
      awaited.first = content;
    }
  }
}

function awaitedBy(line: string): Awaited {
  const [, blockSeq, length] = /^B (\d{1,15}) (\d{1,15})$/.exec(line) ?? [];
  if (blockSeq !== undefined && Number(length) <= LONGEST_BLOCK_BYTES) {
    return { kind: 'bytes', seq: Number(blockSeq), length: Number(length) };
  }
  const [, seq, mark] = /^M (\d{1,15}) ([0-9a-f]{32})$/.exec(line) ?? [];
  if (mark === undefined) throw new Error('a frame of no known form');
  return { kind: 'two', seq: Number(seq), mark, end: Buffer.from(`\n${mark}\n`), searched: 0, first: null };
}

/** What the box says unasked: a command has ended, its output has closed, a kill is done, a slot is ready. */
export type ShellNotice =
  | {
      readonly kind: 'exit';
      readonly id: string;
      readonly code: number;
      /** Whether it was killed by us, or by its run limit. */
      readonly killed: boolean;
      readonly limitReached: boolean;
    }
  | { readonly kind: 'closed'; readonly id: string; readonly cut: boolean }
  | { readonly kind: 'killed'; readonly id: string; readonly left: number }
  | { readonly kind: 'ready'; readonly id: string };

/** Lines that are no notice are dropped: a notice only ever makes us look sooner. */
export class NoticeParser {
  readonly #cutter = new LineCutter();

  push(bytes: Uint8Array): readonly ShellNotice[] {
    this.#cutter.add(bytes);
    const notices: ShellNotice[] = [];
    for (let line = this.#cutter.line(); line !== null; line = this.#cutter.line()) {
      const [, letter, id, first, second] =
        /^([ECKS]) ([A-Za-z0-9_.@-]{1,64}) (\d{1,9})(?: (\d{1,9}))?$/.exec(line) ?? [];
      if (id === undefined) continue;
      const number = Number(first);
      if (letter === 'E') {
        const marks = Number(second ?? 0);
        const killed = (marks & 1) !== 0;
        notices.push({ kind: 'exit', id, code: number, killed, limitReached: (marks & 2) !== 0 });
      } else if (letter === 'S') notices.push({ kind: 'ready', id });
      else if (letter === 'K') notices.push({ kind: 'killed', id, left: number });
      else notices.push({ kind: 'closed', id, cut: isCut(number) || isCut(Number(second ?? 0)) });
    }
    return notices;
  }
}

/**
 * Whether what takes an output to the spool ended before the output did: by the limit of the spool, or on a full
 * disk. 127 says that nobody knows.
 */
export function isCut(catStatus: number): boolean {
  return catStatus !== 0 && catStatus !== 127;
}
