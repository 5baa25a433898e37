// What the shell of a box does whose image brings little more than that shell. Contents and facts come from the
// engine's archive API; whatever changes the workspace is still done here, as the box's own user.
import { START_SCRIPT } from '@boxyard/sandbox-core';
import { filesScript } from '../shell-files/files-script.ts';

const FUNCTIONS = `
by_has() { command -v "$1" >/dev/null; }
# An answer that is a place: a letter for what it is, whether it may be read, and its real path, whatever it holds.
fs_say() { printf 'B %s %s\\n%s' "$by_seq" "\${#1}" "$1"; }
# Without readlink the other side says where links lead: asked for by the answer a of locate, told with the next try.
fs_ask= fs_asks=
if ! by_has readlink; then
  fs_target() {
    eval "fs_to=\\\${fs_told_$fs_hops-}"
    [ -z "$fs_to" ] || return 0
    [ -z "$fs_asks" ] || fs_ask="a 1 $PWD/$1"
    return 1
  }
  by_answer() {
    if [ -n "$fs_ask" ]; then fs_say "$fs_ask"; fs_ask=
    else printf 'R %s %s %s\\n' "$by_seq" "$1" "$2"; fi
  }
fi

# locate path follow make target…: what is there, and where it really is. n is a free name in a folder.
fs_locate() {
  fs_path=$1 fs_links=$2 fs_make=$3
  shift 3
  fs_n=0
  for fs_k in "$@" ''; do fs_n=$((fs_n+1)); eval "fs_told_$fs_n=\\$fs_k"; done
  fs_asks=1
  fs_at "$fs_path" "$fs_links" "$fs_make" || { fs_asks= fs_told_1=; return; }
  fs_asks= fs_told_1=
  fs_kind_of "$fs_name"
  fs_r=0
  [ ! -r "./$fs_name" ] || fs_r=1
  if [ "$fs_c" = n ] && [ ! -x . ]; then by_answer 4 folder; return; fi
  fs_say "$fs_c $fs_r $PWD/$fs_name"
}

fs_kind_of() {
  if [ -L "./$1" ]; then fs_c=l
  elif [ -d "./$1" ]; then fs_c=d
  elif [ -f "./$1" ]; then fs_c=f
  elif [ -e "./$1" ]; then fs_c=o
  else fs_c=n; fi
}

# names path: a letter and a name for each, with / between, which no name holds.
fs_names() {
  fs_stand "$1" || return
  fs_v=
  for fs_k in * .[!.]* ..?*; do
    [ -e "./$fs_k" ] || [ -L "./$fs_k" ] || continue
    fs_kind_of "$fs_k"
    fs_v=$fs_v$fs_c$fs_k/
    [ "\${#fs_v}" -le 1000000 ] || { by_answer 12 folder; return; }
  done
  fs_say "$fs_v"
}

# put path mode flags fence text: a small file by the shell alone; the text has escapes as printf's %b knows them.
fs_put() {
  ! fs_barred "$4" || return
  if by_has mv && by_has rm; then
    fs_f=$fs_stage_dir/$$.put
    if printf %b "$5" >"$fs_f"; then fs_place "$1" "$2" "$3" ''; else by_answer 6 space; fi
    rm -f "$fs_f"
  else fs_lay "$1" "$3" printf %b "$5"; fi
}

# adopt path mode flags fence file more…: what the archive API brought becomes the file, in one step.
fs_adopt() {
  ! fs_barred "$4" || return
  fs_f=$fs_stage_dir/$5
  [ -f "$fs_f" ] && [ -O "$fs_f" ] || { by_answer 15 staged; return; }
  fs_path=$1 fs_mode=$2 fs_flags=$3
  shift 5
  [ "$#" = 0 ] || { cd "$fs_stage_dir/" && cat "$@" >>"$fs_f" && rm -f "$@"; } || { by_answer 6 space; return; }
  fs_place "$fs_path" "$fs_mode" "$fs_flags" ''
  rm -f "$fs_f"
}

# pour path flags fence script: for an image that can move nothing. The script prints the content.
fs_pour() { fs_barred "$3" || fs_lay "$1" "$2" . "$fs_stage_dir/$4"; }

# lay path flags command…: its output becomes the file, not in one step.
fs_lay() {
  fs_links=1
  case $2 in *a*) fs_links=0;; esac
  fs_at "$1" "$fs_links" 0 || return
  fs_kind_of "$fs_name"
  case $2$fs_c in
    *a*[!n]) by_answer 8 name; return;;
    *d) by_answer 7 name; return;;
  esac
  case $2 in *a*) set -C;; esac
  fs_k=$2
  shift 2
  # By command: a failing redirection of the built-in itself would end this shell.
  if command "$@" >"./$fs_name"; then by_answer 0
  else
    case $fs_k in
      *a*) if fs_there "$fs_name"; then by_answer 8 name; else fs_refused; fi;;
      *) fs_refused;;
    esac
  fi
  set +C
}

# marked token signal…: how many processes carry the token in what they were started with; each gets the signals. And
# how many are in the middle of an exec, when neither that nor their arguments can be read: they may be some of them.
# By built-ins alone: read leaves the NULs out, so the token's own length is what ends it.
fs_marked() {
  fs_v= fs_n=0 fs_token=$1
  shift
  for fs_f in /proc/[0-9]*; do
    case \${fs_f#/proc/} in 1|"$$") continue;; esac
    fs_blank=1
    while IFS= read -r fs_l || [ -n "$fs_l" ]; do
      fs_blank=
      case $fs_l in *"BOXYARD_RUN=$fs_token"*) fs_v="$fs_v \${fs_f#/proc/}"; break;; esac
    done <"$fs_f/environ"
    # A zombie has nothing to read either.
    [ -n "$fs_blank" ] && [ -e "$fs_f/exe" ] || continue
    IFS= read -r fs_l <"$fs_f/cmdline" || [ -n "$fs_l" ] || fs_n=$((fs_n+1))
  done
  if [ -n "$fs_v" ]; then for fs_k in "$@"; do kill "-$fs_k" $fs_v; done; fi
  set -- $fs_v
  by_answer 0 "$# $fs_n"
}

# interrupt pid start: the process group of a command that still is the same process.
fs_interrupt() {
  if fs_born "$1" && [ "$fs_start" = "$2" ]; then
    kill -INT "-$1" || kill -INT "$1"
    by_answer 0
  else by_answer 2 ended; fi
}
fs_born() {
  read -r fs_l <"/proc/$1/stat" || return 1
  set -- \${fs_l##*) }
  fs_start=\${20}
}

# A script that is too long for an argument, in a file of the spool.
fs_keep() { printf %s "$2" >"$by_s/$1" && by_answer 0 || by_answer 6 spool; }
fs_unkeep() { if by_has rm; then rm -f "$by_s/$1"; else printf '' >"$by_s/$1"; fi; by_answer 0; }

fs_tools=
for by_k in cat mv ln rm rmdir mkdir chmod readlink; do ! by_has "$by_k" || fs_tools="$fs_tools $by_k"; done
`;

/** The shell of files that stands on the shell's own built-ins, and says which tools there are beside them. */
export const BARE_SCRIPT = filesScript(
  FUNCTIONS,
  `
    tools) by_answer 0 "$fs_tools";;
    locate) fs_locate "$@";;
    names) fs_names "$@";;
    put) fs_put "$@";;
    adopt) fs_adopt "$@";;
    pour) fs_pour "$@";;
    marked) fs_marked "$@";;
    interrupt) fs_interrupt "$@";;
    keep) fs_keep "$@";;
    unkeep) fs_unkeep "$@";;
`,
);

/**
 * `/bin/sh -c COMMAND_SCRIPT boxyard SPOOL ROOT EPOCH MARK END` and the arguments of the runner's `run`: the first
 * line on stdout is the answer, `status text`; then comes the command's own output. When it has ended, END and its
 * exit code follow on stdout, so that its end is known also while something else holds the output.
 */
export const COMMAND_SCRIPT = `
exec 3>&2 2>/dev/null
by_s=$1 by_root=$2 by_epoch=$3 by_mark=$4 by_end=$5 by_seq=0 by_start=0 by_self=
shift 5
${START_SCRIPT}
by_answer() { printf '%s %s\\n' "$1" "$2"; }
by_born() { read -r by_l </proc/self/stat; set -- \${by_l##*) }; by_start=\${20}; }
cd -P "$by_root" || { by_answer 10 root; exit; }
by_root=$PWD
case $by_root in /) by_root=;; esac
by_begin "$@" || exit 0
shift 9
by_born
by_answer 0 "$$ $by_start"
by_k=$1; shift
export "BOXYARD_OP=$by_mark/$by_id" "BOXYARD_RUN=$by_token"
while [ "$by_k" -gt 0 ]; do export "$1"; shift; by_k=$((by_k-1)); done
unset OLDPWD
[ "$by_in" != n ] || exec </dev/null
if [ "$by_out" = m ]; then exec 2>&1; else exec 2>&3; fi
exec 3>&-
# It lives until it has told how its command ended; the command has these as they were.
trap : INT QUIT TERM HUP
( exec "$@" )
by_code=$?
printf '%s %s\\n' "$by_end" "$by_code"
exit "$by_code"
`;
