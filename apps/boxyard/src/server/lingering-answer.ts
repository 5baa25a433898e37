/**
 * Lets a client that is still sending hear why it was refused. A connection that is closed while bytes wait in it
 * is reset, and a reset throws away the answer at the client's end too: it would only learn that its connection
 * broke, and could not know whether its upload had happened.
 */
import type { IncomingMessage } from 'node:http';

/** A client that sends nothing for this long waits for something else than the end of its body. */
const IDLE_MS = 5_000;
/** What comes later is not worth a connection. */
const LINGER_MS = 30_000;

/**
 * The answer as it is when the request was read whole. Otherwise one whose every byte is sent at once, but whose
 * end waits until the rest of the body has come and been thrown away, within bounds.
 */
export async function lingeringAnswer(answer: Response, incoming: IncomingMessage): Promise<Response> {
  if (incoming.complete || incoming.destroyed) return answer;
  const content = new Uint8Array(await answer.arrayBuffer());
  const headers = new Headers(answer.headers);
  // With its length known the client takes the answer for complete before the connection is.
  headers.set('content-length', String(content.length));
  const stop = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(content),
    pull: async (controller) => {
      await restOf(incoming, stop.signal);
      controller.close();
    },
    cancel: () => stop.abort(),
  });
  return new Response(body, { status: answer.status, statusText: answer.statusText, headers });
}

/** Settles when the body has ended, its connection is gone, or it is not worth waiting for any more. */
function restOf(incoming: IncomingMessage, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(idle);
      clearTimeout(late);
      incoming.off('data', onData);
      for (const event of ['end', 'close', 'error']) incoming.off(event, done);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const onData = () => void idle.refresh();
    const idle = setTimeout(done, IDLE_MS);
    const late = setTimeout(done, LINGER_MS);
    for (const event of ['end', 'close', 'error']) incoming.once(event, done);
    stop.addEventListener('abort', done, { once: true });
    // Whoever began to read it would stop the flow: he takes no more.
    for (const event of ['data', 'readable']) incoming.removeAllListeners(event);
    incoming.on('data', onData);
    incoming.resume();
    if (incoming.complete || incoming.destroyed || stop.aborted) done();
  });
}
