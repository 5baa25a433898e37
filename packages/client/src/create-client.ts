import { BoxyardClient } from './boxyard-client.ts';
import { BoxyardError } from './boxyard-error.ts';
import { DEFAULT_MAX_ATTEMPTS } from './retry-policy.ts';
import { Transport } from './transport.ts';

/** What a call waits when nothing else is said: long enough for a box that has to be made first. */
export const DEFAULT_DEADLINE_MS = 120_000;

export interface ClientOptions {
  /** Where the server is; `BOXYARD_URL` when absent. A path in it is kept. */
  readonly url?: string | undefined;
  /** The key; `BOXYARD_TOKEN` when absent. */
  readonly token?: string | undefined;
  /** Id or slug; `default` when absent. */
  readonly workspace?: string | undefined;
  /** For calls that name none: milliseconds with all repetitions. 120 000 when absent; uploads have none. */
  readonly deadlineMs?: number | undefined;
  /** How often a request is sent before its error is told, where repeating is safe. 4 when absent, 1 = never again. */
  readonly maxAttempts?: number | undefined;
  /** Another `fetch`, for a proxy or a test. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * A client of one server. Asks nothing yet.
 * @throws BoxyardError `configuration` when nobody says where the server is.
 */
export function createClient(options: ClientOptions = {}): BoxyardClient {
  const url = options.url ?? environment('BOXYARD_URL');
  if (url === undefined || !URL.canParse(url)) {
    const what = url === undefined ? 'No server is named.' : `"${url}" is no address of a server.`;
    throw new BoxyardError('configuration', `${what} Give createClient a url, or set BOXYARD_URL.`, {
      started: 'no',
    });
  }
  const transport = new Transport({
    url: new URL(url),
    token: options.token ?? environment('BOXYARD_TOKEN'),
    // Called as a method of something else, the fetch of a browser refuses to work.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    maxAttempts: options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
  });
  return new BoxyardClient(transport, options.workspace ?? 'default');
}

/** A browser has no environment. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const value = process?.env?.[name];
  return value === '' ? undefined : value;
}
