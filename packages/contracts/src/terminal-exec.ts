import { z } from 'zod';
import { ContentEncoding } from './content-encoding.ts';
import { Environment } from './environment.ts';
import { Uuid } from './identifiers.ts';
import { WorkspacePath } from './workspace-path.ts';

const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Body of `POST terminal/exec`. */
export const TerminalExecRequest = z.strictObject({
  /** A script for the box's shell. */
  command: z.string().min(1).max(MIB),
  /** The caller's own id. The same id and body attaches to the command; another body is a conflict. */
  opId: Uuid.optional(),
  cwd: WorkspacePath.default(''),
  /** How long the command may run. */
  timeoutMs: z.int().min(1).max(DAY_MS).default(30_000),
  /** How long this answer may take; past it the answer says `running: true` and the command goes on. */
  waitMs: z.int().min(0).max(60_000).default(60_000),
  /** Per channel; what is beyond is left out of the answer and `truncated` is set. */
  maxOutputBytes: z
    .int()
    .min(1)
    .max(64 * MIB)
    .default(8 * MIB),
  /** Of `stdin` and of the answer's `stdout` and `stderr`. */
  encoding: ContentEncoding.default('utf8'),
  env: Environment.optional(),
  stdin: z.string().optional(),
  /** Answers as soon as the command has started. */
  background: z.boolean().default(false),
  /** Whether its output also goes to the session's events. */
  emitStream: z.boolean().default(true),
});
export type TerminalExecRequest = z.infer<typeof TerminalExecRequest>;

/** Answer of `POST terminal/exec`. */
export const TerminalExecResponse = z.object({
  opId: Uuid,
  stdout: z.string(),
  stderr: z.string(),
  /** Null only while it runs; what is not known is the problem `outcome-unknown`. */
  exitCode: z.int().nullable(),
  running: z.boolean(),
  timedOut: z.boolean(),
  truncated: z.boolean(),
  wallTimeMs: z.number().nonnegative(),
});
export type TerminalExecResponse = z.infer<typeof TerminalExecResponse>;
