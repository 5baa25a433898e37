/** Reading and changing single names. Paths are checked before they come here: no `..`, not absolute. */
export const FILE_SCRIPT = `
fs_close() { exec 8<&-; }

# barred fence: what a newer handle, or the session's work in another box, forbids is refused, and said.
fs_barred() {
  if by_fenced; then by_answer 9 fenced; return 0; fi
  if [ -n "$1" ] && by_moved "\${1% *}" "\${1#* }"; then by_answer 23 moved; return 0; fi
  return 1
}
fs_may() { fs_barred "$1" || by_answer 0; }
# size, mtime and inode of what 8 reads
fs_facts() { stat -L -c '%s %.9Y %i' /proc/self/fd/8; }

# read path offset length most: a block of exactly what is announced.
fs_read() {
  fs_open "$1" || return
  fs_size=$(stat -L -c %s /proc/self/fd/8)
  by_number "$fs_size" || { fs_close; by_answer 15 size; return; }
  fs_n=$((fs_size-$2))
  [ "$fs_n" -ge 0 ] || fs_n=0
  [ "$3" = - ] || [ "$fs_n" -le "$3" ] || fs_n=$3
  if [ "$fs_n" -gt "$4" ]; then fs_close; by_answer 20 "$fs_n $fs_size"; return; fi
  printf 'B %s %s\\n' "$by_seq" "$fs_n"
  if [ "$fs_n" -gt 0 ]; then
    dd bs=65536 skip="$2" count="$fs_n" iflag=skip_bytes,count_bytes <&8 || exit 74
    # One that has shrunk gave less than was announced: what follows would be taken for its content.
    fs_size=$(stat -L -c %s /proc/self/fd/8)
    [ "$fs_size" -ge "$(($2+fs_n))" ] || exit 74
  fi
  fs_close
}

# The version of what 8 reads: up to 8 MiB the digest of its content.
fs_version_open() {
  fs_v=$(fs_facts) || return 1
  set -- $fs_v
  if [ "$1" -le 8388608 ]; then
    fs_v=$(sha256sum <&8) || return 1
    fs_v="sha256-\${fs_v%% *}"
  else
    fs_v="st $fs_v"
  fi
}

fs_version() {
  fs_open "$1" || return
  if fs_version_open; then by_answer 0 "$fs_v"; else by_answer 15 version; fi
  fs_close
}

# stat path: the name itself, no link is followed.
fs_stat() {
  if [ -z "$1" ]; then
    fs_into '' 0 || return
    fs_v=$(stat -c '%f %s %.9Y %i' .) && by_answer 0 "$fs_v" || by_answer 15 root
    return
  fi
  fs_at "$1" 0 0 || return
  if fs_v=$(stat -c '%f %s %.9Y %i' "./$fs_name"); then by_answer 0 "$fs_v"
  elif [ ! -x . ]; then by_answer 4 folder
  else by_answer 2 name; fi
}

# link path: where it says that it leads.
fs_link() {
  fs_at "$1" 0 0 || return
  fs_target "$fs_name" || { by_answer 2 name; return; }
  printf 'B %s %s\\n%s' "$by_seq" "\${#fs_to}" "$fs_to"
}

# stage number length, then that many bytes: a file beside the workspace that is put in its place later. Whatever
# becomes of them, the bytes are taken: what follows them is the next request.
fs_stage() {
  if ! true >"$fs_f"; then
    [ "$2" = 0 ] || dd bs="$2" count=1 iflag=fullblock >/dev/null
    return 1
  fi
  [ "$2" = 0 ] || dd bs="$2" count=1 iflag=fullblock >"$fs_f" || { rm -f "$fs_f"; return 1; }
}

# write number length path mode flags version size fence more…, then that many bytes. flags: p makes parents, a must be
# absent. length - means that the file is staged already, with more to be joined to it, and then has to have this size.
fs_write() {
  fs_f=$fs_stage_dir/$$.$1
  if [ "$2" = - ]; then
    fs_f=$fs_stage_dir/$1
    fs_join "$@" || { rm -f "$fs_f"; by_answer 6 space; return; }
    [ "$(stat -c %s "$fs_f")" = "$7" ] || { rm -f "$fs_f"; by_answer 15 staged; return; }
  elif ! fs_stage "$1" "$2"; then by_answer 6 space; return; fi
  fs_barred "$8" || fs_place "$3" "$4" "$5" "$6"
  rm -f "$fs_f"
}

fs_join() {
  shift 8
  [ "$#" = 0 ] || { cd "$fs_stage_dir/" && cat -- "$@" >>"$fs_f" && rm -f -- "$@"; }
}

# place path mode flags version: fs_f becomes the file, in one step.
fs_place() {
  fs_make=0 fs_links=1
  case $3 in *p*) fs_make=1;; esac
  case $3 in *a*) fs_links=0;; esac
  fs_at "$1" "$fs_links" "$fs_make" || return
  if [ -d "./$fs_name" ] && [ ! -L "./$fs_name" ]; then
    case $3 in *a*) by_answer 8 name;; *) by_answer 7 name;; esac
    return
  fi
  if [ -n "$4" ]; then
    fs_lock || return
    fs_expect "$4" || { fs_unlock; return; }
  fi
  fs_mode=$2
  if [ "$fs_mode" = - ]; then
    fs_mode=644
    if fs_there "$fs_name"; then fs_mode=$(stat -L -c %a "./$fs_name") || fs_mode=644; fi
  fi
  # The mask gives 644 already.
  [ "$fs_mode" = 644 ] || chmod "$fs_mode" "$fs_f"
  fs_k=0
  case $3 in
    *a*) ln -T "$fs_f" "./$fs_name" || fs_k=1;;
    *)
      # Held until this is answered: freeing a large one takes as long as several small writes.
      [ ! -f "./$fs_name" ] || command exec 8<"./$fs_name"
      mv -f -T "$fs_f" "./$fs_name" || fs_k=1;;
  esac
  if [ "$fs_k" = 0 ]; then
    fs_v=$(stat -c '%s %.9Y %i' "./$fs_name")
    by_answer 0 "$fs_v"
  else
    case $3 in *a*) if fs_there "$fs_name"; then by_answer 8 name; else fs_refused; fi;;
      *) if [ -d "./$fs_name" ]; then by_answer 7 name; else fs_refused; fi;; esac
  fi
  fs_close
  [ -z "$4" ] || fs_unlock
}

# The version has to be this one, else it is answered which it is.
fs_expect() {
  fs_v=
  if fs_there "$fs_name"; then
    if [ -f "./$fs_name" ] && command exec 8<"./$fs_name"; then
      fs_version_open || { fs_close; by_answer 15 version; return 1; }
      fs_close
      case $fs_v in st\\ *) set -- "$1" $fs_v; fs_v=$(fs_stat_version "$3" "$4" "$5");; esac
    else by_answer 4 file; return 1; fi
  fi
  [ "$fs_v" != "$1" ] || return 0
  by_answer 11 "$fs_v"
  return 1
}

# size seconds.nanoseconds inode, as a version is written
fs_stat_version() {
  case $2 in *.*) fs_ns=\${2%.*}\${2#*.};; *) fs_ns=\${2}000000000;; esac
  printf 'st-%s-%s-%s' "$fs_ns" "$1" "$3"
}

# One writer with a condition at a time, also between channels: a link is made whole or not at all, and says whose.
fs_lock() {
  fs_tries=0
  until ln -s "$$" "$fs_stage_dir/lock"; do
    fs_holder=$(readlink "$fs_stage_dir/lock") || continue
    [ -e "/proc/$fs_holder" ] || rm -f "$fs_stage_dir/lock"
    fs_tries=$((fs_tries+1))
    [ "$fs_tries" -lt 600 ] || { by_answer 15 lock; return 1; }
    sleep 0.02
  done
}
fs_unlock() { rm -f "$fs_stage_dir/lock"; }

fs_drop() { for fs_k in "$@"; do fs_wipe "$fs_stage_dir/$fs_k"; done; by_answer 0; }

fs_mkdir() { # path recursive fence
  ! fs_barred "$3" || return
  if [ "$2" = 1 ]; then
    # Whatever has the name and is no folder is in the way.
    if [ -n "$1" ] && fs_parents_are_there "$1" && fs_there "$fs_name" && [ ! -d "./$fs_name" ] &&
      [ ! -L "./$fs_name" ]; then by_answer 8 name; return; fi
    fs_into "$1" 1 && by_answer 0
    return
  fi
  fs_at "$1" 0 0 || return
  mkdir "./$fs_name" && { by_answer 0; return; }
  if fs_there "$fs_name"; then by_answer 8 name; else fs_refused; fi
}

# Quietly: stands in the folder of the path, if it is there and inside.
fs_parents_are_there() {
  case $1 in */*) fs_name=\${1##*/} fs_folder=\${1%/*};; *) fs_name=$1 fs_folder=;; esac
  cd -P "$by_root/$fs_folder" && fs_inside
}

fs_remove() { # path recursive fence
  ! fs_barred "$3" || return
  fs_at "$1" 0 0 || return
  if ! fs_there "$fs_name"; then by_answer 2 name; return; fi
  if [ -L "./$fs_name" ] || [ ! -d "./$fs_name" ]; then rm -f "./$fs_name"
  elif [ "$2" = 1 ]; then
    rm -rf "./$fs_name" || { find "./$fs_name" -type d ! -perm -700 -exec chmod u+rwx {} \\; ; rm -rf "./$fs_name"; }
  else
    rmdir "./$fs_name" || { if [ -w . ]; then by_answer 14 name; else by_answer 4 folder; fi; return; }
  fi
  if fs_there "$fs_name"; then by_answer 4 name; else by_answer 0; fi
}

fs_move() { # from to overwrite make fence
  ! fs_barred "$5" || return
  fs_at "$1" 0 0 || return
  if ! fs_there "$fs_name"; then by_answer 2 name; return; fi
  fs_from=$PWD/$fs_name
  fs_isdir=
  [ -L "./$fs_name" ] || [ ! -d "./$fs_name" ] || fs_isdir=1
  fs_at "$2" 0 "$4" || return
  case $PWD/ in "$fs_from"/*) [ -z "$fs_isdir" ] || { by_answer 5 itself; return; };; esac
  if [ "$3" = 1 ]; then
    mv -f -T "$fs_from" "./$fs_name" && { by_answer 0; return; }
    if [ "$fs_from" = "$PWD/$fs_name" ] || [ "$fs_from" -ef "./$fs_name" ]; then
      # Two names of one file: the one that was moved goes.
      [ "$fs_from" = "$PWD/$fs_name" ] || rm -f "$fs_from"
      by_answer 0
    elif fs_there "$fs_name"; then by_answer 8 name
    else fs_refused; fi
  elif [ -n "$fs_isdir" ]; then
    # An empty folder claims the name, and may be replaced by another folder.
    mkdir "./$fs_name" || { if fs_there "$fs_name"; then by_answer 8 name; else fs_refused; fi; return; }
    mv -f -T "$fs_from" "./$fs_name" && { by_answer 0; return; }
    rmdir "./$fs_name"
    by_answer 4 name
  else
    # A second name is refused when it is taken; for a link it is one of the link itself.
    ln -T "$fs_from" "./$fs_name" || { if fs_there "$fs_name"; then by_answer 8 name; else fs_refused; fi; return; }
    rm -f "$fs_from"
    by_answer 0
  fi
}

# folder path: whether one can stand there; and where that is.
fs_folder() { fs_into "$1" 0 && by_answer 0 "$PWD"; }
# shell name: whether there is such a program.
fs_shell() { cd / && command -v "$1" >/dev/null && by_answer 0 || by_answer 2 shell; }
`;
