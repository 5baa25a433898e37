import { decodeBase64, encodeBase64 } from './base64.ts';
import { BoxyardError } from './boxyard-error.ts';
import type { CallOptions } from './call-options.ts';
import { Command } from './command.ts';
import type { CommandsRoutes } from './generated/route-groups.ts';
import type { TerminalExecRequest } from './generated/schemas.ts';
import { randomUuid } from './random-uuid.ts';
import { type Bytes, toBytes } from './request-content.ts';

/** How a command is run. `timeoutMs` is its own limit (30 s); `deadlineMs` is how long the caller waits. */
export interface ExecOptions
  extends CallOptions,
    Pick<TerminalExecRequest, 'opId' | 'cwd' | 'timeoutMs' | 'maxOutputBytes' | 'env' | 'emitStream'> {
  /** All of its standard input. */
  readonly stdin?: string | Uint8Array;
}

/** How a command starts that is followed afterwards; its input stays open for `writeStdin`. */
export type StartOptions = Omit<ExecOptions, 'stdin' | 'maxOutputBytes'>;

/** What a command did. */
export interface ExecResult {
  readonly opId: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Bytes;
  readonly stderrBytes: Bytes;
  /** Its own time ran out and it was ended. */
  readonly timedOut: boolean;
  /** `maxOutputBytes` left something out; `command(opId).output()` has all of it. */
  readonly truncated: boolean;
  readonly wallTimeMs: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** The server's bound for one answer; a longer command is asked for again by its id. */
const MAX_WAIT_MS = 60_000;
/** Beyond the command's own time: for a box that has to be made first. */
const DEADLINE_MARGIN_MS = 120_000;

/** @throws BoxyardError; an exit code that is not 0 is an answer and no error. */
export async function runCommand(
  routes: CommandsRoutes,
  command: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const { signal, deadlineMs, stdin, opId = randomUuid(), ...request } = options;
  const endsAt =
    performance.now() + (deadlineMs ?? (request.timeoutMs ?? DEFAULT_TIMEOUT_MS) + DEADLINE_MARGIN_MS);
  // The same body under the same id attaches to the command: so it may be asked for as often as it takes.
  const body = {
    ...request,
    command,
    opId,
    encoding: 'base64' as const,
    waitMs: MAX_WAIT_MS,
    ...(stdin === undefined ? {} : { stdin: encodeBase64(toBytes(stdin)) }),
  };
  for (;;) {
    const answer = await routes.exec(body, { signal, deadlineMs: Math.max(0, endsAt - performance.now()) });
    if (answer.running) continue;
    if (answer.exitCode === null) {
      throw new BoxyardError(
        'outcome-unknown',
        'The command ended without an exit code. Look at what it left.',
        {
          started: 'yes',
        },
      );
    }
    const stdoutBytes = decodeBase64(answer.stdout);
    const stderrBytes = decodeBase64(answer.stderr);
    return {
      opId: answer.opId,
      exitCode: answer.exitCode,
      stdout: new TextDecoder().decode(stdoutBytes),
      stderr: new TextDecoder().decode(stderrBytes),
      stdoutBytes,
      stderrBytes,
      timedOut: answer.timedOut,
      truncated: answer.truncated,
      wallTimeMs: answer.wallTimeMs,
    };
  }
}

/** Answers as soon as the command has started. */
export async function startCommand(
  routes: CommandsRoutes,
  command: string,
  options: StartOptions,
): Promise<Command> {
  const { signal, deadlineMs, ...request } = options;
  const { opId } = await routes.exec({ ...request, command, background: true }, { signal, deadlineMs });
  return new Command(routes, opId);
}
