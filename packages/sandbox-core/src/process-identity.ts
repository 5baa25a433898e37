// A pid alone names nobody: numbers are used again. With its start time it names one process of one boot.
import { readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of `/proc/<pid>/stat`. */
  readonly startTicks: number;
}

export interface ProcessStat extends ProcessIdentity {
  readonly parentPid: number;
  /** One letter; `Z` and `X` have ended and only wait to be collected. */
  readonly state: string;
}

/** Null for a line that is no stat line. The name may hold anything, so what counts stands behind the last `)`. */
export function parseProcessStat(line: string): ProcessStat | null {
  const head = /^(\d{1,10}) \(/.exec(line);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const parentPid = wholeNumber(fields[1]);
  const startTicks = wholeNumber(fields[19]);
  if (head === null || parentPid === null || startTicks === null) return null;
  return { pid: Number(head[1]), parentPid, startTicks, state: fields[0] ?? '' };
}

/** Null when there is no such process, or no `/proc`. */
export async function readProcessStat(pid: number): Promise<ProcessStat | null> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  try {
    return parseProcessStat(await readFile(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** Whether exactly this process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const stat = await readProcessStat(identity.pid);
  return stat !== null && stat.startTicks === identity.startTicks && !hasEnded(stat);
}

/** A zombie has ended. */
export function hasEnded(stat: ProcessStat): boolean {
  return stat.state === 'Z' || stat.state === 'X';
}

function wholeNumber(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}
