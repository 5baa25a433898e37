/** What the generated groups stand on: one way for each kind of answer. */
import { BoxyardError } from './boxyard-error.ts';
import type { Route } from './route.ts';
import { EventStream } from './server-sent-events.ts';
import type { ApiRequest, Transport } from './transport.ts';

export abstract class RouteGroup<Scope extends object> {
  readonly #transport: Transport;
  readonly #scope: Scope;

  constructor(transport: Transport, scope: Scope) {
    this.#transport = transport;
    this.#scope = scope;
  }

  /** An answer of JSON. */
  protected json<Answer>(route: Route, request: ApiRequest): Promise<Answer> {
    return this.#transport.call(route, this.#scoped(request), async (response) => {
      const text = await response.text();
      try {
        return JSON.parse(text) as Answer;
      } catch (cause) {
        throw new BoxyardError(
          'internal',
          `The answer to ${route.method} ${route.path} is no JSON. Is this a Boxyard server?`,
          { status: response.status, cause },
        );
      }
    });
  }

  /** An answer without content. */
  protected async done(route: Route, request: ApiRequest): Promise<void> {
    try {
      await this.#transport.call(route, this.#scoped(request), async (response) => {
        await response.body?.cancel();
      });
    } catch (error) {
      // The try before has done it, and only its answer was lost.
      const isGone =
        route.method === 'DELETE' && BoxyardError.hasCode(error, 'not-found') && error.attempts > 1;
      if (!isGone) throw error;
    }
  }

  /** The answer as it comes. Who gets it reads or cancels its body. */
  protected raw(route: Route, request: ApiRequest): Promise<Response> {
    return this.#transport.call(
      route,
      this.#scoped({ accept: '*/*', ...request }),
      async (response) => response,
      true,
    );
  }

  /** A stream of events over one connection. */
  protected events<Data>(route: Route, request: ApiRequest): Promise<EventStream<Data>> {
    return this.#transport.call(
      route,
      this.#scoped({ accept: 'text/event-stream', ...request }),
      async (response) => new EventStream<Data>(response, route, request.options?.signal),
      true,
    );
  }

  #scoped(request: ApiRequest): ApiRequest {
    return { ...request, path: { ...(this.#scope as Record<string, string>), ...request.path } };
  }
}
