// The box's shell, held through one stream of the engine: that of an exec, or of the container's first process.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ShellChannel } from '@boxyard/sandbox-core';
import { ExecDemux } from './exec-demux.ts';

/** After the last byte was sent: long enough that the engine has handed it on. */
const LINGER_MS = 300;

export function streamChannel(stream: Duplex): ShellChannel {
  let why = 'the engine closed it';
  const closed = new Promise<string>((resolve) => {
    stream.once('end', () => resolve(why));
    stream.once('close', () => resolve(why));
    stream.once('error', (error: Error) => {
      why = error.message;
      resolve(why);
    });
  });
  let onStdout: (bytes: Uint8Array) => void = () => undefined;
  let onStderr: (bytes: Uint8Array) => void = () => undefined;
  const demux = new ExecDemux(
    (bytes) => onStdout(bytes),
    (bytes) => onStderr(bytes),
  );
  let listens = false;
  const listen = () => {
    if (listens) return;
    listens = true;
    stream.on('data', (bytes: Buffer) => demux.push(bytes));
  };
  // It lives as long as the handle; a process that is done with everything else may end.
  if (stream instanceof Socket) stream.unref();
  return {
    write: (bytes) => {
      if (stream.writable) stream.write(bytes);
    },
    onStdout: (listener) => {
      onStdout = listener;
      // Both listeners are set in the same turn, and bytes come in a later one.
      listen();
    },
    onStderr: (listener) => {
      onStderr = listener;
    },
    closed,
    end: () => {
      stream.end();
      // A command that goes on holds its stderr, and then the engine takes seconds to say that the shell has ended.
      stream.once('finish', () => setTimeout(() => stream.destroy(), LINGER_MS).unref());
    },
    destroy: () => void stream.destroy(),
  };
}
