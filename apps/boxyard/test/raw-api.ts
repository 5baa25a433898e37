/** Plain HTTP for tests of what the API itself does: no retry, no completion, and anything may be sent. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

export interface ApiConnection {
  readonly url: string;
  readonly token: string;
}

/** A refusal of the server in its own words. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;

  constructor(status: number, code: string, detail: string, requestId: string | null) {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

export interface ApiRequest {
  readonly body?: unknown;
  readonly stream?: ReadableStream<Uint8Array>;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export class ApiClient {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  get url(): string {
    return this.#connection.url;
  }

  async json<T>(method: string, path: string, request: ApiRequest = {}): Promise<T> {
    const response = await this.send(method, path, request);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** @throws ApiProblem for every answer that is no success. */
  async send(method: string, path: string, request: ApiRequest = {}): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#connection.token}`,
      ...request.headers,
    };
    const init: RequestInit & { duplex?: 'half' } = { method, headers };
    if (request.signal) init.signal = request.signal;
    if (request.stream) {
      init.body = request.stream;
      init.duplex = 'half';
    } else if (request.body !== undefined) {
      headers['content-type'] ??= 'application/json';
      init.body = JSON.stringify(request.body);
    }
    const response = await fetch(new URL(path, this.#connection.url), init);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /** Server-sent events until the server ends the stream. */
  async *events(path: string, request: ApiRequest = {}): AsyncGenerator<EventSourceMessage> {
    const response = await this.send('GET', path, {
      ...request,
      headers: { accept: 'text/event-stream', ...request.headers },
    });
    const ready: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => void ready.push(event) });
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* ready.splice(0);
    }
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { code?: string; detail?: string; title?: string; requestId?: string };
    return new ApiProblem(
      response.status,
      body.code ?? 'unknown',
      body.detail ?? body.title ?? response.statusText,
      body.requestId ?? null,
    );
  } catch {
    return new ApiProblem(
      response.status,
      'unknown',
      `The server answered ${response.status} and no problem document. Is ${response.url} a Boxyard server?`,
      null,
    );
  }
}
