/** The machine's side of the wire: what arrives for one agent process, and what it sends. */
export interface AgentTransport {
  /** The longest message in bytes that the bus takes now. */
  maxPayload(): number;
  /**
   * Requests from now on. `reply` may be called once, at any time; after that it does nothing.
   *
   * @returns Ends it.
   */
  onRequest(handle: (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void): () => void;
  /** Acks of streams from now on. */
  onAck(handle: (streamId: string, payload: Uint8Array) => void): () => void;
  /** Tells whenever the way for output stands again after it was lost: frames may have been lost with it. */
  onRestored(tell: () => void): () => void;
  /**
   * On a connection of its own, so that output never delays a ping. Nothing tells whether it arrived; once it is
   * acknowledged, a payload that was sent once may be written over.
   */
  sendFrame(streamId: string, payload: Uint8Array): void;
  publish(kind: 'hello' | 'events', payload: Uint8Array): void;
}
