import type { BoxFiles, Bytes, CallOptions, OpenedFile } from '@boxyard/sandbox-core';
import { checkRelativePath, SandboxError } from '@boxyard/sandbox-core';
import { type AskedRange, parseRange, resolveRange } from './byte-range.ts';

export interface OpenContentRequest {
  readonly path: string;
  /** The `Range` header as it came. */
  readonly range?: string | undefined;
  /** The `If-Range` header: another etag or a date asks for the whole file. */
  readonly ifRange?: string | undefined;
  /** The `If-Match` header: refused with `precondition-failed` when the file is another one. */
  readonly ifMatch?: string | undefined;
  /** The `If-None-Match` header. */
  readonly ifNoneMatch?: string | undefined;
}

/** One answer of `GET fs/content`, by its status: 200, 206, 304 or 416. */
export type OpenedContent =
  | {
      readonly kind: 'whole';
      readonly stream: ReadableStream<Bytes>;
      readonly etag: string;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'part';
      readonly stream: ReadableStream<Bytes>;
      readonly etag: string;
      /** Of the whole file. */
      readonly sizeBytes: number;
      readonly first: number;
      /** The last byte's position, inclusive. */
      readonly last: number;
    }
  | { readonly kind: 'not-modified'; readonly etag: string }
  | { readonly kind: 'unsatisfiable'; readonly sizeBytes: number };

/** Each further try needs the file to have changed its size between two looks at it. */
const SUFFIX_TRIES = 5;

/** Opens a file for reading. Whoever gets a stream reads it to its end or cancels it. */
export async function openContent(
  files: BoxFiles,
  request: OpenContentRequest,
  options: CallOptions,
): Promise<OpenedContent> {
  const asked = parseRange(request.range);
  const opened = await openRange(files, request.path, asked, options);
  let handedOut = false;
  try {
    const { sizeBytes, stream, version: etag } = opened;
    if (request.ifMatch !== undefined && !matchesEtag(request.ifMatch, etag)) {
      throw new SandboxError(
        'precondition-failed',
        `Reading ${JSON.stringify(request.path)}: the file is not the one that If-Match names. Read it anew.`,
        { started: 'no' },
      );
    }
    if (request.ifNoneMatch !== undefined && matchesEtag(request.ifNoneMatch, etag)) {
      return { kind: 'not-modified', etag };
    }
    if (asked === null) {
      handedOut = true;
      return { kind: 'whole', stream, etag, sizeBytes };
    }
    if (request.ifRange !== undefined && unquoted(request.ifRange) !== etag) {
      // The reader's former part is of another file: it needs the whole one.
      return await openContent(files, { path: request.path }, options);
    }
    const range = resolveRange(asked, sizeBytes);
    if (range === null) return { kind: 'unsatisfiable', sizeBytes };
    handedOut = true;
    return { kind: 'part', stream, etag, sizeBytes, ...range };
  } finally {
    if (!handedOut) await opened.stream.cancel();
  }
}

async function openRange(
  files: BoxFiles,
  path: string,
  asked: AskedRange | null,
  options: CallOptions,
): Promise<OpenedFile> {
  if (asked === null) return files.open(path, options);
  if (asked.kind === 'from') {
    const length = asked.last === null ? undefined : asked.last - asked.first + 1;
    return files.open(path, { ...options, offset: asked.first, length });
  }
  // Where a suffix begins depends on the size, which only an opened file tells.
  let opened = await files.open(path, { ...options, offset: 0, length: 1 });
  for (let tries = 0; tries < SUFFIX_TRIES; tries += 1) {
    const range = resolveRange(asked, opened.sizeBytes);
    if (range === null) return opened;
    await opened.stream.cancel();
    const { sizeBytes } = opened;
    opened = await files.open(path, { ...options, offset: range.first });
    if (opened.sizeBytes === sizeBytes) return opened;
  }
  await opened.stream.cancel();
  throw new SandboxError(
    'conflict',
    `Reading the end of ${JSON.stringify(path)}: the file keeps changing its size. Read it whole or from a fixed offset.`,
    { retryable: true },
  );
}

/**
 * The one version that an `If-Match` header lets be replaced. The box compares it once more when it replaces
 * the file, so a change in between is noticed.
 *
 * @throws SandboxError `precondition-failed` when there is no file, or another one.
 */
export async function expectedVersion(
  files: BoxFiles,
  path: string,
  header: string,
  options: CallOptions,
): Promise<string> {
  const version = await files.version(checkRelativePath(path), options);
  if (version !== null && matchesEtag(header, version)) return version;
  throw new SandboxError(
    'precondition-failed',
    `Writing ${JSON.stringify(path)}: the file is not the one that If-Match names. Read it anew.`,
    { started: 'no' },
  );
}

/** Whether an `If-Match` or `If-None-Match` header names this etag. Our etags hold no comma. */
function matchesEtag(header: string, etag: string): boolean {
  return header.split(',').some((tag) => tag.trim() === '*' || unquoted(tag) === etag);
}

/** An etag without the quotes that HTTP puts around it. */
function unquoted(tag: string): string {
  return tag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');
}
