import type { NatsConnection } from '@nats-io/transport-node';

/** Whom to tell when a connection to the bus stands again after it was lost. */
export class RestoredLinks {
  readonly #tells = new Set<() => void>();

  onRestored(tell: () => void): () => void {
    this.#tells.add(tell);
    return () => void this.#tells.delete(tell);
  }

  /** Tells each time that this connection comes back, for as long as it lives. */
  async follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) if (type === 'reconnect') this.tell();
  }

  tell(): void {
    for (const tell of this.#tells) tell();
  }
}
