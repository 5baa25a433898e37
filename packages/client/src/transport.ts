/** Sends one request of the API: where to, with what key, how long, and again only where that is safe. */
import { BoxyardError } from './boxyard-error.ts';
import type { CallOptions } from './call-options.ts';
import { Deadline } from './deadline.ts';
import { afterDoubt, connectionError, endedError } from './failed-call.ts';
import { errorOfAnswer } from './problem-answer.ts';
import { randomUuid } from './random-uuid.ts';
import type { RequestContent } from './request-content.ts';
import { mayRepeat, retryDelayMs } from './retry-policy.ts';
import type { Route } from './route.ts';
import { wait } from './wait.ts';

export interface TransportOptions {
  readonly url: URL;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
  readonly maxAttempts: number;
  /** For calls that name none. */
  readonly deadlineMs: number;
}

export type QueryValue = string | number | boolean | Readonly<Record<string, string>> | undefined;

export interface ApiRequest {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** Sent as it is. */
  readonly content?: RequestContent;
  readonly contentType?: string;
  readonly accept?: string;
  readonly options?: CallOptions & { readonly headers?: Readonly<Record<string, string | undefined>> };
}

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * `read` makes the result from the answer; what fails in it counts as the request's failure. With `open` the
   * deadline ends with the answer's first byte: the rest is the caller's to read.
   * @throws BoxyardError
   */
  async call<Result>(
    route: Route,
    request: ApiRequest,
    read: (response: Response) => Promise<Result>,
    open = false,
  ): Promise<Result> {
    const { options = {} } = request;
    const deadline = new Deadline(options.deadlineMs ?? this.#defaultDeadline(request), options.signal);
    const prepared = this.#prepare(route, request);
    /** An attempt that may have begun what was asked for. */
    let doubt: BoxyardError | null = null;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          if (deadline.signal.aborted) throw endedError(route, deadline, attempt - 1);
          const response = await this.#options.fetch(prepared.url, {
            ...prepared.init,
            signal: deadline.signal,
          });
          if (!route.answers.includes(response.status)) throw await errorOfAnswer(response, attempt);
          if (open) deadline.lift();
          return await read(response);
        } catch (error) {
          const failure = failureOf(error, route, deadline, attempt);
          if (attempt >= this.#options.maxAttempts || prepared.once || !mayRepeat(route, failure))
            throw afterDoubt(failure, doubt);
          if (failure.started !== 'no') doubt = failure;
          const delayMs = retryDelayMs(attempt, failure.retryAfterMs);
          // There is no time for another try: what is known now is worth more than a timeout.
          if (delayMs >= deadline.remainingMs) throw afterDoubt(failure, doubt);
          await wait(delayMs, deadline.signal);
        }
      }
    } finally {
      deadline.lift();
    }
  }

  /** An upload takes as long as it takes. */
  #defaultDeadline(request: ApiRequest): number {
    return request.content === undefined ? this.#options.deadlineMs : Number.POSITIVE_INFINITY;
  }

  #prepare(route: Route, request: ApiRequest) {
    const headers = new Headers({ accept: request.accept ?? 'application/json, */*;q=0.5' });
    if (this.#options.token !== undefined) headers.set('authorization', `Bearer ${this.#options.token}`);
    for (const [name, value] of Object.entries(request.options?.headers ?? {})) {
      if (value !== undefined) headers.set(name, value);
    }
    // With a key of its own a creation can be repeated: the server answers the second like the first.
    if (route.repeatable === 'with-idempotency-key' && !headers.has('idempotency-key')) {
      headers.set('idempotency-key', randomUuid());
    }
    const init: RequestInit & { duplex?: 'half' } = { method: route.method, headers };
    if (request.content !== undefined) {
      headers.set('content-type', request.contentType ?? 'application/octet-stream');
      init.body = request.content;
      if (request.content instanceof ReadableStream) init.duplex = 'half';
    } else if (request.body !== undefined) {
      headers.set('content-type', 'application/json');
      const keyed =
        route.repeatable === 'with-op-id' ? { opId: randomUuid(), ...request.body } : request.body;
      init.body = JSON.stringify(keyed);
    }
    return { url: this.#urlOf(route, request), init, once: request.content instanceof ReadableStream };
  }

  #urlOf(route: Route, request: ApiRequest): URL {
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = String(request.path?.[name] ?? '');
      // An empty segment, or one of dots, would lead to another route.
      if (/^\.{0,2}$/.test(value)) {
        throw new BoxyardError('invalid', `The ${name} of the call is "${value}". Name one.`, {
          started: 'no',
        });
      }
      return encodeURIComponent(value);
    });
    const url = new URL(this.#options.url);
    url.pathname = url.pathname.replace(/\/+$/, '') + path;
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value === undefined) continue;
      if (typeof value !== 'object') url.searchParams.set(name, String(value));
      else for (const [key, each] of Object.entries(value)) url.searchParams.set(`${name}.${key}`, each);
    }
    return url;
  }
}

function failureOf(error: unknown, route: Route, deadline: Deadline, attempts: number): BoxyardError {
  if (BoxyardError.isInstance(error)) return error;
  if (deadline.isCancelled || deadline.hasPassed) return endedError(route, deadline, attempts, error);
  return connectionError(route, attempts, error);
}
