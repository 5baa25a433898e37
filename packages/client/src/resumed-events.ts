import { BoxyardError } from './boxyard-error.ts';
import { retryDelayMs } from './retry-policy.ts';
import type { EventStream, ServerSentMessage } from './server-sent-events.ts';
import { wait } from './wait.ts';

/** How long a stream that broke is tried again before its last error is told: a server restarts in less. */
export const DEFAULT_RESUME_MS = 60_000;

export interface ResumeOptions<Data> {
  /** Opens the stream after the event of this id, or from its beginning. */
  readonly open: (lastEventId: string | undefined) => Promise<EventStream<Data>>;
  /** The event after which nothing comes; a stream without one is endless. */
  readonly isEnd?: (data: Data) => boolean;
  /** Called before a connection after the first; what it answers is put into the stream. */
  readonly onResumed?: () => ServerSentMessage<Data> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly resumeMs?: number | undefined;
}

/**
 * One stream over as many connections as it takes: after a break it goes on behind the last event that was seen, so
 * nothing is missing and nothing comes twice.
 * @throws BoxyardError when the server refuses, or cannot be reached for longer than `resumeMs`.
 */
export async function* resumedEvents<Data>(
  options: ResumeOptions<Data>,
): AsyncGenerator<ServerSentMessage<Data>, void, undefined> {
  const { signal, resumeMs = DEFAULT_RESUME_MS } = options;
  let lastEventId: string | undefined;
  let failures = 0;
  let connectedAt = performance.now();
  for (let connection = 1; ; connection++) {
    try {
      const stream = await options.open(lastEventId);
      connectedAt = performance.now();
      const gap = connection > 1 ? options.onResumed?.() : undefined;
      if (gap !== undefined) yield gap;
      for await (const message of stream) {
        failures = 0;
        connectedAt = performance.now();
        lastEventId = message.id ?? lastEventId;
        yield message;
        if (options.isEnd?.(message.data)) return;
      }
    } catch (error) {
      if (!BoxyardError.isInstance(error) || !error.retryable) throw error;
      if (performance.now() - connectedAt >= resumeMs) throw error;
    }
    failures++;
    await wait(retryDelayMs(failures, null), signal);
    if (signal?.aborted) throw new BoxyardError('cancelled', 'The stream was cancelled by its signal.');
  }
}
