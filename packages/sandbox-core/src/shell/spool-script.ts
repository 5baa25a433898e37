/** The spool for a client that cannot reach its files: records, output blocks, stdin chunks, removal. */
export const SPOOL_SCRIPT = `
# One line: the claim's lines, the stat lines of the command and of its keeper, the exit's lines, marks.
by_record() {
  [ -e "$by_s/$1.l" ] || { by_answer 4 unknown; return; }
  by_o= by_p=
  while IFS= read -r by_l; do
    by_o="$by_o$by_l|"
    case $by_l in "P "*) by_p=\${by_l#P };; esac
  done <"$by_s/$1.l"
  if [ -n "$by_p" ]; then
    set -- "$1" "\${by_p%% *}" \${by_p##*) }
    for by_k in "$2" "$4"; do
      by_number "$by_k" && read -r by_l <"/proc/$by_k/stat" && by_o="\${by_o}A $by_l|"
    done
  fi
  # Last, so that a command which ends during this look is not taken for lost.
  while IFS= read -r by_l; do by_o="\${by_o}X $by_l|"; done <"$by_s/$1.x"
  # After the exit, because a mark is left before it.
  for by_k in k t; do [ ! -e "$by_s/$1.$by_k" ] || by_o="$by_o$by_k|"; done
  by_answer 0 "$by_o"
}

by_list() {
  by_o=
  for by_f in "$by_s"/*.l; do
    [ -e "$by_f" ] || continue
    by_f=\${by_f##*/}
    by_o="$by_o \${by_f%.l}"
  done
  by_answer 0 "$by_o"
}

by_sizes() {
  by_o=$(stat -c %s "$by_s/$1.o") || by_o=0
  by_e=$(stat -c %s "$by_s/$1.e") || by_e=0
  by_answer 0 "$by_o $by_e"
}

# One line: the size and name of every file. A name that goes while it is looked at counts no more, and a spool
# may hold none.
by_usage() {
  [ -d "$by_s" ] || { by_answer 6 spool; return; }
  by_o=$(cd "$by_s/" && LC_ALL=C stat -c '%s %n' -- *)
  set -f; IFS=$by_nl
  set -- $by_o
  IFS='|'
  by_o=$*
  set +f; IFS=' 	
'
  by_answer 0 "$by_o"
}

# read id mark offset most offset most, of o and of e: what is there of both, each ended by the mark, which nothing in
# the box can know beforehand. Asking for the size first would cost one more program, and that is as much as the rest.
by_read() {
  printf 'M %s %s\\n' "$by_seq" "$2"
  by_copy "$1.o" "$3" "$4" "$2"
  by_copy "$1.e" "$5" "$6" "$2"
}

by_copy() {
  [ "$3" = 0 ] || [ ! -s "$by_s/$1" ] ||
    LC_ALL=C dd if="$by_s/$1" bs=65536 skip="$2" count="$3" iflag=skip_bytes,count_bytes || exit 74
  printf '\\n%s\\n' "$4"
}

# put id letter length, then that many bytes: appended to a file of a claimed op.
by_put() {
  if [ "$3" = 0 ]; then printf '' >>"$by_s/$1.$2" && by_answer 0 || by_answer 6 spool
  elif dd bs="$3" count=1 iflag=fullblock >>"$by_s/$1.$2"; then by_answer 0; else by_answer 6 spool; fi
}

# feed id number length, then that many bytes: one stdin chunk, whole or not at all. Length 0 ends the input.
by_feed() {
  by_b=$by_s/$1
  by_k=$by_b.u.$$
  if [ "$3" -gt 0 ]; then
    dd bs="$3" count=1 iflag=fullblock >"$by_k" || { by_answer 6 spool; return; }
  fi
  if by_fenced; then by_answer 9 fenced
  elif [ -e "$by_b.x" ] || [ ! -e "$by_b.q" ]; then by_answer 7 ended
  elif [ -e "$by_b.z" ]; then by_answer 8 closed
  elif [ "$2" -gt 256 ] && [ -s "$by_b.in.$(($2-256))" ]; then by_answer 5 full
  elif [ -e "$by_b.in.$2" ]; then by_answer 1 taken
  else
    [ "$3" -gt 0 ] || printf '' >"$by_k"
    if ln "$by_k" "$by_b.in.$2"; then
      [ "$3" -gt 0 ] || printf '' >"$by_b.z"
      printf '\\n' 1<>"$by_b.q"
      by_answer 0
    else by_answer 1 taken; fi
  fi
  rm -f "$by_k"
}

# The claim goes last: until then nobody can take the id and find another op's files.
by_remove() {
  rm -f "$by_s/$1".[!l] "$by_s/$1".p? "$by_s/$1".in.* "$by_s/$1".u.*
  rm -f "$by_s/$1.l"
}

# Many at once: the same two calls of rm as for one.
by_forget() {
  by_k=$# by_o=$*
  for by_f in "$@"; do
    set -- "$@" "$by_s/$by_f".[!l] "$by_s/$by_f".p? "$by_s/$by_f".in.* "$by_s/$by_f".u.*
  done
  shift "$by_k"
  LC_ALL=C rm -f "$@"
  set --
  for by_f in $by_o; do set -- "$@" "$by_s/$by_f.l"; done
  LC_ALL=C rm -f "$@"
  by_answer 0
}
`;
