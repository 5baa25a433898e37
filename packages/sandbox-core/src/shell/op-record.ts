// What the spool says about one op, and what follows from it. Everything in here may have been forged by the
// commands of the box; it decides nothing but what we say about that box.
import { hasEnded, type ProcessStat, parseProcessStat } from '../process-identity.ts';
import { isCut } from './shell-frames.ts';

export interface OpRecord {
  /** Of the call that claimed the id. */
  readonly token: string;
  /** Absent until the command's own process exists. */
  readonly command: ProcessStat | null;
  readonly exitCode: number | null;
  /** True once nobody holds the output open any more. */
  readonly closed: boolean;
  /** The output was more than the spool may hold. */
  readonly cut: boolean;
  readonly killed: boolean;
  readonly limitReached: boolean;
  /** Whether the command's first process lives. */
  readonly running: boolean;
  /** Whether the keeper lives that will note the command's end. */
  readonly kept: boolean;
}

/** Lines: of the claim (`M`, `P`), marks (`k`, `t`), present stat lines (`A`), and of the exit file (`X`). */
export function parseOpRecord(lines: readonly string[]): OpRecord {
  let token = '';
  let command: ProcessStat | null = null;
  let exitCode: number | null = null;
  let closed = false;
  let cut = false;
  const marks = new Set<string>();
  const present: ProcessStat[] = [];
  for (const line of lines) {
    const text = line.slice(2);
    if (line.startsWith('M ')) token ||= /^\d+ \d+ ([A-Za-z0-9]{1,64})$/.exec(text)?.[1] ?? '';
    else if (line.startsWith('P ')) command ??= parseProcessStat(text);
    else if (line.startsWith('A ')) {
      const stat = parseProcessStat(text);
      if (stat !== null) present.push(stat);
    } else if (line.startsWith('X C ')) {
      closed = true;
      cut = text
        .slice(2)
        .split(' ')
        .some((status) => isCut(Number(status)));
    } else if (line.startsWith('X ') && /^\d{1,3}$/.test(text)) exitCode ??= Number(text);
    else if (line.length === 1) marks.add(line);
  }
  return {
    token,
    command,
    exitCode,
    closed,
    cut,
    killed: marks.has('k'),
    limitReached: marks.has('t'),
    running: command !== null && present.some((stat) => isItself(stat, command)),
    kept: command !== null && present.some((stat) => isItsKeeper(stat, command)),
  };
}

function isItself(stat: ProcessStat, command: ProcessStat): boolean {
  return stat.pid === command.pid && stat.startTicks === command.startTicks && !hasEnded(stat);
}

// The keeper was there before its command; a later process with its number is somebody else.
function isItsKeeper(stat: ProcessStat, command: ProcessStat): boolean {
  return stat.pid === command.parentPid && stat.startTicks <= command.startTicks && !hasEnded(stat);
}
