// Steps that cases about files share.
import type { Bytes } from '@boxyard/sandbox-core';
import type { BoxCaseContext } from './box-case.ts';

/** A folder of its own for a case that looks at what is in it. */
export async function folderOf(context: BoxCaseContext, hint: string): Promise<string> {
  const folder = context.unique(hint);
  await context.box.files.mkdir(folder, { deadlineMs: context.waitMs });
  return folder;
}

export async function names(context: BoxCaseContext, folder: string): Promise<readonly string[]> {
  return (await context.box.files.list(folder)).map((entry) => entry.name).sort();
}

export async function readStream(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

export const streamOf = (...parts: Bytes[]): ReadableStream<Bytes> =>
  ReadableStream.from(parts) as ReadableStream<Bytes>;

/** What a list of promises came to: `ok` or the error's code. */
export async function outcomes(promises: readonly Promise<unknown>[]): Promise<readonly string[]> {
  return Promise.all(
    promises.map((each) =>
      each.then(
        () => 'ok',
        (error: { code?: string }) => error.code ?? String(error),
      ),
    ),
  );
}
