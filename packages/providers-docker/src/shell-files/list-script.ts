/**
 * Folders as lists. The list goes into a file without a name (7) first: how long it is has to be said before it.
 * With `find -printf` one program tells everything; without it names, links and facts are three parts.
 */
export const LIST_SCRIPT = `
# stand path: in the folder that is to be listed, or answers why not. A link is no folder.
fs_stand() {
  if [ -n "$1" ]; then
    fs_at "$1" 0 0 || return 1
    if [ -L "./$fs_name" ]; then by_answer 5 link; return 1; fi
    if ! cd -P "./$fs_name"; then
      if [ -d "./$fs_name" ]; then by_answer 4 folder
      elif [ -e "./$fs_name" ]; then by_answer 5 folder
      else by_answer 2 folder; fi
      return 1
    fi
    fs_inside || { by_answer 3 folder; return 1; }
  else
    fs_into '' 0 || return 1
  fi
  [ -r . ] && [ -x . ] || { by_answer 4 folder; return 1; }
}

# list path depth: of one folder (1), or of all below (-).
fs_list() {
  fs_depth=$2
  fs_stand "$1" || return
  set -- -mindepth 1
  [ "$fs_depth" = - ] || set -- "$@" -maxdepth 1
  if [ -n "$fs_printf" ]; then
    find . "$@" -printf '%y %m %s %T@ %C@ %i %P\\0%l\\0' >/proc/self/fd/7
  else
    {
      find . "$@" -print0
      printf '\\0'
      fs_links "$@"
      printf '\\0'
      find . "$@" -exec stat -c '%f %s %.9Y %.9Z %i %n' {} +
    } >/proc/self/fd/7
  fi
  fs_v=$(stat -L -c %s /proc/self/fd/7)
  if [ "$fs_v" -gt 1000000 ]; then by_answer 20 "$fs_v"; return; fi
  printf 'B %s %s\\n' "$by_seq" "$fs_v"
  cat /proc/self/fd/7
}

# Each link as its name, NUL, its target with a newline, NUL.
fs_links() {
  find . "$@" -type l -exec sh -c 'for l; do printf "%s\\\\0" "$l"; readlink "$l"; printf "\\\\0"; done' sh {} +
}

# facts base length, then names between NUL: the same list of just these names, each as ./path below the base.
fs_facts_of() {
  dd bs="$2" count=1 iflag=fullblock >/proc/self/fd/7
  fs_into "$1" 0 || return
  fs_v=$(xargs -0 stat -c '%f %s %.9Y %.9Z %i %n' -- </proc/self/fd/7; echo x)
  printf '\\0\\0%s' "\${fs_v%x}" >>/proc/self/fd/7
  fs_v=$(stat -L -c %s /proc/self/fd/7)
  printf 'B %s %s\n' "$by_seq" "$fs_v"
  cat /proc/self/fd/7
}

# take offset length: a part of the last list.
fs_take() {
  printf 'B %s %s\\n' "$by_seq" "$2"
  dd bs=65536 skip="$1" count="$2" iflag=skip_bytes,count_bytes </proc/self/fd/7 || exit 74
}
`;
