import { READ_ARGUMENTS, START_SCRIPT } from './start-script.ts';

/**
 * A lane: this shell has nothing to do but to keep one command after the other, and prepares each before anybody
 * asks for it: the pipes, a cat behind each that fills a file `slot@<pid>.<n>.o` or `.e`, and a starter that leads
 * the command's session already. No id of an op holds `@`. 8 leads to the guard of run limits.
 *
 * A lane for commands that are fed prepares the pump of their stdin too. `slot@<pid>.q` wakes the pumps of all its
 * commands, one after the other; the first that a pump hears there is whose stdin it is.
 */
export const LANE_SCRIPT = `
# Waits for a line with its number and the id to feed. What is left of commands before has a lower number, also where
# half of it was read. The guard holds the other end: with it ends a pump that nobody needs any more.
by_lane_pump() {
  by_id=
  until [ "$by_id" = "$by_n" ]; do read -r by_id by_l <&4 || exit 0; done
  by_b=$by_s/$by_l
  exec 4<>"$by_b.q"
  by_pump
}

# lane blocks input: does not come back. Input is o for commands that are fed.
by_lane() {
  if [ -z "$by_pipes" ] || [ -z "$by_setsid" ]; then by_answer 5 lane; return; fi
  # What a lane left behind that was killed.
  for by_f in "$by_s"/slot@*.[oeq]; do
    by_k=\${by_f##*@} by_k=\${by_k%%.*}
    [ ! -e "$by_f" ] || [ -e "/proc/$by_k" ] || rm -f "$by_f"
  done
  by_q=
  if [ "$2" = o ]; then
    by_q=$by_s/slot@$$.q
    mkfifo "$by_q" || { by_answer 6 spool; return; }
  fi
  by_answer 0
  by_n=0 by_blocks=$1 by_out=s by_p=
  # For cat and setsid: loading the data of a locale takes them longer than all they do. The starter takes it back.
  by_locale=
  [ -n "\${LC_ALL+x}" ] || { by_locale=1; export LC_ALL=C; }
  exec 9<<E
E
  exec 8>/proc/self/fd/9
  [ -z "$by_q" ] || exec 7<>"$by_q"
  "$by_setsid" -- /bin/sh -c "$by_limits" boxyard "$by_s" "$by_mark" <&9 >/dev/null 3>&- 8>&- 9<&- &
  exec 7<&- 9<&-
  while :; do
    by_n=$((by_n+1))
    by_slot=slot@$$.$by_n
    by_b=$by_s/$by_slot
    by_open
    if [ -n "$by_q" ]; then
      exec 7<<E
E
      exec 4>/proc/self/fd/7
      { exec </dev/null >&4 3>&- 4<"$by_q" 5>&- 6>&- 7<&- 8>&-; by_lane_pump; } & by_p=$!
    fi
    exec 9<<E
E
    exec 4>/proc/self/fd/9
    # In the foreground, where SIGINT stays as it was.
    "$by_setsid" -- /bin/sh -c "$by_starter" boxyard "$by_s" "$by_root" "$by_mark" "$by_epoch" "$$" "$by_slot" \\
      "$by_locale" 9<&-
    by_code=$?
    exec 4>&- 5>&- 6>&- 7<&-
    by_id=
    read -r by_id <&9
    exec 9<&-
    if [ -n "$by_id" ]; then
      by_b=$by_s/$by_id
      by_ended
      trap - PIPE
    else
      # Refused (3), or nobody will ask any more, or it may not ask any more.
      [ -z "$by_p" ] || kill "$by_p"
      wait "$by_c1" "$by_c2" $by_p
      rm -f "$by_b.o" "$by_b.e"
      [ "$by_code" = 3 ] || { [ -z "$by_q" ] || rm -f "$by_q"; exit; }
    fi
  done
}
`;

/**
 * The starter of a lane, `/bin/sh -c … boxyard SPOOL ROOT MARK EPOCH LANE SLOT LOCALE`: says that it is ready, reads one
 * request from the channel and becomes its command. 3 are the notices, 4 tells the lane which op has begun, 5 and 6
 * are the command's output, 7 is the stdin of one that is fed, 8 is the guard's.
 */
export const STARTER_SCRIPT = `
by_s=$1 by_root=$2 by_mark=$3 by_epoch=$4 by_lane=$5 by_slot=$6 by_start=0
[ -z "$7" ] || unset LC_ALL
${START_SCRIPT}
# The same when the command begins: pid, keeper and start time.
read -r by_self </proc/self/stat || exit 65
by_self="P $by_self$by_nl"
printf 'S %s 0\\n' "$by_slot" >&3
exec 3>&-
read -r by_tag by_seq by_verb by_reap by_counts || exit 65
[ "$by_tag $by_verb" = 'F do' ] || exit 65
${READ_ARGUMENTS}
by_begin "$@" || exit 3
shift 9
# A lane that was ended before now was given up together with this request, which nobody would keep.
if ! kill -0 "$by_lane"; then
  rm -f "$by_b.o" "$by_b.e" "$by_b.l"
  exit 3
fi
# Begun is begun, also when nobody hears it.
trap '' PIPE
if ! {
  [ "$by_limit" = 0 ] || {
    read -r by_up by_l </proc/uptime && printf '%s %s %s\\n' "$by_id" "$by_token" "$((\${by_up%.*}+by_limit))" >&8
  }
} || ! { [ "$by_in" != o ] || printf '@\\n' >&8; }; then
  # Its guard is dead, and with it the pump, so the channel starts it, with its own.
  [ "$by_claimed" = 1 ] || rm -f "$by_b.l"
  by_answer 12 guard
  exit 4
fi
if [ "$by_in" = o ] && ! printf '%s %s\\n' "\${by_slot##*.}" "$by_id" 1<>"$by_b.q"; then
  rm -f "$by_b.o" "$by_b.e" "$by_b.q"
  [ "$by_claimed" = 1 ] || rm -f "$by_b.l"
  by_answer 6 spool
  exit 3
fi
printf '%s\\n' "$by_id" >&4
exec 4>&-
[ "$by_claimed" = 0 ] || printf %s "$by_self" >>"$by_b.l"
by_answer 0 0
trap - PIPE
by_k=$1; shift
export "BOXYARD_OP=$by_mark/$by_id"
while [ "$by_k" -gt 0 ]; do export "$1"; shift; by_k=$((by_k-1)); done
unset OLDPWD
case $by_in in
  f) exec <"$by_b.i";;
  o) exec <&7 7<&-;;
  *) exec </dev/null;;
esac
if [ "$by_out" = m ]; then exec "$@" >&5 2>&5 5>&- 6>&- 8>&-; fi
exec "$@" >&5 2>&6 5>&- 6>&- 8>&-
`;
