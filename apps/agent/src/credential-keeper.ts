// The credentials that count now. Each renewal is proven with the machine's key and brings the bearer of the next one,
// which is on the disk before anything else is done with it.
import { setTimeout as sleep } from 'node:timers/promises';
import { reconnectDelayMs } from '@boxyard/agent-proto/relay';
import type { MachineCredentials } from '@boxyard/contracts';
import type { KeyPair } from '@nats-io/nkeys';
import { type KeptEnrollment, writeEnrollment } from './enrollment-file.ts';
import { signText } from './machine-key.ts';
import { ServerAway, ServerClient } from './server-client.ts';

export interface CredentialKeeperOptions {
  readonly enrollment: KeptEnrollment;
  readonly enrollmentFile: string;
  readonly key: KeyPair;
  readonly log: (text: string) => void;
}

/** A token with less to live is renewed before it is shown. */
const MIN_LIFE_MS = 30_000;

export class CredentialKeeper {
  readonly #options: CredentialKeeperOptions;
  readonly #client: ServerClient;
  #enrollment: KeptEnrollment;
  #present: MachineCredentials | null = null;
  #renewing: Promise<MachineCredentials> | null = null;

  constructor(options: CredentialKeeperOptions) {
    this.#options = options;
    this.#client = new ServerClient(options.enrollment.server);
    this.#enrollment = options.enrollment;
  }

  /**
   * New credentials; waits for a server that is away.
   *
   * @throws PlainError when the machine was revoked.
   */
  async renew(signal: AbortSignal): Promise<MachineCredentials> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#renewOnce();
      } catch (error) {
        if (!(error instanceof ServerAway)) throw error;
        this.#options.log(error.message);
        await sleep(error.retryAfterMs ?? reconnectDelayMs(attempt), undefined, { signal });
      }
    }
  }

  /** For the relay, with some life left. @throws when there is none to be had now. */
  async relayToken(): Promise<string> {
    const { relayToken, relayTokenExpiresAt } = this.#present ?? (await this.#renewOnce());
    if (relayToken !== null && relayTokenExpiresAt !== null) {
      if (Date.parse(relayTokenExpiresAt) - Date.now() > MIN_LIFE_MS) return relayToken;
    }
    const renewed = await this.#renewOnce();
    if (renewed.relayToken === null) throw new ServerAway('The server has no relay.', null);
    return renewed.relayToken;
  }

  /** One at a time: each renewal makes the bearer before void. */
  #renewOnce(): Promise<MachineCredentials> {
    this.#renewing ??= this.#ask().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #ask(): Promise<MachineCredentials> {
    const { enrollmentFile, key } = this.#options;
    const credentials = await this.#client.refresh(this.#enrollment.bearer, (text) => signText(key, text));
    this.#enrollment = { ...this.#enrollment, bearer: credentials.bearer };
    await writeEnrollment(enrollmentFile, this.#enrollment);
    this.#present = credentials;
    return credentials;
  }
}
