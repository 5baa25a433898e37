// A command that prints so much that it is cut in the middle, and what has to arrive of it.
import { createHash } from 'node:crypto';
import type { Program } from '@boxyard/sandbox-core';

const LINE_BYTES = 64;
const LINES_A_MEGABYTE = 16_384;

export interface PrintingCommand {
  readonly program: Program;
  readonly bytes: number;
  readonly digest: string;
}

/** Numbered lines, after one more line in `trace` for each time that it runs. */
export function printingCommand(megabytes: number, trace: string): PrintingCommand {
  const lines = megabytes * LINES_A_MEGABYTE;
  const hash = createHash('sha256');
  for (let line = 0; line < lines; line++) hash.update(`${String(line).padStart(LINE_BYTES - 1, '0')}\n`);
  const print = `BEGIN { for (i = 0; i < ${lines}; i++) printf "%0${LINE_BYTES - 1}d\\n", i }`;
  return {
    program: { script: `echo run >> ${trace}; awk '${print}'` },
    bytes: lines * LINE_BYTES,
    digest: hash.digest('hex'),
  };
}
