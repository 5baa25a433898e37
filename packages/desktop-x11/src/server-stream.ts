// Between the socket of an X server and the library that reads it. What the server says is parsed inside of the
// socket's own event, where an error of the parser would end the whole process.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

export class ServerStream extends EventEmitter {
  /** The library waits for a connection otherwise. */
  readonly connecting = false;
  readonly #socket: Socket;

  /** @param socket Connected. Nothing is read from it before somebody listens for `data`. */
  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (bytes) => {
      try {
        this.emit('data', bytes);
      } catch (cause) {
        socket.destroy(new Error('It does not speak as an X server does.', { cause }));
      }
    });
    socket.on('drain', () => this.emit('drain'));
    socket.on('end', () => this.emit('end'));
    socket.on('close', () => this.emit('close'));
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean {
    return this.#socket.write(bytes, done);
  }

  end(): void {
    this.#socket.end();
  }
}
