// The text of the one shell that a box's channel holds: it reads frames, never shell text, and answers in order.
import { KEEPER_SCRIPT } from './keeper-script.ts';
import { KILL_SCRIPT } from './kill-script.ts';
import { SPOOL_SCRIPT } from './spool-script.ts';

/**
 * Runs as `/bin/sh -c RUNNER_SCRIPT boxyard SPOOL ROOT MARK EPOCH` under dash, busybox ash and bash.
 *
 * Request: `F seq verb reap k1 k2 …`, then each argument as `k` lines, so that any text but NUL arrives without
 * quoting, decoding or a fork. Answer on stdout: `R seq status text`, or `B seq length` and that many bytes.
 * Notices (`E`, `C`, `K`) come on stderr, each shorter than PIPE_BUF, so that they never mix with answers.
 *
 * Names begin with `by_`, so that nothing which a request exports can be taken for a variable of this script.
 */
export const RUNNER_SCRIPT = `
exec 3>&2 2>/dev/null
unset CDPATH ENV
IFS=' 	
'
by_nl='
'
by_s=$1 by_root=$2 by_mark=$3 by_epoch=$4 by_reaped= by_guard=
by_has() { command -v "$1" >/dev/null; }
by_number() { case $1 in ''|*[!0-9]*|???????????????????*) return 1;; esac; }
by_answer() { printf 'R %s %s %s\\n' "$by_seq" "$1" "$2"; }
# The fields of a /proc stat line behind the name, which may hold anything: state is 1, start time is 20.
by_stat() { read -r by_st <"/proc/$1/stat" && by_st=\${by_st##*) }; }
${KEEPER_SCRIPT}
${KILL_SCRIPT}
${SPOOL_SCRIPT}

# A handle of an older epoch may look and may end what runs, but starts and feeds nothing any more.
by_fenced() {
  by_e=0; read -r by_e <"$by_s/epoch"; by_number "$by_e" || by_e=0
  [ "$by_e" -le "$by_epoch" ] || return 0
  [ "$by_e" -eq "$by_epoch" ] || printf '%s\\n' "$by_epoch" >"$by_s/epoch"
  return 1
}

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
# Commands that a shell starts in the background ignore SIGINT for ever; only env can give it back to them.
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
[ -n "$by_env" ] && by_l=1 || by_l=0
by_answer 0 "1 $$ \${by_start:-0} $by_k $by_l$by_missing"

# A half line at the end of input is never executed: that is why every read is checked.
while read -r by_tag by_seq by_verb by_reap by_counts; do
  [ "$by_tag" = F ] || exit 65
  # Keepers that have ended are waited for here, or they would stay as zombies.
  [ "$by_reap" = - ] || { IFS=,; for by_k in $by_reap; do IFS=' '; wait "$by_k"; done; IFS=' 	
'; }
  set --
  for by_k in $by_counts; do
    by_number "$by_k" || exit 65
    IFS= read -r by_v || exit 65
    while [ "$by_k" -gt 1 ]; do
      IFS= read -r by_l || exit 65
      by_v=$by_v$by_nl$by_l by_k=$((by_k-1))
    done
    set -- "$@" "$by_v"
  done
  case $by_verb in
    run) by_lane=; by_run "$@";;
    do) by_lane=1; by_run "$@";;
    claim) by_claim "$@" && by_answer 0;;
    interrupt) by_interrupt "$@";;
    kill) by_kill "$@" & by_answer 0 "$!";;
    stop) by_stop & by_answer 0 "$!";;
    record) by_record "$@";;
    list) by_list;;
    sizes) by_sizes "$@";;
    read) by_read "$@";;
    put) by_put "$@";;
    feed) by_feed "$@";;
    forget) by_forget "$@";;
    *) exit 65;;
  esac
done
`;
