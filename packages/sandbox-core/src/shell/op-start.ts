// Starting an op exactly once, also when the channel dies between the question and its answer.
import { randomUUID } from 'node:crypto';
import type { Bytes, SessionFence } from '../call-options.ts';
import { throwIfAborted } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { CheckedCommand } from './command-request.ts';
import { fenceWords } from './epoch-fence.ts';
import type { RunnerLinks } from './runner-links.ts';
import { isStatus, type ShellReply } from './shell-frames.ts';
import type { ShellLane } from './shell-lanes.ts';
import type { ShellLink } from './shell-link.ts';
import type { Spool } from './spool.ts';
import { startFailure } from './start-failure.ts';

export interface OpPlace {
  readonly links: RunnerLinks;
  readonly spool: Spool;
  readonly spoolDir: string;
  readonly epoch: number;
  /** How much output of one command the spool takes, in units of 512 bytes, as ulimit counts. */
  readonly spoolBlocks: number;
}

export interface OpStart {
  readonly id: string;
  readonly command: CheckedCommand;
  /** `none`, `open` for later chunks, or all of it. */
  readonly stdin: 'none' | 'open' | Bytes;
  /** A shell that has this start prepared, and then keeps the command itself. */
  readonly lane?: ShellLane | null;
  /** Of the caller's wait: after it nothing more is sent, or it would overtake the kill of what was given up. */
  readonly signal: AbortSignal;
  readonly fence?: SessionFence | undefined;
}

/**
 * `known`: the id was taken before, nothing ran. Otherwise the link that tells of the op's end, with the pid of
 * its keeper; null when the channel died in between, so that the end has to be looked for.
 */
export type StartedOp =
  | { readonly known: true }
  | { readonly known: false; readonly link: ShellLink | null; readonly keeperPid: number };

/** Our own timer is exact; the guard in the box acts only when we are not there any more. */
const GUARD_SLACK_MS = 1000;
const NOT_KNOWN: StartedOp = { known: false, link: null, keeperPid: 0 };

/** @throws SandboxError `not-found`, `denied`, `invalid`, `fenced`, `quota` with `started: 'no'`; `unreachable`. */
export async function startOp(place: OpPlace, start: OpStart): Promise<StartedOp> {
  const token = randomUUID().replaceAll('-', '');
  const { id, command, stdin } = start;
  const input = typeof stdin === 'string' ? null : stdin;
  const claimed = command.scriptFile !== null || input !== null;
  throwIfAborted(start.signal, 'Starting a command');
  if (claimed) {
    const { reply } = await place.links.requestOn('claim', [id, token]);
    if (isStatus(reply, 1) && !(await isOurs(place, id, token))) return { known: true };
    if (!isStatus(reply, 0) && !isStatus(reply, 1)) throw startFailure(reply, place.epoch);
  }
  try {
    if (command.scriptFile !== null) await place.spool.put(id, 'script', command.scriptFile);
    if (input !== null) await place.spool.put(id, 'stdin', input);
    const { reply, link } = await ask(place, start, runArguments(place, start, token, claimed));
    if (isStatus(reply, 1)) return (await isOurs(place, id, token)) ? NOT_KNOWN : { known: true };
    if (!isStatus(reply, 0)) throw startFailure(reply, place.epoch);
    return { known: false, link, keeperPid: reply.kind === 'status' ? Number(reply.text) : 0 };
  } catch (error) {
    const nothingRan = SandboxError.isInstance(error) && error.started === 'no';
    if (claimed && nothingRan) await place.spool.forget([id]).catch(() => undefined);
    throw error;
  }
}

function runArguments(
  place: OpPlace,
  { id, command, stdin, fence }: OpStart,
  token: string,
  claimed: boolean,
): string[] {
  const limitMs = command.runLimitMs;
  const limitSeconds = limitMs === null ? 0 : Math.ceil((limitMs + GUARD_SLACK_MS) / 1000);
  const input = stdin === 'none' ? 'n' : stdin === 'open' ? 'o' : 'f';
  return [
    ...[
      id,
      token,
      claimed ? '1' : '0',
      command.merged ? 'm' : 's',
      input,
      String(limitSeconds),
      String(place.spoolBlocks),
    ],
    ...[command.cwd, fenceWords(fence), String(command.env.length), ...command.env],
    ...command.argv.map((word) => word ?? `${place.spoolDir}/${id}.s`),
  ];
}

/** In the lane where there is one; when that dies the claim makes it safe to ask the channel again. */
async function ask(
  place: OpPlace,
  { id, stdin, lane, signal }: OpStart,
  args: readonly string[],
): Promise<{ readonly reply: ShellReply; readonly link: ShellLink }> {
  throwIfAborted(signal, 'Starting a command');
  const { slots } = place.spool;
  if (lane !== undefined && lane !== null && slots !== undefined) {
    lane.turn = 'handed';
    const isOurs = await slots.hand(lane.slot, id, stdin === 'open');
    throwIfAborted(signal, 'Starting a command');
    try {
      // Somebody else's files under this id: whose it is, the usual way tells.
      if (!isOurs) lane.link.destroy();
      lane.turn = 'asked';
      const reply = await lane.link.request('do', args);
      lane.turn = 'answered';
      // Its guard of run limits is dead, and so will the lane be.
      if (!isStatus(reply, 12)) return { reply, link: lane.link };
    } catch (error) {
      throwIfAborted(signal, 'Starting a command');
      if (!SandboxError.hasCode(error, 'unreachable')) throw error;
    }
  }
  return place.links.requestOn('run', args);
}

async function isOurs(place: OpPlace, id: string, token: string): Promise<boolean> {
  return (await place.spool.record(id))?.token === token;
}
