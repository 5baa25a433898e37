import type { BoxyardSession } from './boxyard-session.ts';
import {
  type KeysRoutes,
  ServerGroups,
  type ServerRoutes,
  WorkspaceGroups,
  type WorkspacesRoutes,
} from './generated/route-groups.ts';
import { Sessions } from './sessions.ts';
import type { Transport } from './transport.ts';

/** A server as one key sees it, in one workspace. */
export class BoxyardClient {
  readonly sessions: Sessions;
  readonly keys: KeysRoutes;
  readonly workspaces: WorkspacesRoutes;
  readonly server: ServerRoutes;
  /** Every route, one method each. Those of a session are `session(id).api`. */
  readonly api: { readonly server: ServerGroups; readonly workspace: WorkspaceGroups };
  readonly #transport: Transport;

  constructor(transport: Transport, workspace: string) {
    this.#transport = transport;
    this.api = {
      server: new ServerGroups(transport, {}),
      workspace: new WorkspaceGroups(transport, { ws: workspace }),
    };
    this.sessions = new Sessions(transport, workspace, this.api.workspace.sessions);
    this.keys = this.api.workspace.keys;
    this.workspaces = this.api.server.workspaces;
    this.server = this.api.server.server;
  }

  /** The session of this id. Asks nothing yet, and never deletes it by itself. */
  session(id: string): BoxyardSession {
    return this.sessions.open(id);
  }

  /** The same server and key in another workspace, named by its id or slug. */
  inWorkspace(idOrSlug: string): BoxyardClient {
    return new BoxyardClient(this.#transport, idOrSlug);
  }
}
