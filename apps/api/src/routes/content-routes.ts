/** Files and folders of any size as they are, in constant memory. */
import type { OpenedContent } from '@boxyard/channel-a';
import { FsArchiveQuery, FsArchiveResponse, FsContentQuery, FsContentResponse } from '@boxyard/contracts';
import type { ApiContext, RouteTable } from '../define-route.ts';
import { heldWhileRead, openBoxFor, withBox } from '../open-box.ts';
import { ApiError, problemOf } from '../problem.ts';
import type { ApiServices } from '../services.ts';
import { filesOf } from './file-routes.ts';

const BINARY = 'application/octet-stream';
const TAR = 'application/x-tar';

export function addContentRoutes(routes: RouteTable, services: ApiServices): void {
  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/fs/content',
      tag: 'files',
      name: 'readContent',
      summary: "A file's bytes, or a range of them",
      query: FsContentQuery,
      headers: ['Range', 'If-Range', 'If-Match', 'If-None-Match'],
      status: 200,
      rawAnswer: BINARY,
      otherAnswers: [
        { status: 206, summary: 'The range that was asked for', rawAnswer: BINARY },
        { status: 304, summary: 'Not changed since If-None-Match' },
      ],
    },
    async ({ query }, c) => {
      const active = await openBoxFor(c, services);
      try {
        const content = await filesOf(active, services).openContent({
          path: query.path,
          range: c.req.header('range'),
          ifRange: c.req.header('if-range'),
          ifMatch: c.req.header('if-match'),
          ifNoneMatch: c.req.header('if-none-match'),
        });
        if ('stream' in content) {
          return answerWithContent(c, { ...content, stream: heldWhileRead(content.stream, active) });
        }
        await active[Symbol.asyncDispose]();
        return answerWithContent(c, content);
      } catch (error) {
        await active[Symbol.asyncDispose]();
        throw error;
      }
    },
  );

  routes.add(
    {
      route: 'PUT /v1/workspaces/:ws/sessions/:sid/fs/content',
      tag: 'files',
      name: 'writeContent',
      summary:
        'Replace a file of any size in one step; a Content-Digest or Repr-Digest of sha-256 is checked first',
      query: FsContentQuery,
      rawBody: BINARY,
      headers: ['If-Match', 'If-None-Match', 'Content-Digest'],
      status: 200,
      answer: FsContentResponse,
    },
    ({ query }, c) =>
      withBox(
        c,
        services,
        (active) =>
          filesOf(active, services).writeContent(
            {
              path: query.path,
              content: bodyOf(c),
              ifMatch: c.req.header('if-match'),
              ifAbsent: c.req.header('if-none-match') === '*',
              expectedSha256: declaredDigest(c),
              sizeBytes: declaredLength(c),
            },
            { deadlineMs: TRANSFER_DEADLINE_MS, signal: c.req.raw.signal },
          ),
        { mutates: true },
      ),
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/fs/archive',
      tag: 'files',
      name: 'readArchive',
      summary: 'A folder as a tar',
      query: FsArchiveQuery,
      status: 200,
      rawAnswer: TAR,
    },
    async ({ query }, c) => {
      const active = await openBoxFor(c, services);
      try {
        const stream = await filesOf(active, services).packArchive(query.path, {
          deadlineMs: TRANSFER_DEADLINE_MS,
        });
        return c.body(heldWhileRead(stream, active), 200, { 'content-type': TAR });
      } catch (error) {
        await active[Symbol.asyncDispose]();
        throw error;
      }
    },
  );

  routes.add(
    {
      route: 'PUT /v1/workspaces/:ws/sessions/:sid/fs/archive',
      tag: 'files',
      name: 'writeArchive',
      summary: 'Unpack a tar into a folder; one that is damaged or leads out of it changes nothing',
      query: FsArchiveQuery,
      rawBody: TAR,
      status: 200,
      answer: FsArchiveResponse,
    },
    ({ query }, c) =>
      withBox(
        c,
        services,
        (active) =>
          filesOf(active, services).unpackArchive(query.path, bodyOf(c), {
            deadlineMs: TRANSFER_DEADLINE_MS,
            signal: c.req.raw.signal,
          }),
        { mutates: true },
      ),
  );
}

/** 2 GB over 10 Mbit/s take half an hour; a client that stalls longer than this is cut. */
const TRANSFER_DEADLINE_MS = 2 * 60 * 60 * 1000;

function answerWithContent(c: ApiContext, content: OpenedContent): Response {
  switch (content.kind) {
    case 'not-modified':
      return c.body(null, 304, { etag: `"${content.etag}"` });
    case 'unsatisfiable': {
      const refused = new ApiError(
        'range',
        `The file has ${content.sizeBytes} bytes. Ask for a range within them.`,
      );
      return c.body(JSON.stringify(problemOf(refused, c.get('requestId')).problem), 416, {
        'content-type': 'application/problem+json',
        'content-range': `bytes */${content.sizeBytes}`,
      });
    }
    case 'part':
      return c.body(content.stream, 206, {
        ...contentHeaders(content.etag, content.last - content.first + 1),
        'content-range': `bytes ${content.first}-${content.last}/${content.sizeBytes}`,
      });
    case 'whole':
      return c.body(content.stream, 200, contentHeaders(content.etag, content.sizeBytes));
  }
}

const contentHeaders = (etag: string, length: number) => ({
  'content-type': BINARY,
  'content-length': String(length),
  'accept-ranges': 'bytes',
  // A browser must never show a file of a box as a page of this server.
  'content-disposition': 'attachment',
  etag: `"${etag}"`,
});

function bodyOf(c: ApiContext): ReadableStream<Uint8Array<ArrayBuffer>> {
  return c.req.raw.body ?? new Blob([]).stream();
}

/** The server's parser holds the body to it. */
function declaredLength(c: ApiContext): number | undefined {
  const header = c.req.header('content-length') ?? '';
  return /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** RFC 9530: `sha-256=:<base64>:`. Other algorithms are not checked, so they are refused. */
function declaredDigest(c: ApiContext): string | undefined {
  const header = c.req.header('content-digest') ?? c.req.header('repr-digest');
  if (header === undefined) return undefined;
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header)?.[1];
  if (digest === undefined) {
    throw new ApiError('invalid', 'The digest is not understood. Write Content-Digest: sha-256=:<base64>:.');
  }
  return Buffer.from(digest, 'base64').toString('hex');
}
