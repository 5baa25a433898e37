// The terminal's package destroys its stream 200 ms after the shell has ended, and Node when the last program has
// gone; both throw away what was printed but not read yet. A reader that holds the program up would lose its end.
import type { Socket } from 'node:net';

/** Between the shell and its reader there are some 12 KiB in the kernel and 64 KiB in the stream; the rest is others'. */
const MOST_LEFT_BYTES = 256 * 1024;
/** A program that stays behind keeps the terminal open: without news for so long, all of the shell's was read. */
const QUIET_MS = 50;

/**
 * Lets the stream be destroyed only once everything that its shell printed has been read.
 *
 * @param readOn must let the stream flow from then on, whatever its reader does.
 */
export function drainBeforeDestroy(stream: Socket, readOn: () => void): void {
  const destroy = stream.destroy.bind(stream);
  let shellEnded = false;

  /** Timers come before reads in a turn of the event loop: only after one of each is silence known. */
  const destroyWhenQuiet = (firstByte: number, lastByte: number): void => {
    setTimeout(() => {
      setImmediate(() => {
        const now = stream.bytesRead;
        if (now === lastByte || now - firstByte > MOST_LEFT_BYTES) destroy();
        else destroyWhenQuiet(firstByte, now);
      });
    }, QUIET_MS);
  };

  stream.destroy = (error?: Error) => {
    readOn();
    if (stream.readableLength > 0) setImmediate(() => stream.destroy(error));
    // An error is the end of all that can be read: the last program has gone.
    else if (error !== undefined || stream.readableEnded || stream.destroyed) destroy(error);
    else if (!shellEnded) {
      shellEnded = true;
      destroyWhenQuiet(stream.bytesRead, stream.bytesRead);
    }
    return stream;
  };
}
