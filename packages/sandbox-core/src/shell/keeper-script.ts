/**
 * Starting a command and keeping it. Files of an op in the spool, all named `<id>.<letter>`:
 * `l` claim and identities, `o` `e` output, `x` exit code and then how the output closed, `k` killed by us,
 * `t` run limit reached, `d` run limit as uptime, `i` finished stdin, `s` long script, `q` wake-up FIFO of the
 * stdin pump, `in.<n>` stdin chunks, `z` stdin closed, `po` `pe` pipes by name where the shell has no others.
 */
export const KEEPER_SCRIPT = `
# The same id never runs twice: the claim is one exclusive create.
by_claim() {
  set -C
  if printf 'M %s %s %s\\n' "$$" "$by_start" "$2" >"$by_s/$1.l"; then set +C; return 0; fi
  set +C
  if [ -e "$by_s/$1.l" ]; then by_answer 1 known; else by_answer 6 spool; fi
  return 1
}

# Whether the program that would run is there; the walk over PATH is what execvp does.
by_found() {
  by_path=$PATH by_program=
  while [ "$1" -gt 0 ]; do
    case $2 in PATH=*) by_path=\${2#PATH=};; esac
    by_k=$(($1-1)); shift 2; set -- "$by_k" "$@"
  done
  shift
  case $1 in
    */*) [ -f "$1" ] && [ -x "$1" ]; return;;
  esac
  set -f; IFS=:
  for by_k in $by_path; do
    [ -f "\${by_k:-.}/$1" ] && [ -x "\${by_k:-.}/$1" ] && by_program=1 && break
  done
  set +f; IFS=' 	
'
  [ -n "$by_program" ]
}

# run id token claimed output stdin limit blocks cwd envCount env… argv…
by_run() {
  if by_fenced; then by_answer 9 fenced; return; fi
  if ! cd -P "$by_root/$8"; then
    if [ -d "$by_root/$8" ]; then by_answer 8 cwd
    elif [ -e "$by_root/$8" ]; then by_answer 7 cwd
    elif [ ! -d "$by_root/" ]; then by_answer 10 root
    else by_answer 2 cwd; fi
    cd "$by_root/"; return
  fi
  case $PWD/ in "$by_root"/*) ;; *) cd "$by_root/"; by_answer 3 cwd; return;; esac
  by_id=$1 by_token=$2 by_claimed=$3 by_out=$4 by_in=$5 by_limit=$6 by_blocks=$7
  shift 8
  if ! by_found "$@"; then cd "$by_root/"; by_answer 4 program; return; fi
  if [ "$by_claimed" = 0 ] && ! by_claim "$by_id" "$by_token"; then cd "$by_root/"; return; fi
  by_b=$by_s/$by_id
  # Made before the answer, or stdin written right after it would find nothing.
  if [ "$by_in" = o ] && ! mkfifo "$by_b.q"; then cd "$by_root/"; by_answer 6 spool; return; fi
  if [ -z "$by_pipes" ] && ! mkfifo "$by_b.po" "$by_b.pe"; then cd "$by_root/"; by_answer 6 spool; return; fi
  [ "$by_limit" = 0 ] || by_watch
  if [ -n "$by_lane" ]; then
    # In the foreground, where SIGINT is as it was: a fork and the start of env less.
    by_answer 0 0
    by_keep "$@"
    trap - PIPE
  else
    # By exec: a redirection of a function keeps the old descriptor aside, and the channel would never close.
    { exec </dev/null >/dev/null; by_keep "$@"; } &
    by_answer 0 "$!"
  fi
  cd "$by_root/"
}

# Waits for one command, in a process of its own, so that neither this channel nor its owner has to live.
by_keep() {
  if [ -n "$by_pipes" ]; then
    exec 7<<E
E
    exec 5>/proc/self/fd/7
    # Through a pipe and cat: a command that opens /dev/stdout anew would truncate a file. The file is opened
    # here: a late cat would bring back the file of an op that has ended and been forgotten meanwhile.
    exec 4>"$by_b.o"
    { ulimit -f "$by_blocks"; exec cat <&7 >&4 3>&- 4>&- 5>&- 7<&-; } & by_c1=$!
    if [ "$by_out" = s ]; then
      exec 8<<E
E
      exec 6>/proc/self/fd/8
      exec 4>"$by_b.e"
      { ulimit -f "$by_blocks"; exec cat <&8 >&4 3>&- 4>&- 5>&- 6>&- 7<&- 8<&-; } & by_c2=$!
      exec 8<&-
    else
      exec 6>&5
    fi
    exec 7<&-
  else
    exec 4>"$by_b.o"
    { ulimit -f "$by_blocks"; exec cat <"$by_b.po" >&4 3>&- 4>&-; } & by_c1=$!
    exec 5>"$by_b.po"
    if [ "$by_out" = s ]; then
      exec 4>"$by_b.e"
      { ulimit -f "$by_blocks"; exec cat <"$by_b.pe" >&4 3>&- 4>&- 5>&-; } & by_c2=$!
      exec 6>"$by_b.pe"
    else
      exec 6>&5
    fi
  fi
  exec 4>&-
  case $by_in in
    o)
      if [ -n "$by_pipes" ]; then
        exec 9<<E
E
        exec 7>/proc/self/fd/9
        { exec </dev/null >&7 4<>"$by_b.q" 3>&- 5>&- 6>&- 7>&- 9<&-; by_pump; } & by_p=$!
        exec 7>&-
      else
        mkfifo "$by_b.pi"
        { exec </dev/null >"$by_b.pi" 4<>"$by_b.q" 3>&- 5>&- 6>&-; by_pump; } & by_p=$!
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
    [ -z "$by_lane" ] || by_env=
    if [ -n "$by_setsid" ]; then
      exec $by_env "$by_setsid" -- "$@" <&9 >&5 2>&6 3>&- 5>&- 6>&- 9<&-
    fi
    exec $by_env "$@" <&9 >&5 2>&6 3>&- 5>&- 6>&- 9<&-
  )
  by_code=$?
  exec 5>&- 6>&- 9<&-
  # Only now: a command would inherit it, and \`yes | head\` would never end.
  trap '' PIPE
  # One descriptor for both lines: an op that is forgotten in between must not come back as a lone file.
  exec 4>>"$by_b.x"
  printf '%s\\n' "$by_code" >&4
  [ -z "$by_p" ] || kill "$by_p"
  printf 'E %s %s\\n' "$by_id" "$by_code" >&3
  wait "$by_c1"; by_o=$?
  by_e=0
  [ "$by_out" = m ] || { wait "$by_c2"; by_e=$?; }
  printf 'C %s %s\\n' "$by_o" "$by_e" >&4
  exec 4>&-
  # Nothing of stdin outlives its command; the keeper's end means that the pump has ended too.
  [ -z "$by_p" ] || wait "$by_p"
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
    : >"$by_b.in.$by_n"
    by_n=$((by_n+1))
  done
}

# One process for all run limits of this channel. It outlives the channel and ends when nothing is left to watch.
by_watch() {
  read -r by_up by_l </proc/uptime && printf '%s\\n' "$((\${by_up%.*}+by_limit))" >"$by_b.d" || return
  [ -n "$by_guard" ] && [ -e "$by_s/guard.$$" ] && kill -0 "$by_guard" && return
  : >"$by_s/guard.$$"
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
