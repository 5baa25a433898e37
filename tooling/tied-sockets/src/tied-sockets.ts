import type { Socket } from 'node:net';

/** The connections that a proxy in a test carries. What flows through them is the proxy's own affair. */
export class TiedSockets {
  readonly #sockets = new Set<Socket>();

  /** So many connections are open. */
  get pairs(): number {
    return this.#sockets.size / 2;
  }

  /** From now on the two end together; an error of one of them is told to nobody. */
  tie(near: Socket, far: Socket): void {
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }

  /** Ends all of them, without a word. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends all of them as a broken network does: both sides hear of a reset. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
