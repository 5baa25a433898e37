import { KILL_SCRIPT } from './kill-script.ts';
import { START_SCRIPT } from './start-script.ts';

/**
 * The guard of a lane, `/bin/sh -c … boxyard SPOOL MARK`, enforces the run limits of its commands whatever
 * becomes of us. It waits on stdin for `id token uptime` and costs nothing until then; it ends with its lane. 7 is
 * the other end of the FIFO at which a pump of the lane waits for a command to feed: it ends with the guard.
 */
export const LIMIT_SCRIPT = `
exec 2>/dev/null
by_s=$1 by_mark=$2 by_setsid=1
${START_SCRIPT}
${KILL_SCRIPT}
while read -r by_id by_token by_limit; do
  by_b=$by_s/$by_id
  while [ -e "$by_b.l" ] && [ ! -e "$by_b.x" ]; do
    # A lane has one command at a time: what came after this one is not late by more than a second.
    sleep 1 7>&- || exit
    [ ! -e "$by_b.t" ] || continue
    read -r by_up by_l </proc/uptime || exit
    [ "\${by_up%.*}" -ge "$by_limit" ] || continue
    # An id that was forgotten may have been used again since.
    by_l=; read -r by_l by_l by_l by_l <"$by_b.l"
    [ "$by_l" = "$by_token" ] || break
    ( by_kill "$by_id" 20 - 0 t 3>&1 7>&- )
  done
done
`;
