/**
 * The small shell between a server and its PostgreSQL. It holds one end of a pipe whose other end is the
 * server's: when the server dies, however it dies, the pipe ends and PostgreSQL is shut down.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { PostgresUser } from './postgres-user.ts';

/**
 * $1 is a folder to remove at the end, or empty; the rest is PostgreSQL's command line.
 * INT is its fast shutdown. What has not ended 3 s later is told to stop at once and recovers at its next start;
 * what ignores even that for a second is killed. Together this stays under the 5 s that are promised.
 */
const SCRIPT = `
exec 9<&0 </dev/null
ephemeral=$1
shift
"$@" 9<&- &
postgres=$!
(
  trap - INT QUIT
  read -r line <&9
  kill -INT $postgres 2>/dev/null
  tenths=0
  while [ $tenths -lt 30 ] && kill -0 $postgres 2>/dev/null; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -QUIT $postgres 2>/dev/null
  tenths=0
  while [ $tenths -lt 10 ] && kill -0 $postgres 2>/dev/null; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -KILL $postgres 2>/dev/null
) &
watcher=$!
wait $postgres
status=$?
kill -KILL $watcher 2>/dev/null
[ -z "$ephemeral" ] || rm -rf "$ephemeral"
exit $status
`;

export interface GuardedCommand {
  readonly command: readonly [string, ...string[]];
  readonly user: PostgresUser | null;
  readonly env: Readonly<Record<string, string>>;
  /** Where its output goes. */
  readonly logFd: number;
  /** Descriptors that it inherits, as 3, 4, … */
  readonly inherited: readonly number[];
  readonly removeAtEnd: string | null;
}

/** Starts it in a session of its own, so that a Ctrl-C in the server's terminal is the server's alone. */
export function spawnGuarded(request: GuardedCommand): ChildProcess {
  const stdio: StdioOptions = ['pipe', request.logFd, request.logFd, ...request.inherited];
  return spawn('/bin/sh', ['-c', SCRIPT, 'boxyard-postgres', request.removeAtEnd ?? '', ...request.command], {
    stdio,
    // Its user may not be able to enter ours.
    cwd: '/',
    detached: true,
    env: { ...request.env },
    ...(request.user === null ? {} : { uid: request.user.uid, gid: request.user.gid }),
  });
}
