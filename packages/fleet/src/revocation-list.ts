import type { EnrollmentRecord } from '@boxyard/sandbox-core';
import type { Revocations } from './nats-operator.ts';

/** Beyond the life of what was signed: clocks of two hosts differ. */
const MARGIN_MS = 60_000;

export interface RevocationListOptions {
  /** How long what was signed for a machine opens the bus; after that its revocation need not be told. */
  readonly jwtTtlMs: number;
  /** Tells the server. */
  readonly tell: (revocations: Revocations) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  readonly now?: () => Date;
}

/** Which keys are to be cut now. Told one after the other, so that the last that is told knows of all. */
export class RevocationList {
  readonly #options: RevocationListOptions;
  readonly #revokedAtMs = new Map<string, number>();
  #telling: Promise<void> = Promise.resolve();

  constructor(options: RevocationListOptions) {
    this.#options = options;
  }

  /** As the server is to be told. */
  get current(): Revocations {
    const nowMs = this.#nowMs();
    for (const [key, atMs] of this.#revokedAtMs) {
      if (atMs + this.#options.jwtTtlMs + MARGIN_MS < nowMs) this.#revokedAtMs.delete(key);
    }
    return Object.fromEntries([...this.#revokedAtMs].map(([key, atMs]) => [key, Math.floor(atMs / 1000)]));
  }

  /** From when on revocations still matter. */
  get since(): Date {
    return new Date(this.#nowMs() - this.#options.jwtTtlMs - MARGIN_MS);
  }

  /** Notes it, and tells nobody. */
  note({ machine, revokedAt }: EnrollmentRecord): void {
    if (revokedAt === null) return;
    const known = this.#revokedAtMs.get(machine.publicKey) ?? 0;
    this.#revokedAtMs.set(machine.publicKey, Math.max(known, revokedAt.getTime()));
  }

  /** Notes it and tells the server. Never throws: what could not be told ends with the life of its JWT. */
  async revoke(enrollment: EnrollmentRecord): Promise<void> {
    this.note(enrollment);
    this.#telling = this.#telling.then(() => this.#options.tell(this.current)).catch(this.#options.onTrouble);
    await this.#telling;
  }

  #nowMs(): number {
    return (this.#options.now?.() ?? new Date()).getTime();
  }
}
