/** What this process runs in boxes for people: commands, terminals, and the watch over their changes. */
import { ChangeRecorder, type OpenBox, OpHost, SharedPtyHost } from '@boxyard/channel-a';
import type { ActiveBoxes } from '@boxyard/sessions';
import { v7 as uuidv7 } from 'uuid';
import type { PartsContext } from './parts-context.ts';

export interface HostParts {
  readonly changes: ChangeRecorder;
  readonly ops: OpHost;
  readonly ptys: SharedPtyHost;
}

/** Opens nothing in a box yet. */
export function openHosts(context: PartsContext, boxes: ActiveBoxes): HostParts {
  const { settings, store, opening, notices, onTrouble } = context;
  const openBox = boxOpener(boxes);
  const changes = new ChangeRecorder({ events: store.events, openBox });
  opening.defer(() => changes.close());
  const hostOptions = {
    events: store.events,
    openBox,
    hostId: uuidv7(),
    // The embedded database belongs to this one server; a shared one has other servers on it.
    soleHost: settings.databaseUrl === null,
    recorder: changes,
    redactorFor: ({ groupId }: { readonly groupId: string }) => boxes.redactorFor(groupId),
  };
  const ops = new OpHost({ ...hostOptions, ops: store.ops, maxEventBytes: settings.opEventBytes });
  opening.defer(() => ops.close());
  const ptys = new SharedPtyHost({ ...hostOptions, registry: store.ptys, calls: store.hostCalls, onTrouble });
  opening.defer(() => ptys.shutdown());
  notices.subscribe((notice) => {
    // A terminal belongs to the box that it was opened in; its viewers are told rather than left waiting.
    if (notice.type === 'spawned') void ptys.endMoved(notice.groupId, notice.epoch).catch(onTrouble);
  });
  return { changes, ops, ptys };
}

const boxOpener =
  (boxes: ActiveBoxes): OpenBox =>
  async (session, { kind, id }, call) => {
    const holder = { kind, id, subject: session.sessionId };
    // A command or a shell changes files without telling us, and stays where it was begun.
    const options = { ...call, mutates: kind !== 'viewer', onSwap: 'stay' } as const;
    const active =
      session.workspaceId === null
        ? await boxes.openGroup(session.groupId, holder, options)
        : await boxes.open(session.workspaceId, session.sessionId, holder, options);
    return Object.assign(active, { groupId: active.group.id });
  };
