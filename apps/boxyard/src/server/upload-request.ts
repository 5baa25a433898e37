/**
 * The request of an upload as its handler sees it. The way that Node itself makes a web stream of a request leaves
 * every chunk twice to the collector; of gigabytes that makes the process grow by some 80 MiB.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The connection of one request. */
export interface UploadExchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** @param like names the address, the method and the headers; its body is not touched. */
export function uploadRequest(like: Request, { incoming, outgoing }: UploadExchange): Request {
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort(new Error('The client has closed its connection.'));
  });
  const init: RequestInit & { duplex: 'half' } = {
    method: like.method,
    headers: like.headers,
    body: bodyOf(incoming),
    signal: gone.signal,
    duplex: 'half',
  };
  return new Request(like.url, init);
}

/** Into memory that the reader hands over, where he does; then what came from the socket is given back at once. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  // Ending the iteration early would end the connection too, and the answer goes over it.
  const chunks = incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer<ArrayBuffer>>;
  let chunk: Buffer<ArrayBuffer> | null = null;
  let taken = 0;
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      while (chunk === null || taken === chunk.length) {
        const next = await chunks.next();
        if (next.done === true) return end(controller);
        chunk = next.value;
        taken = 0;
      }
      const wanted = controller.byobRequest;
      if (wanted?.view == null) {
        // A stream of bytes takes the memory of what it is given away from everybody else.
        controller.enqueue(new Uint8Array(chunk.subarray(taken)));
        chunk = null;
        return;
      }
      const { buffer, byteOffset, byteLength } = wanted.view;
      const length = Math.min(byteLength, chunk.length - taken);
      new Uint8Array(buffer, byteOffset, length).set(chunk.subarray(taken, taken + length));
      taken += length;
      if (taken === chunk.length) {
        giveBack(chunk);
        chunk = null;
      }
      wanted.respond(length);
    },
  });
}

function end(controller: ReadableByteStreamController): void {
  controller.close();
  controller.byobRequest?.respond(0);
}

/** Memory that is only this chunk's: without waiting for the collector, which lets 64 MiB of it pile up first. */
function giveBack({ buffer, byteLength }: Buffer<ArrayBuffer>): void {
  if (buffer.byteLength === byteLength) buffer.transfer(0);
}
