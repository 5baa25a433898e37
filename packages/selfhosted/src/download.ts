// Content that comes as an op: it is asked for, named, and then streamed for as long as its reader takes it.

import { OpChannel } from '@boxyard/agent-proto/messages';
import { type Bytes, type OpenedFile, SandboxError } from '@boxyard/sandbox-core';
import type { MachineCalls } from './machine-calls.ts';
import type { OpReader, StartedOp } from './op-reader.ts';
import type { OpenHandle } from './open-handle.ts';

export interface DownloadOptions {
  readonly reader: OpReader;
  readonly calls: MachineCalls;
  readonly handle: OpenHandle;
  readonly opId: string;
  readonly what: string;
  readonly op: StartedOp;
  /** Bounds the start only. */
  readonly signal: AbortSignal;
}

export interface Download {
  readonly stream: ReadableStream<Bytes>;
  /** What the op answered beside its content, as JSON; settles when the stream has been read to its end. */
  readonly result: Promise<string>;
}

/** Starts the op. @throws SandboxError what the machine refuses. */
export async function beginDownload(options: DownloadOptions): Promise<Download> {
  const { reader, calls, handle, opId, what, op, signal } = options;
  const giveUp = () => {
    reader.stop();
    calls.giveUp(opId, what);
  };
  try {
    await reader.start(op, { signal });
  } catch (error) {
    giveUp();
    throw error;
  }
  const stop = new AbortController();
  const takeBack = handle.onClose(async () => stop.abort(closedHandle()));
  const news = reader.news(stop.signal);
  let settle: (text: string) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const result = new Promise<string>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  result.catch(() => undefined);
  let text = '';
  const decoder = new TextDecoder();
  const end = (error?: unknown) => {
    takeBack();
    if (error === undefined) settle(text);
    else fail(error);
    giveUp();
  };
  const stream = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          while (true) {
            const item = await news.next();
            if (item.done === true) {
              controller.close();
              end();
              return;
            }
            if (item.value.kind !== 'data') continue;
            const { channel, bytes } = item.value;
            if (channel === OpChannel.RESULT) {
              text += decoder.decode(bytes, { stream: true });
              continue;
            }
            controller.enqueue(bytes);
            return;
          }
        } catch (error) {
          end(error);
          throw error;
        }
      },
      cancel() {
        const error = new SandboxError('cancelled', `${what} was cancelled by its reader.`);
        stop.abort(error);
        end(error);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, result };
}

/** A file: its version comes before its content. */
export async function downloadOf(options: DownloadOptions): Promise<OpenedFile> {
  const { reader, calls, handle, opId, what, op, signal } = options;
  const opened = reader.opened(signal);
  opened.catch(() => undefined);
  const { stream } = await beginDownload({ reader, calls, handle, opId, what, op, signal });
  try {
    const { version, sizeBytes } = await opened;
    return { stream, version, sizeBytes: Number(sizeBytes) };
  } catch (error) {
    await stream.cancel().catch(() => undefined);
    throw error;
  }
}

const closedHandle = () =>
  new SandboxError('closed', 'The handle of the box was closed while it was read; open the box again.');
