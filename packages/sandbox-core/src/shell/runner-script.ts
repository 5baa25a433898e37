// The text of the one shell that a box's channel holds: it reads frames, never shell text, and answers in order.
import { KEEPER_SCRIPT } from './keeper-script.ts';
import { KILL_SCRIPT } from './kill-script.ts';
import { LANE_SCRIPT } from './lane-script.ts';
import { SPOOL_SCRIPT } from './spool-script.ts';
import { READ_ARGUMENTS, START_SCRIPT } from './start-script.ts';

/**
 * Runs as `/bin/sh -c RUNNER_SCRIPT boxyard SPOOL ROOT MARK EPOCH OWN_KEEPER_SCRIPT` under dash, busybox ash and bash. What
 * will be a lane is told STARTER_SCRIPT and LIMIT_SCRIPT as well.
 *
 * Request: `F seq verb reap k1 k2 …`, then each argument as `k` lines, so that any text but NUL arrives without
 * quoting, decoding or a fork. Answer on stdout: `R seq status text`, or `B seq length` and that many bytes, or
 * `M seq mark` and twice what there is, each ended by a line that is the mark.
 * Notices (`E`, `C`, `K`, `S`) come on stderr, each shorter than PIPE_BUF, so that they never mix with answers.
 *
 * Names begin with `by_`, so that nothing which a request exports can be taken for a variable of this script.
 */
export const RUNNER_SCRIPT = `
exec 3>&2 2>/dev/null
by_s=$1 by_root=$2 by_mark=$3 by_epoch=$4 by_keeper=$5 by_starter=$6 by_limits=$7 by_guard= by_self= by_q=
by_has() { command -v "$1" >/dev/null; }
${START_SCRIPT}
${KEEPER_SCRIPT}
${LANE_SCRIPT}
${KILL_SCRIPT}
${SPOOL_SCRIPT}

by_seq=0
cd -P "$by_root" || { by_answer 2 root; exit; }
by_root=$PWD
[ -d "$by_s" ] || { mkdir -p "$by_s" && chmod 700 "$by_s"; } || { by_answer 6 spool; exit; }
case $by_root in /) by_root=;; esac

by_setsid= by_env= by_missing= by_pipes=
for by_k in cat rm mkfifo; do by_has "$by_k" || { by_answer 5 "$by_k"; exit; }; done
for by_k in setsid grep sleep dd stat mv ln base64; do by_has "$by_k" || by_missing="$by_missing $by_k"; done
read -r by_k </proc/self/stat || by_missing="$by_missing /proc"
by_has setsid && by_setsid="$(command -v setsid)"
# Commands that a shell starts in the background ignore SIGINT for ever; env can give it back to them, where it knows
# how. Else they get a keeper that is not in the background.
env --default-signal=INT,QUIT true && by_env="$(command -v env) --default-signal=INT,QUIT"
# A here-document is a pipe that needs no name. bash before 5.1 makes it a file.
exec 7<<E
E
[ -p /proc/self/fd/7 ] && by_pipes=1
exec 7<&-
by_fenced && by_k=1 || by_k=0
by_stat self
set -- $by_st
by_start=\${20}
[ -n "$by_env$by_setsid" ] && by_l=1 || by_l=0
by_answer 0 "1 $$ \${by_start:-0} $by_k $by_l$by_missing"

while read -r by_tag by_seq by_verb by_reap by_counts; do
  [ "$by_tag" = F ] || exit 65
  # Keepers that have ended are waited for here, or they would stay as zombies.
  [ "$by_reap" = - ] || { IFS=,; for by_k in $by_reap; do IFS=' '; wait "$by_k"; done; IFS=' 	
'; }
${READ_ARGUMENTS}
  case $by_verb in
    run) by_run "$@";;
    lane) by_lane "$@";;
    claim) by_claim "$@" && by_answer 0;;
    interrupt) by_interrupt "$@";;
    kill) by_kill "$@" & by_answer 0 "$!";;
    stop) by_stop & by_answer 0 "$!";;
    record) by_record "$@";;
    list) by_list;;
    sizes) by_sizes "$@";;
    usage) by_usage;;
    read) by_read "$@";;
    put) by_put "$@";;
    feed) by_feed "$@";;
    forget) by_forget "$@";;
    *) exit 65;;
  esac
done
`;
