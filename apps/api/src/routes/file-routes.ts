import { FileService, inBoxOf } from '@boxyard/channel-a';
import {
  FsDeleteRequest,
  FsDeleteResponse,
  FsListRequest,
  FsListResponse,
  FsMkdirRequest,
  FsMkdirResponse,
  FsMoveRequest,
  FsMoveResponse,
  FsReadRequest,
  FsReadResponse,
  FsStatRequest,
  FsStatResponse,
  FsWatchEvent,
  FsWatchRequest,
  FsWriteRequest,
  FsWriteResponse,
} from '@boxyard/contracts';
import type { ActiveBox } from '@boxyard/sessions';
import type { RouteTable } from '../define-route.ts';
import { openBoxFor, withBox } from '../open-box.ts';
import { answerWithEvents } from '../server-sent-events.ts';
import type { ApiServices } from '../services.ts';
import { sessionRefOf } from '../session-ref.ts';

export const filesOf = (active: ActiveBox, { changes }: ApiServices) =>
  new FileService({ box: active.box, journal: active.journal, recorder: changes });

export function addFileRoutes(routes: RouteTable, services: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/list',
      tag: 'files',
      name: 'list',
      repeatable: 'always',
      summary: 'A folder as a tree of the asked depth',
      body: FsListRequest,
      status: 200,
      answer: FsListResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => filesOf(active, services).list(body)),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/read',
      tag: 'files',
      name: 'read',
      repeatable: 'always',
      summary: 'A file, or a part of it, as text or base64',
      body: FsReadRequest,
      status: 200,
      answer: FsReadResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => filesOf(active, services).read(body)),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/stat',
      tag: 'files',
      name: 'stat',
      repeatable: 'always',
      summary: 'One name; a link is described and not followed',
      body: FsStatRequest,
      status: 200,
      answer: FsStatResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => filesOf(active, services).stat(body.path)),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/write',
      tag: 'files',
      name: 'write',
      summary: 'Replace a file in one step',
      body: FsWriteRequest,
      status: 200,
      answer: FsWriteResponse,
    },
    ({ body }, c) =>
      withBox(c, services, (active) => filesOf(active, services).write(body), { mutates: true }),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/delete',
      tag: 'files',
      name: 'delete',
      summary: 'Remove a file, a link or a folder',
      body: FsDeleteRequest,
      status: 200,
      answer: FsDeleteResponse,
    },
    ({ body }, c) =>
      withBox(c, services, (active) => filesOf(active, services).delete(body), { mutates: true }),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/move',
      tag: 'files',
      name: 'move',
      summary: 'Move or rename',
      body: FsMoveRequest,
      status: 200,
      answer: FsMoveResponse,
    },
    ({ body }, c) =>
      withBox(c, services, (active) => filesOf(active, services).move(body), { mutates: true }),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/mkdir',
      tag: 'files',
      name: 'mkdir',
      summary: 'Make a folder',
      body: FsMkdirRequest,
      status: 200,
      answer: FsMkdirResponse,
    },
    ({ body }, c) =>
      withBox(c, services, (active) => filesOf(active, services).mkdir(body), { mutates: true }),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/fs/watch',
      tag: 'files',
      name: 'watch',
      repeatable: 'always',
      events: FsWatchEvent,
      summary: 'A stream of changes below a folder; `resync` says that some were lost',
      body: FsWatchRequest,
      status: 200,
    },
    async ({ body }, c) => {
      // A viewer: who only looks does not keep a box.
      const session = await sessionRefOf(c, services);
      const active = await openBoxFor(c, services, { kind: 'viewer' });
      const files = filesOf(active, services);
      try {
        // A refusal is an answer of its own, not a stream that breaks.
        await files.checkWatch(body.path, { signal: c.req.raw.signal });
      } catch (error) {
        await active[Symbol.asyncDispose]();
        throw error;
      }
      return answerWithEvents(c, async function* (signal) {
        await using _ = active;
        const groupId = active.group.id;
        using _changes = services.changes.hold(inBoxOf(session, { groupId }), active.epoch, 'watch');
        const left = new AbortController();
        const until = AbortSignal.any([signal, left.signal]);
        const end = () => left.abort();
        const workspaceId = c.get('workspace').id;
        void services.boxes.whenElsewhere(workspaceId, session.sessionId, groupId, until).then(end);
        for await (const batch of files.watch({ ...body, signal: until })) {
          for (const change of batch) yield toEvent(change);
        }
        // As when the box is stopped: who comes back watches the box that the session works in then.
        if (left.signal.aborted) yield toEvent({ kind: 'resync', path: '', isDir: false });
      });
    },
  );
}

const toEvent = (change: FsWatchEvent) => ({ event: change.kind, data: JSON.stringify(change) });
