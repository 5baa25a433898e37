// A command that eats the memory of the machine is to be ended by the system, and not the agent that has to tell about
// it. Anybody may make their own processes more likely to be chosen, so every command is started with that.
import { existsSync } from 'node:fs';

const SCORE = 500;
const SCRIPT = `echo ${SCORE} >/proc/self/oom_score_adj 2>/dev/null; exec "$@"`;

/** What stands before every program; nothing where the system knows no such score. */
export function memoryGuard(): readonly string[] {
  return existsSync('/proc/self/oom_score_adj') ? ['/bin/sh', '-c', SCRIPT, 'boxyard-guard'] : [];
}
