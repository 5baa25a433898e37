/**
 * What comes before a command begins, and is the same whether the channel's own shell or a lane starts it: reading
 * the request, and every reason to refuse it while nothing has been changed.
 */
export const START_SCRIPT = `
unset CDPATH ENV
IFS=' 	
'
by_nl='
'
by_number() { case $1 in ''|*[!0-9]*|???????????????????*) return 1;; esac; }
by_answer() { printf 'R %s %s %s\\n' "$by_seq" "$1" "$2"; }

# A handle of an older epoch may look and may end what runs, but starts and feeds nothing any more.
by_fenced() {
  by_e=0; read -r by_e <"$by_s/epoch"; by_number "$by_e" || by_e=0
  [ "$by_e" -le "$by_epoch" ] || return 0
  [ "$by_e" -eq "$by_epoch" ] || printf '%s\\n' "$by_epoch" >"$by_s/epoch"
  return 1
}

# moved file epoch: whether the session of this file has been seen with a higher epoch, and works elsewhere.
by_moved() {
  by_f=$by_s/$1 by_e=0
  if [ -e "$by_f" ]; then
    while read -r by_k; do by_number "$by_k" && [ "$by_k" -gt "$by_e" ] && by_e=$by_k; done <"$by_f"
  fi
  [ "$by_e" -le "$2" ] || return 0
  [ "$by_e" -eq "$2" ] || printf '%s\\n' "$2" >>"$by_f"
  return 1
}

# The same id never runs twice: the claim is one exclusive create. by_self is the line of who becomes the command,
# where that is known before.
by_claim() {
  by_k=
  set -C
  { by_k=made; printf 'M %s %s %s\\n%s' "$$" "$by_start" "$2" "$by_self" && by_k=written; } >"$by_s/$1.l"
  set +C
  # On a full disk a file can be made but holds nothing, which not every printf tells.
  [ "$by_k" != written ] || [ ! -s "$by_s/$1.l" ] || return 0
  if [ -n "$by_k" ]; then
    rm -f "$by_s/$1.l"
    by_answer 6 spool
  elif [ -e "$by_s/$1.l" ]; then by_answer 1 known
  else by_answer 6 spool; fi
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

# begin id token claimed output stdin limit blocks cwd fence envCount env… argv…: in its cwd and claimed, or answered.
by_begin() {
  if by_fenced; then by_answer 9 fenced; return 1; fi
  if [ -n "$9" ] && by_moved "\${9% *}" "\${9#* }"; then by_answer 11 moved; return 1; fi
  if ! cd -P "$by_root/$8"; then
    if [ -d "$by_root/$8" ]; then by_answer 8 cwd
    elif [ -e "$by_root/$8" ]; then by_answer 7 cwd
    elif [ ! -d "$by_root/" ]; then by_answer 10 root
    else by_answer 2 cwd; fi
    return 1
  fi
  case $PWD/ in "$by_root"/*) ;; *) by_answer 3 cwd; return 1;; esac
  by_id=$1 by_token=$2 by_claimed=$3 by_out=$4 by_in=$5 by_limit=$6 by_blocks=$7
  by_b=$by_s/$by_id
  shift 9
  if ! by_found "$@"; then by_answer 4 program; return 1; fi
  [ "$by_claimed" = 1 ] || by_claim "$by_id" "$by_token"
}
`;

/**
 * The arguments of the request whose head has just been read. No function: that could not set its caller's
 * parameters. A half line at the end of input is never executed: that is why every read is checked.
 */
export const READ_ARGUMENTS = `
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
`;
