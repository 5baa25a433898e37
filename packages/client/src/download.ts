import { BoxyardError } from './boxyard-error.ts';
import type { Bytes } from './request-content.ts';

/** A file's content on its way. Read it once: by `stream`, `bytes()` or `text()`. */
export class Download {
  readonly #response: Response;

  constructor(response: Response) {
    this.#response = response;
  }

  /** @throws BoxyardError `internal` when the answer has no body. */
  get stream(): ReadableStream<Bytes> {
    const { body } = this.#response;
    if (body === null) throw new BoxyardError('internal', 'The server sent no content. Try again.');
    return body;
  }

  /** Of what comes; null when a proxy hides it. */
  get sizeBytes(): number | null {
    const header = this.#response.headers.get('content-length');
    return header === null ? null : Number(header);
  }

  /** What `ifMatch` takes. */
  get etag(): string | null {
    return this.#response.headers.get('etag')?.replace(/^"|"$/g, '') ?? null;
  }

  /** @throws BoxyardError `unreachable` when the connection breaks: never a part for the whole. */
  async bytes(): Promise<Bytes> {
    return new Uint8Array(await this.#whole(() => this.#response.arrayBuffer()));
  }

  /** As UTF-8. */
  text(): Promise<string> {
    return this.#whole(() => this.#response.text());
  }

  async #whole<Content>(read: () => Promise<Content>): Promise<Content> {
    try {
      return await read();
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'AbortError') {
        throw new BoxyardError('cancelled', 'The download was cancelled by its signal.', {
          started: 'no',
          cause,
        });
      }
      throw new BoxyardError('unreachable', 'The connection broke during the download. Begin it again.', {
        retryable: true,
        started: 'no',
        cause,
      });
    }
  }
}
