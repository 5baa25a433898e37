// What a machine asks its server over HTTP: to be let in, and to be known again.
import {
  type ExchangeEnrollmentTokenRequest,
  MachineCredentials,
  PolledEnrollment,
  RefreshedEnrollment,
  type StartEnrollmentRequest,
  StartedEnrollment,
} from '@boxyard/contracts';
import type { z } from 'zod';
import { EXIT_NOT_ENROLLED, PlainError } from './plain-error.ts';

/** No answer, or one that says to come back: nothing is decided. */
export class ServerAway extends Error {
  override readonly name = 'ServerAway';
  /** When the server wishes to be asked again; null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null, cause?: unknown) {
    super(message, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

const TIMEOUT_MS = 30_000;

export class ServerClient {
  readonly #server: string;

  /** @throws PlainError for what is no address. */
  constructor(server: string) {
    if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
      throw new PlainError(
        `${server} is no address of a server. Write one that begins with https:// or http://.`,
      );
    }
    this.#server = server.replace(/\/+$/, '');
  }

  start(machine: StartEnrollmentRequest): Promise<StartedEnrollment> {
    return this.#post('device/start', machine, StartedEnrollment);
  }

  poll(deviceCode: string): Promise<PolledEnrollment> {
    return this.#post('device/poll', { deviceCode }, PolledEnrollment);
  }

  exchange(machine: ExchangeEnrollmentTokenRequest): Promise<MachineCredentials> {
    return this.#post('token/exchange', machine, MachineCredentials);
  }

  /** @param sign Of a text, with the machine's key. */
  async refresh(bearer: string, sign: (text: string) => string): Promise<MachineCredentials> {
    const asked = await this.#post('refresh', { bearer }, RefreshedEnrollment);
    if (asked.state === 'authorized') return asked.credentials;
    const proof = { challenge: asked.challenge, signature: sign(asked.challenge) };
    const proven = await this.#post('refresh', { bearer, proof }, RefreshedEnrollment);
    if (proven.state === 'authorized') return proven.credentials;
    throw new ServerAway('The server asked for another proof.', null);
  }

  /** @throws ServerAway, or PlainError for a refusal that stays. */
  async #post<Schema extends z.ZodType>(
    path: string,
    body: unknown,
    answer: Schema,
  ): Promise<z.infer<Schema>> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#server}/v1/enrollments/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (cause) {
      throw new ServerAway(
        `${this.#server} cannot be reached. Check the address and the network.`,
        null,
        cause,
      );
    }
    const json = parseJson(text);
    if (!response.ok) throw this.#refusal(response, json);
    const parsed = answer.safeParse(json);
    if (parsed.success) return parsed.data;
    throw new PlainError(`${this.#server} answers something else than a Boxyard server. Check the address.`);
  }

  #refusal(response: Response, json: unknown): Error {
    const { status } = response;
    const detail = field(json, 'detail') ?? field(json, 'title') ?? `it answered ${status}`;
    if (status === 429 || status >= 500) {
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
      return new ServerAway(
        `The server asks to come back later: ${detail}`,
        seconds >= 0 ? seconds * 1000 : null,
      );
    }
    if (field(json, 'retryable') === 'true') return new ServerAway(String(detail), null);
    const exitCode = status === 401 || status === 403 ? EXIT_NOT_ENROLLED : 1;
    return new PlainError(`The server refused: ${detail}`, { exitCode });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function field(json: unknown, name: string): string | null {
  if (typeof json !== 'object' || json === null || !(name in json)) return null;
  return String((json as Record<string, unknown>)[name]);
}
