import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { BoxyardError } from './boxyard-error.ts';
import { connectionError } from './failed-call.ts';
import type { Route } from './route.ts';

/** One event of a stream. */
export interface ServerSentMessage<Data> {
  /** What to send as `Last-Event-ID` to go on after it. */
  readonly id: string | undefined;
  readonly data: Data;
}

/** The events of one connection; it ends when the server ends it and throws when it breaks. Read once. */
export class EventStream<Data> implements AsyncIterable<ServerSentMessage<Data>> {
  readonly #response: Response;
  readonly #route: Route;
  readonly #signal: AbortSignal | undefined;

  constructor(response: Response, route: Route, signal: AbortSignal | undefined) {
    this.#response = response;
    this.#route = route;
    this.#signal = signal;
  }

  /** Ends the connection without reading it. */
  async cancel(): Promise<void> {
    await this.#response.body?.cancel();
  }

  /** @throws BoxyardError `unreachable` when the connection breaks, `cancelled` when the call's signal aborts. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ServerSentMessage<Data>, void, undefined> {
    const reader = this.#response.body?.getReader();
    if (reader === undefined) return;
    const ready: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => void ready.push(event) });
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await this.#next(reader);
        if (done) return;
        parser.feed(decoder.decode(value, { stream: true }));
        for (const event of ready.splice(0)) yield { id: event.id, data: JSON.parse(event.data) as Data };
      }
    } finally {
      // Also when the reader leaves in the middle: the server is told, and the connection is free.
      await reader.cancel().catch(() => {});
    }
  }

  async #next(reader: ReadableStreamDefaultReader<Uint8Array>) {
    try {
      return await reader.read();
    } catch (error) {
      if (this.#signal?.aborted) {
        throw new BoxyardError('cancelled', 'The stream was cancelled by its signal.', { cause: error });
      }
      // Whatever began the stream, reading on from an event does nothing twice.
      throw connectionError({ ...this.#route, repeatable: 'always' }, 1, error);
    }
  }
}
