/**
 * Ending a whole tree. What belongs to an op is found by the mark in its environment, which children inherit
 * through setsid and double forks, by its session, and by its first process. `env -i` together with a session of
 * its own escapes; only the end of the whole container is complete.
 */
export const KILL_SCRIPT = `
# The fields of a /proc stat line behind the name, which may hold anything: state is 1, start time is 20.
by_stat() { read -r by_st <"/proc/$1/stat" && by_st=\${by_st##*) }; }

# scan flags pattern session leader: by_pids = what lives, without us.
by_scan() {
  by_pids= by_flags=$1 by_pattern=$2 by_in=$3 by_lead=$4
  # Listed before the fork below, or that would find itself.
  set -- /proc/[0-9]*/environ
  for by_f in $(
    grep -lz"$by_flags" -e "$by_pattern" "$@"
    [ -z "$by_in" ] || grep -lzE -e "^[0-9]+ \\(.*\\) [^ZX] [0-9]+ [0-9]+ $by_in " /proc/[0-9]*/stat
    [ -z "$by_lead" ] || { by_leader $by_lead && echo "/proc/\${by_lead%% *}/x"; }
  ); do
    by_f=\${by_f#/proc/} by_f=\${by_f%%/*}
    by_number "$by_f" || continue
    case $by_f in 1|"$$"|"$by_me") ;; *) by_pids="$by_pids $by_f";; esac
  done
}

# Whether somebody is in the middle of an exec: until that is done neither environment nor arguments can be read, and
# the mark of one of ours with them.
by_unsettled() {
  for by_f in $(grep -L -e '' /proc/[0-9]*/environ); do
    by_f=\${by_f%/environ}
    # Nor are those of a zombie or of a thread of the kernel.
    [ -e "$by_f/exe" ] || continue
    # One that has arguments has no environment at all, unless it was just through.
    grep -q -e '' "$by_f/cmdline" && ! grep -q -e '' "$by_f/environ" || return 0
  done
  return 1
}

# leader pid start: lives, and is not another process that got the same number.
by_leader() {
  by_stat "$1" || return
  set -- "$1" "$2" $by_st
  [ "\${22}" = "$2" ] && [ "$3" != Z ] && [ "$3" != X ]
}

# The identity in a claim: by_pid and by_pstart, empty when the command has not begun.
by_identity() {
  by_pid= by_pstart=
  while read -r by_l1 by_l2; do
    [ "$by_l1" = P ] || continue
    by_pid=\${by_l2%% *}
    set -- \${by_l2##*) }
    by_pstart=\${20}
    by_number "$by_pid" && by_number "$by_pstart" || by_pid= by_pstart=
  done <"$by_s/$1.l"
}

# end flags pattern session leader grace: TERM, tenths of a second of grace, KILL until four scans in a row are empty:
# one that does nothing but exec may be through between the scan and the look at who is not.
by_end() {
  by_stat self; read -r by_me by_l </proc/self/stat
  by_n=0 by_empty=0 by_sent= by_blurred=0
  while [ "$by_n" -lt 200 ]; do
    by_scan "$1" "$2" "$3" "$4"
    if [ -n "$by_pids" ]; then
      by_empty=0
      if [ "$by_n" -ge "$5" ]; then kill -KILL $by_pids
      elif [ -z "$by_sent" ]; then by_sent=1; kill -TERM $by_pids; kill -CONT $by_pids; fi
    # A stranger may hide both for ever: that is no reason to.
    elif [ "$by_blurred" -lt 20 ] && by_unsettled; then by_empty=0 by_blurred=$((by_blurred+1))
    else
      by_empty=$((by_empty+1))
      [ "$by_empty" -lt 4 ] || break
    fi
    by_n=$((by_n+1))
    [ "$by_empty" -gt 0 ] || sleep 0.1 || sleep 1
  done
  set -- $by_pids
  by_left=$#
}

# kill id grace session forget reason. The session is "-" for an op of ours, whose claim names it.
by_kill() {
  exec </dev/null >/dev/null
  trap '' PIPE
  by_sid= by_lead=
  if [ "$3" != - ]; then
    # Session 0 is that of the kernel, and in a container of whatever entered it from outside.
    [ "$3" -le 1 ] || by_sid=$3
  elif [ -e "$by_s/$1.l" ]; then
    # A command that is just being started has to appear first, or it would start after its own end.
    by_n=0
    by_identity "$1"
    while [ -z "$by_pid" ] && [ ! -e "$by_s/$1.x" ] && [ "$by_n" -lt 100 ]; do
      sleep 0.05 || sleep 1
      by_identity "$1"; by_n=$((by_n+1))
    done
    # The session's number is only trusted while its leader lives: later it may be somebody else's.
    if [ -n "$by_pid" ] && by_leader "$by_pid" "$by_pstart"; then
      by_lead="$by_pid $by_pstart"
      [ -z "$by_setsid" ] || by_sid=$by_pid
    fi
    [ -e "$by_s/$1.x" ] || printf '' >"$by_s/$1.$5"
  fi
  by_end xF "BOXYARD_OP=$by_mark/$1" "$by_sid" "$by_lead" "$2"
  # What never began has no end to wait for.
  if [ "$4" = 1 ] && [ -e "$by_s/$1.l" ]; then
    by_n=0
    until read -r by_l <"$by_s/$1.x" || [ "$by_n" -ge 100 ]; do sleep 0.05 || sleep 1; by_n=$((by_n+1)); done
    by_n=0
    until { read -r by_l && read -r by_l; } <"$by_s/$1.x" || [ "$by_n" -ge 5 ]; do
      sleep 0.05 || sleep 1; by_n=$((by_n+1))
    done
    by_remove "$1"
  fi
  # An op that was forgotten while it was being ended must not leave our mark behind.
  [ -e "$by_s/$1.l" ] || rm -f "$by_s/$1.k" "$by_s/$1.t"
  printf 'K %s %s\\n' "$1" "$by_left" >&3
}

by_interrupt() {
  by_identity "$1"
  if [ -n "$by_pid" ] && by_leader "$by_pid" "$by_pstart"; then
    if [ -n "$by_setsid" ]; then kill -INT "-$by_pid" || kill -INT "$by_pid"; else kill -INT "$by_pid"; fi
    by_answer 0
  elif [ -n "$by_pid" ] || [ -e "$by_s/$1.x" ]; then by_answer 2 ended
  elif [ -e "$by_s/$1.l" ]; then by_answer 5 starting
  else by_answer 4 unknown; fi
}

# Everything of the box: first the commands, so that their keepers note how they ended, then the rest but us.
by_stop() {
  exec </dev/null >/dev/null
  trap '' PIPE
  for by_f in "$by_s"/*.l; do
    by_b=\${by_f%.l}
    [ ! -e "$by_f" ] || [ -e "$by_b.x" ] || printf '' >"$by_b.k"
  done
  by_end E "^BOXYARD_OP=$by_mark/" '' '' 20
  sleep 0.1 || sleep 1
  by_end xF "BOXYARD_BOX=$by_mark" '' '' 5
  printf 'K . %s\\n' "$by_left" >&3
}
`;
