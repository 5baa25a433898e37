import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ApiEnvironment } from './request-context.ts';

export interface ServerSentEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
}

/**
 * Answers with a stream of events. `source` gets a signal that aborts when the client is gone, and its end is
 * the end of the stream. A failure in it after the first byte closes the connection: the client resumes by id.
 */
export function answerWithEvents(
  c: Context<ApiEnvironment>,
  source: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
): Response {
  // Proxies that buffer would hold events back.
  c.header('X-Accel-Buffering', 'no');
  c.header('Cache-Control', 'no-store');
  return streamSSE(c, async (stream) => {
    const gone = new AbortController();
    const draining = c.get('draining');
    const end = () => gone.abort();
    stream.onAbort(end);
    draining.addEventListener('abort', end, { once: true });
    // Keeps proxies from closing a quiet stream; their usual limit is 60 s.
    const comments = setInterval(() => void stream.write(': still here\n\n'), c.get('sseCommentMs'));
    try {
      // The source is under way before the first byte: a client that saw it misses nothing from then on.
      const events = source(gone.signal)[Symbol.asyncIterator]();
      const first = events.next();
      await stream.write(': open\n\n');
      for (let next = await first; !next.done && !gone.signal.aborted; next = await events.next()) {
        await stream.writeSSE(next.value);
      }
      await events.return?.();
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    } finally {
      clearInterval(comments);
      draining.removeEventListener('abort', end);
      gone.abort();
    }
  });
}
