// One command of the engine as a stream: its reader decides how fast the box may print.
import type { Duplex } from 'node:stream';
import { BackpressureQueue, type Bytes } from '@boxyard/sandbox-core';
import type { Engine, StartedExec } from './engine.ts';
import { ExecDemux } from './exec-demux.ts';
import type { BoxStream } from './shell-files/exec-stream.ts';

// Lines are ours; a program that prints more into them is cut off.
const LONGEST_LINES_BYTES = 64 * 1024;

const nothing = () => undefined;

export function execBoxStream(engine: Engine, { id, stream }: StartedExec): BoxStream {
  const stdout = new BackpressureQueue<Bytes>({
    sizeOf: (bytes) => bytes.length,
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  });
  // Few and short: nothing is made to wait for whoever reads them.
  const lines = new BackpressureQueue<string>({ sizeOf: () => 0, pause: nothing, resume: nothing });
  let held = '';
  const demux = new ExecDemux(
    (bytes) => stdout.push(new Uint8Array(bytes)),
    (bytes) => {
      held = (held + Buffer.from(bytes).toString('utf8')).slice(-LONGEST_LINES_BYTES);
      for (let cut = held.indexOf('\n'); cut !== -1; cut = held.indexOf('\n')) {
        lines.push(held.slice(0, cut));
        held = held.slice(cut + 1);
      }
    },
  );
  // A command that has ended takes nothing any more, and the engine leaves what was written to it lying.
  const refusals = new Set<() => void>();
  const ended = () => {
    stdout.end();
    lines.end();
    for (const refuse of refusals) refuse();
  };
  stream.on('data', (bytes: Buffer) => demux.push(bytes));
  stream.once('end', ended);
  stream.once('close', ended);
  // What it means is told by the exit code, and by what is missing.
  stream.on('error', ended);
  return {
    stdout,
    lines,
    write: (bytes) => written(stream, bytes, refusals),
    end: () => void stream.end(),
    exited: () => engine.execExitCode(id),
    destroy: () => void stream.destroy(),
  };
}

function written(stream: Duplex, bytes: Bytes, refusals: Set<() => void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Error('the command has ended'));
    if (stream.destroyed || !stream.writable || stream.readableEnded) {
      refuse();
      return;
    }
    // Waiting for each part to leave would cost a turn of the engine for each.
    if (stream.write(bytes)) {
      resolve();
      return;
    }
    refusals.add(refuse);
    stream.once('drain', () => {
      refusals.delete(refuse);
      resolve();
    });
  });
}
