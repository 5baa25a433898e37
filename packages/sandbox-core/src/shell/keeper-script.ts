/**
 * Starting a command and keeping it. Files of an op in the spool, all named `<id>.<letter>`:
 * `l` claim and identities, `o` `e` output, `x` exit code and then how the output closed, `k` killed by us,
 * `t` run limit reached, `d` run limit as uptime, `i` finished stdin, `s` long script, `q` wake-up FIFO of the
 * stdin pump, `in.<n>` stdin chunks, `z` stdin closed, `po` `pe` pipes by name where the shell has no others.
 */
export const KEEPER_SCRIPT = `
# run: the arguments of begin.
by_run() {
  if ! by_begin "$@"; then cd "$by_root/"; return; fi
  shift 9
  # Made before the answer, or stdin written right after it would find nothing.
  if ! {
    # One of a lane that died may be there.
    { [ "$by_in" != o ] || [ -p "$by_b.q" ] || mkfifo "$by_b.q"; } &&
    { [ -n "$by_pipes" ] || mkfifo "$by_b.po" "$by_b.pe"; } &&
    { [ "$by_limit" = 0 ] || by_watch; }
  }; then
    cd "$by_root/"
    [ "$by_claimed" = 1 ] || by_remove "$by_id"
    by_answer 6 spool
    return
  fi
  if [ -n "$by_env" ] || [ -z "$by_setsid" ]; then
    # By exec: a redirection of a function keeps the old descriptor aside, and the channel would never close.
    { exec </dev/null >/dev/null; by_keep "$@"; } &
    by_answer 0 "$!"
  else
    # The second setsid leads a group already, so it forks and its parent ends: the keeper runs on without being a
    # job in the background, whose commands would ignore SIGINT for ever.
    "$by_setsid" "$by_setsid" /bin/sh -c "$by_keeper" boxyard "$by_mark" "$by_s" "$by_id" "$by_out" "$by_in" "$by_blocks" \
      "$by_pipes" "$by_setsid" "$@" </dev/null >/dev/null
    by_answer 0 0
  fi
  cd "$by_root/"
}

# Opens what a command writes to, as 5 and 6, with a cat behind each that fills the spool. 8 is a lane's own.
by_open() {
  by_c2=
  if [ -n "$by_pipes" ]; then
    exec 7<<E
E
    exec 5>/proc/self/fd/7
    # In the C locale, whose data need not be loaded.
    # Through a pipe and cat: a command that opens /dev/stdout anew would truncate a file. The file is opened
    # here: a late cat would bring back the file of an op that has ended and been forgotten meanwhile.
    exec 4>"$by_b.o"
    { ulimit -f "$by_blocks"; export LC_ALL=C; exec cat <&7 >&4 3>&- 4>&- 5>&- 7<&- 8>&-; } & by_c1=$!
    if [ "$by_out" = s ]; then
      exec 7<<E
E
      exec 6>/proc/self/fd/7
      exec 4>"$by_b.e"
      { ulimit -f "$by_blocks"; export LC_ALL=C; exec cat <&7 >&4 3>&- 4>&- 5>&- 6>&- 7<&- 8>&-; } & by_c2=$!
    else
      exec 6>&5
    fi
    exec 7<&-
  else
    exec 4>"$by_b.o"
    { ulimit -f "$by_blocks"; export LC_ALL=C; exec cat <"$by_b.po" >&4 3>&- 4>&-; } & by_c1=$!
    exec 5>"$by_b.po"
    if [ "$by_out" = s ]; then
      exec 4>"$by_b.e"
      { ulimit -f "$by_blocks"; export LC_ALL=C; exec cat <"$by_b.pe" >&4 3>&- 4>&- 5>&-; } & by_c2=$!
      exec 6>"$by_b.pe"
    else
      exec 6>&5
    fi
  fi
  exec 4>&-
}

# Waits for one command, in a process of its own, so that neither this channel nor its owner has to live.
by_keep() {
  by_open
  case $by_in in
    o)
      # Held open to wake the pump: by its name it could be gone, or have no reader and block whoever opens it.
      exec 8<>"$by_b.q"
      if [ -n "$by_pipes" ]; then
        exec 9<<E
E
        exec 7>/proc/self/fd/9
        { exec </dev/null >&7 4<&8 3>&- 5>&- 6>&- 7>&- 8>&- 9<&-; by_pump; } & by_p=$!
        exec 7>&-
      else
        mkfifo "$by_b.pi"
        { exec </dev/null >"$by_b.pi" 4<&8 3>&- 5>&- 6>&- 8>&-; by_pump; } & by_p=$!
        exec 9<"$by_b.pi"
      fi;;
    f) exec 9<"$by_b.i"; by_p=;;
    *) exec 9</dev/null; by_p=;;
  esac
  (
    # Written by the command's own process before it becomes the command: pid, keeper and start time in one line.
    read -r by_st </proc/self/stat && printf 'P %s\\n' "$by_st" >>"$by_b.l"
    by_k=$1; shift
    export "BOXYARD_OP=$by_mark/$by_id"
    while [ "$by_k" -gt 0 ]; do export "$1"; shift; by_k=$((by_k-1)); done
    unset OLDPWD
    if [ -n "$by_setsid" ]; then
      exec $by_env "$by_setsid" -- "$@" <&9 >&5 2>&6 3>&- 5>&- 6>&- 8>&- 9<&-
    fi
    exec $by_env "$@" <&9 >&5 2>&6 3>&- 5>&- 6>&- 8>&- 9<&-
  )
  by_code=$?
  exec 5>&- 6>&- 9<&-
  by_ended
}

# Notes how the command by_id ended, then how its output did.
by_ended() {
  # Only now: a command would inherit it, and \`yes | head\` would never end.
  trap '' PIPE
  # One descriptor for both lines: an op that is forgotten in between must not come back as a lone file.
  by_x=
  if ! { command exec 4>>"$by_b.x" && printf '%s\\n' "$by_code" >&4; } || {
    [ -e "$by_b.x" ] && [ ! -s "$by_b.x" ]
  }; then
    # A full disk. The claim has a block already, with room for this.
    by_x='X '
    command exec 4>>"$by_b.l" && printf 'X %s\\n' "$by_code" >&4
  fi
  if [ -n "$by_p" ]; then
    kill "$by_p"
    # A signal that comes just before a shell's read begins is not seen until that read has ended.
    if [ -n "$by_q" ]; then printf '\\n' 1<>"$by_q"; else printf '\\n' >&8; fi
  fi
  # Whoever made it end has left a mark before.
  by_m=0
  [ ! -e "$by_b.k" ] || by_m=1
  [ ! -e "$by_b.t" ] || by_m=$((by_m+2))
  printf 'E %s %s %s\\n' "$by_id" "$by_code" "$by_m" >&3
  wait "$by_c1"; by_o=$?
  by_e=0
  [ -z "$by_c2" ] || { wait "$by_c2"; by_e=$?; }
  # Nothing of stdin outlives its command. Before the output's end is told in any way: who hears of it makes the
  # channel wait for this keeper, and nothing else could be asked of the box meanwhile.
  [ -z "$by_p" ] || wait "$by_p"
  printf '%sC %s %s\\n' "$by_x" "$by_o" "$by_e" >&4
  exec 4>&-
  printf 'C %s %s %s\\n' "$by_id" "$by_o" "$by_e" >&3
}

# Copies stdin chunks in their order. An empty chunk is the end of input; a crash of a writer is not.
by_pump() {
  by_n=1 by_k=
  trap '[ -z "$by_k" ] || kill "$by_k"; exit 0' TERM
  while :; do
    until [ -e "$by_b.in.$by_n" ]; do read -r by_l <&4 || exit 0; done
    [ -s "$by_b.in.$by_n" ] || exit 0
    cat "$by_b.in.$by_n" 4<&- & by_k=$!
    wait "$by_k" || exit 0
    by_k=
    # Emptied, not removed: its number must stay taken.
    printf '' >"$by_b.in.$by_n"
    by_n=$((by_n+1))
  done
}

# One process for all run limits of this channel. It outlives the channel and ends when nothing is left to watch.
by_watch() {
  read -r by_up by_l </proc/uptime && printf '%s\\n' "$((\${by_up%.*}+by_limit))" >"$by_b.d" || return 1
  [ -n "$by_guard" ] && [ -e "$by_s/guard.$$" ] && kill -0 "$by_guard" && return 0
  printf '' >"$by_s/guard.$$" || return 1
  { exec </dev/null >/dev/null 3>&-; by_guard_run; } & by_guard=$!
}

by_guard_run() {
  by_armed=1
  while :; do
    sleep 1 || exit
    read -r by_up by_l </proc/uptime || exit
    by_any=
    for by_f in "$by_s"/*.d; do
      by_b=\${by_f%.d}
      [ -e "$by_f" ] && [ ! -e "$by_b.x" ] || continue
      by_any=1
      by_dl=; read -r by_dl <"$by_f"; by_number "$by_dl" || continue
      if [ "\${by_up%.*}" -ge "$by_dl" ] && [ ! -e "$by_b.t" ]; then
        ( by_kill "\${by_b##*/}" 20 - 0 t ) &
      fi
    done
    if [ -n "$by_any" ]; then by_armed=1; continue; fi
    # Not in one step: a limit that is set between the look and the end would go unwatched.
    [ -n "$by_armed" ] || exit
    by_armed=
    rm -f "$by_s/guard.$$"
  done
}
`;

/**
 * A keeper that is no job of the channel's shell: `/bin/sh -c … boxyard MARK SPOOL ID OUTPUT STDIN BLOCKS PIPES SETSID`
 * and the environment and arguments of its command, in the folder of the command. 3 are the notices.
 */
export const OWN_KEEPER_SCRIPT = `
exec 2>/dev/null
by_mark=$1 by_s=$2 by_id=$3 by_out=$4 by_in=$5 by_blocks=$6 by_pipes=$7 by_setsid=$8 by_env= by_q=
by_b=$by_s/$by_id
shift 8
${KEEPER_SCRIPT}
by_keep "$@"
`;
