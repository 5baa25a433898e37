// Ranges that are too large for one answer: a command of their own that reads one open file.
import {
  type Bytes,
  type OpenedFile,
  SandboxError,
  type ShellReply,
  throwIfAborted,
} from '@boxyard/sandbox-core';
import type { BoxStream, OpenBoxStream } from './exec-stream.ts';
import type { CheckedRange } from './file-arguments.ts';
import { type FileFacts, parseFacts, statVersion } from './file-facts.ts';
import { fileFailure } from './file-failure.ts';
import { type FilesPlace, placeArguments } from './files-link.ts';
import { READ_STREAM } from './files-script.ts';

interface Place {
  readonly place: FilesPlace;
  readonly openStream: OpenBoxStream;
}

/** One reading under way. */
interface Reading {
  readonly stream: BoxStream;
  readonly lines: AsyncIterator<string>;
  readonly facts: FileFacts;
}

/** Bytes of the range, in memory. */
export async function readRange(
  place: Place,
  path: string,
  range: CheckedRange,
  what: string,
  signal: AbortSignal,
): Promise<Bytes> {
  const reading = await begin(place, path, range, what, signal);
  const stop = () => reading.stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const parts: Bytes[] = [];
    for await (const part of reading.stream.stdout) parts.push(part);
    throwIfAborted(signal, what);
    await finish(reading, what);
    return new Uint8Array(Buffer.concat(parts));
  } finally {
    signal.removeEventListener('abort', stop);
    reading.stream.destroy();
  }
}

export function readWhole(place: Place, path: string, what: string, signal: AbortSignal): Promise<Bytes> {
  return readRange(place, path, { offset: 0, length: null }, what, signal);
}

/** A stream of the range at its reader's pace, with the version of what it delivers. */
export async function openRange(
  place: Place,
  path: string,
  range: CheckedRange,
  what: string,
  signals: { readonly opening: AbortSignal; readonly reading: AbortSignal | undefined },
): Promise<OpenedFile> {
  const reading = await begin(place, path, range, what, signals.opening);
  const { stream } = reading;
  // Its caller has gone: nobody would ever read it.
  if (signals.opening.aborted) stream.destroy();
  const stop = () => stream.destroy();
  signals.reading?.addEventListener('abort', stop, { once: true });
  const release = () => {
    signals.reading?.removeEventListener('abort', stop);
    stream.destroy();
  };
  const chunks = stream.stdout[Symbol.asyncIterator]();
  let left = Math.max(
    0,
    Math.min(reading.facts.sizeBytes - range.offset, range.length ?? Number.MAX_SAFE_INTEGER),
  );
  return {
    stream: new ReadableStream<Bytes>(
      {
        async pull(controller) {
          try {
            const next = await chunks.next();
            throwIfAborted(signals.reading, 'Reading on');
            if (!next.done && left > 0) {
              // What grew meanwhile is of no version that was named.
              const part = next.value.subarray(0, left);
              left -= part.length;
              controller.enqueue(part);
              return;
            }
            if (next.done) {
              await finish(reading, 'Reading on');
              if (left > 0) throw changedMeanwhile('Reading on');
            }
            release();
            controller.close();
          } catch (error) {
            release();
            throw error;
          }
        },
        cancel: release,
      },
      { highWaterMark: 0 },
    ),
    version: statVersion(reading.facts),
    sizeBytes: reading.facts.sizeBytes,
  };
}

async function begin(
  { place, openStream }: Place,
  path: string,
  range: CheckedRange,
  what: string,
  signal: AbortSignal,
): Promise<Reading> {
  const words = [path, String(range.offset), range.length === null ? '-' : String(range.length)];
  const argv = ['/bin/sh', '-c', READ_STREAM, 'boxyard', ...placeArguments(place), ...words] as const;
  const stream = await openStream(argv, signal);
  const lines = stream.lines[Symbol.asyncIterator]();
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const reply = parseLine((await lines.next()).value, 0);
    throwIfAborted(signal, what);
    if (reply === null) throw brokeOff(what);
    const facts = reply.status === 0 ? parseFacts(reply.text) : null;
    if (facts === null) throw fileFailure(reply, what, place.epoch);
    return { stream, lines, facts };
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Judges by the file's facts after the last byte whether what came is of one moment. */
async function finish({ lines, facts }: Reading, what: string): Promise<void> {
  const reply = parseLine((await lines.next()).value, 1);
  const after = reply === null ? null : parseFacts(reply.text);
  if (after === null) throw brokeOff(what);
  // Growth alone is an append, as a log does it: the bytes before it are what they were.
  const changed = after.sizeBytes === facts.sizeBytes && after.mtimeNs !== facts.mtimeNs;
  if (changed || after.sizeBytes < facts.sizeBytes) throw changedMeanwhile(what);
}

/** The one form of an answer on a stream's stderr. */
export function parseLine(
  line: string | undefined,
  seq: number,
): Extract<ShellReply, { kind: 'status' }> | null {
  const [, number, status, text] = /^R (\d{1,3}) (\d{1,3}) (.*)$/s.exec(line ?? '') ?? [];
  if (text === undefined || Number(number) !== seq) return null;
  return { kind: 'status', seq, status: Number(status), text };
}

function changedMeanwhile(what: string): SandboxError {
  return new SandboxError(
    'conflict',
    `${what} failed: the file was changed in place meanwhile. Read it anew.`,
    { retryable: true },
  );
}

function brokeOff(what: string): SandboxError {
  return new SandboxError('unreachable', `${what} failed: the box broke off. Try again.`);
}
