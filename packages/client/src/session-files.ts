import { BoxyardError } from './boxyard-error.ts';
import type { CallOptions } from './call-options.ts';
import { Download } from './download.ts';
import { FilesRoutes } from './generated/route-groups.ts';
import type { Etag, FsContentResponse, FsWatchEvent, FsWatchRequest } from './generated/schemas.ts';
import type { Bytes, RequestContent } from './request-content.ts';
import { resumedEvents } from './resumed-events.ts';

export interface UploadOptions extends CallOptions {
  /** Refused with `precondition-failed` unless the file is still this one. */
  readonly ifMatch?: Etag;
  /** Refused with `conflict` when there is a file already. */
  readonly ifAbsent?: boolean;
}

export interface DownloadOptions extends CallOptions {
  /** Bytes of the file; `end` is the first that is left out. */
  readonly range?: { readonly start: number; readonly end?: number };
  readonly ifMatch?: Etag;
}

export interface ChangesOptions extends FsWatchRequest {
  readonly signal?: AbortSignal | undefined;
  readonly resumeMs?: number;
}

/** The files of a session's workspace: every route, and the ways that read better for content of any size. */
export class SessionFiles extends FilesRoutes {
  /** Replaces a file in one step with content of any size; a stream is sent as it comes. */
  upload(path: string, content: RequestContent, options: UploadOptions = {}): Promise<FsContentResponse> {
    const { ifMatch, ifAbsent, ...call } = options;
    return this.writeContent({ path }, content, {
      ...call,
      headers: {
        ...(ifMatch === undefined ? {} : { 'If-Match': `"${ifMatch}"` }),
        ...(ifAbsent ? { 'If-None-Match': '*' } : {}),
      },
    });
  }

  /** A file, or a range of it, as it is. Who does not read it to the end cancels its `stream`. */
  async download(path: string, options: DownloadOptions = {}): Promise<Download> {
    const { range, ifMatch, ...call } = options;
    if (range !== undefined && (range.end ?? Number.POSITIVE_INFINITY) <= range.start) {
      throw new BoxyardError('range', 'The range of the download is empty. Let it end after its start.', {
        started: 'no',
      });
    }
    const last = range?.end === undefined ? '' : range.end - 1;
    const response = await this.readContent(
      { path },
      {
        ...call,
        headers: {
          ...(range === undefined ? {} : { Range: `bytes=${range.start}-${last}` }),
          ...(ifMatch === undefined ? {} : { 'If-Match': `"${ifMatch}"` }),
        },
      },
    );
    return new Download(response);
  }

  /** A whole file as UTF-8. */
  async readText(path: string, options: DownloadOptions = {}): Promise<string> {
    return (await this.download(path, options)).text();
  }

  /** A whole file. */
  async readBytes(path: string, options: DownloadOptions = {}): Promise<Bytes> {
    return (await this.download(path, options)).bytes();
  }

  /**
   * What changes below a folder, endlessly. After `resync` everything must be read anew; it also comes after a
   * connection that broke, because what happened meanwhile is not known.
   */
  async *changes(options: ChangesOptions = {}): AsyncGenerator<FsWatchEvent, void, undefined> {
    const { signal, resumeMs, ...request } = options;
    const messages = resumedEvents<FsWatchEvent>({
      open: () => this.watch(request, { signal }),
      onResumed: () => ({ id: undefined, data: { kind: 'resync', path: '', isDir: true } }),
      signal,
      resumeMs,
    });
    for await (const { data } of messages) yield data;
  }
}
