/**
 * Finding what a path names, by where it really leads. A folder is entered (`cd -P`) before anything in it is
 * touched, so that whatever is exchanged behind our back, the names that follow are names of that folder; a file
 * is judged once it is open. All of it runs as the box's own user: who wins a race against it gains nothing that
 * the box could not do by itself.
 *
 * Statuses: 0 done, 2 nothing there, 3 leads out, 4 not permitted, 5 below what is no folder, 6 no space,
 * 7 a folder, 8 taken, 9 fenced, 10 no workspace, 11 another version, 12 too large, 13 neither file nor folder,
 * 14 not empty, 15 changed meanwhile, 16 links without end, 20 too large for one answer.
 */
export const PATH_SCRIPT = `
fs_inside() { case $PWD/ in "$by_root"/*) return 0;; esac; return 1; }
fs_there() { [ -e "./$1" ] || [ -L "./$1" ]; }

# into folder make: stands in the folder, or answers why not. make=1 makes what is missing.
fs_into() {
  cd -P "$by_root/" || { by_answer 10 root; return 1; }
  if cd -P "./$1"; then
    fs_inside && return 0
    by_answer 3 folder; return 1
  fi
  fs_rest=$1
  while [ -n "$fs_rest" ]; do
    fs_part=\${fs_rest%%/*}
    case $fs_rest in */*) fs_rest=\${fs_rest#*/};; *) fs_rest=;; esac
    if [ "$2" = 1 ] && ! fs_there "$fs_part"; then
      # Somebody else may make it at the same time.
      mkdir "./$fs_part" || [ -d "./$fs_part" ] || { fs_refused; return 1; }
    fi
    if ! cd -P "./$fs_part"; then
      if [ -d "./$fs_part" ]; then by_answer 4 folder
      elif [ -e "./$fs_part" ]; then by_answer 5 folder
      elif [ -L "./$fs_part" ]; then fs_name=$fs_part; ! fs_follow || by_answer 2 folder
      else by_answer 2 folder; fi
      return 1
    fi
    fs_inside || { by_answer 3 folder; return 1; }
  done
  return 0
}

# Why something could not be made in this folder.
fs_refused() { if [ -w . ] && [ -x . ]; then by_answer 6 space; else by_answer 4 folder; fi; }

# target name: fs_to = where the link leads, whatever its text is.
fs_target() {
  fs_to=$(readlink "./$1" && echo x) || return 1
  fs_to=\${fs_to%??}
}

# Follows the link fs_name: stands in the folder of what it leads to, fs_name is its name there. What is judged is
# where it ends.
fs_follow() {
  fs_hops=0
  while [ -L "./$fs_name" ]; do
    fs_hops=$((fs_hops+1))
    [ "$fs_hops" -le 40 ] || { by_answer 16 link; return 1; }
    fs_target "$fs_name" || { by_answer 2 link; return 1; }
    case $fs_to in
      */*) fs_folder=\${fs_to%/*}/ fs_name=\${fs_to##*/};;
      *) fs_folder=./ fs_name=$fs_to;;
    esac
    case $fs_folder in /*) ;; *) fs_folder=./$fs_folder;; esac
    case $fs_name in
      ''|.|..)
        if cd -P "$fs_folder$fs_name" && fs_inside; then by_answer 7 link; else by_answer 3 link; fi
        return 1;;
    esac
    if ! cd -P "$fs_folder"; then
      case $fs_folder in ./*|"$by_root"/*) by_answer 2 link;; *) by_answer 3 link;; esac
      return 1
    fi
  done
  fs_inside || { by_answer 3 link; return 1; }
}

# name path: stands in its folder, fs_name is its last part. follow=1 follows a link there.
fs_at() {
  case $1 in
    */*) fs_name=\${1##*/}; fs_into "\${1%/*}" "$3" || return 1;;
    *) fs_name=$1; fs_into '' "$3" || return 1;;
  esac
  [ "$2" != 1 ] || [ ! -L "./$fs_name" ] || fs_follow
}

# open path: 8 reads the file. A pipe or a device is never opened: that could hold us up.
fs_open() {
  fs_tries=0
  while :; do
    fs_at "$1" 1 0 || return 1
    if [ -d "./$fs_name" ]; then by_answer 7 folder; return 1; fi
    if [ ! -f "./$fs_name" ]; then
      if [ -e "./$fs_name" ]; then by_answer 13 kind
      elif [ ! -x . ]; then by_answer 4 folder
      else by_answer 2 name; fi
      return 1
    fi
    # By command: a shell whose own exec fails ends.
    if ! command exec 8<"./$fs_name"; then
      if [ -e "./$fs_name" ]; then by_answer 4 file; else by_answer 2 name; fi
      return 1
    fi
    # What was opened is what lies here under this name, no link that came to it in between.
    [ ! -L "./$fs_name" ] && [ "./$fs_name" -ef /proc/self/fd/8 ] && return 0
    exec 8<&-
    fs_tries=$((fs_tries+1))
    [ "$fs_tries" -lt 100 ] || { by_answer 15 name; return 1; }
  done
}
`;
