import { BoxyardSession } from './boxyard-session.ts';
import type { CallOptions } from './call-options.ts';
import type { SessionsRoutes } from './generated/route-groups.ts';
import type { CreateSessionRequest, Metadata, Session } from './generated/schemas.ts';
import type { Transport } from './transport.ts';

export interface CreateOptions extends CallOptions {
  /** The caller's own key, remembered for 24 h: the same key answers the same session. Made when absent. */
  readonly idempotencyKey?: string;
}

export interface ListOptions extends CallOptions {
  /** Only sessions that carry all of this. */
  readonly metadata?: Metadata;
  /** How many one request asks for; the list goes on with the next. */
  readonly pageSize?: number;
}

/** The sessions of a workspace. */
export class Sessions {
  readonly #transport: Transport;
  readonly #workspace: string;
  readonly #routes: SessionsRoutes;

  constructor(transport: Transport, workspace: string, routes: SessionsRoutes) {
    this.#transport = transport;
    this.#workspace = workspace;
    this.#routes = routes;
  }

  /** Made at most once, also when an answer is lost on the way. */
  async create(request: CreateSessionRequest = {}, options: CreateOptions = {}): Promise<BoxyardSession> {
    const { idempotencyKey, ...call } = options;
    const headers = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    const { id } = await this.#routes.create(request, { ...call, headers });
    return this.#handle(id, true);
  }

  /** The session of this id. Asks nothing yet, and never deletes it by itself. */
  open(id: string): BoxyardSession {
    return this.#handle(id, false);
  }

  /** Newest first, page by page as they are read. */
  async *list(options: ListOptions = {}): AsyncGenerator<Session, void, undefined> {
    const { metadata, pageSize, ...call } = options;
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await this.#routes.list(
        {
          ...(cursor === undefined ? {} : { cursor }),
          ...(metadata === undefined ? {} : { metadata }),
          ...(pageSize === undefined ? {} : { limit: pageSize }),
        },
        call,
      );
      yield* page.items;
      cursor = page.nextCursor;
    }
  }

  delete(id: string, options: CallOptions = {}): Promise<void> {
    return this.#routes.delete(id, options);
  }

  #handle(id: string, isOwned: boolean): BoxyardSession {
    return new BoxyardSession({
      transport: this.#transport,
      workspace: this.#workspace,
      id,
      sessions: this.#routes,
      isOwned,
    });
  }
}
