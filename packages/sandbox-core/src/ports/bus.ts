/**
 * Wake-ups between the parts and processes of one installation. A topic says where to look and carries nothing: what
 * happened is in the record, so a wake-up that is lost costs time and never a fact.
 */
export interface Bus {
  /** Soon wakes whoever subscribes to the topic, in whichever process. Never throws, and waits for nobody. */
  publish(topic: string): void;
  /** Calls back for each wake-up of the topic, and whenever one may have been missed. Answers how to stop. */
  subscribe(topic: string, callback: () => void): () => void;
  /** Resolves once what is published from now on is noticed here, or when the signal aborts. */
  listening(signal: AbortSignal): Promise<void>;
  /** Nobody is called back any more. May be called again. */
  close(): Promise<void>;
}
