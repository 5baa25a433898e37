// Files of a box that is reached by commands only. Everything is done with the rights of the box's own user, so that
// a link which is turned round in between gives nobody more than a command of theirs would have.

/** The exit codes by which the script tells why not. */
export const FILE_EXITS = {
  missing: 12,
  outside: 13,
  forbidden: 14,
  noFolder: 15,
  badLink: 16,
  folder: 17,
  taken: 18,
  full: 19,
  gone: 20,
  tooLarge: 21,
  noSpace: 22,
  noFile: 23,
  changed: 24,
  notEmpty: 25,
} as const;

const X = FILE_EXITS;

const PLACES = `
export LC_ALL=C
inside() { case $PWD/ in "\${r%/}"/*) ;; *) exit ${X.outside};; esac; }
# into path make: goes there name by name, so that what is wrong is known where it is.
into() {
  cd -P "$r" 2>/dev/null || exit ${X.gone}
  rest=$1
  while [ -n "$rest" ]; do
    c=\${rest%%/*}
    case $rest in */*) rest=\${rest#*/};; *) rest=;; esac
    if [ ! -e "./$c" ]; then
      [ ! -L "./$c" ] || exit ${X.badLink}
      [ "$2" = 1 ] || exit ${X.missing}
      [ -w . ] || exit ${X.forbidden}
      mkdir "./$c" 2>/dev/null || [ -d "./$c" ] || exit ${X.noSpace}
    fi
    [ -d "./$c" ] || { [ -z "$rest" ] && [ "$3" = last ] && exit ${X.taken}; exit ${X.noFolder}; }
    cd -P "./$c" 2>/dev/null || exit ${X.forbidden}
    inside
  done
}
# at path make: goes to the folder of a path; n is its name there.
at() {
  case $1 in */*) into "\${1%/*}" "$2";; *) into '' 0;; esac
  n=\${1##*/}
}
there() { [ -e "./$n" ] || [ -L "./$n" ]; }
# follow: where the name leads, link by link.
follow() {
  i=0
  while [ -L "./$n" ]; do
    i=$((i+1))
    [ "$i" -le 40 ] || exit ${X.badLink}
    t=$(readlink "./$n"; echo .) t=\${t%??}
    case $t in /*) d=\${t%/*} d=\${d:-/};; */*) d=./\${t%/*};; *) d=.;; esac
    n=\${t##*/}
    case $n in ''|.|..) d=$d/$n n=.;; esac
    if ! cd -P "$d" 2>/dev/null; then
      case $d in /*) case $d/ in "\${r%/}"/*) ;; *) exit ${X.outside};; esac;; esac
      exit ${X.missing}
    fi
    inside
  done
}
facts() { stat -L -c '%s %.9Y %i' "$1"; }
# version file: as the box's own files have it.
version() {
  v=$(facts "$1") || exit ${X.changed}
  set -- "$1" $v
  if [ "$2" -le 8388608 ]; then s=$(sha256sum <"$1") || exit ${X.forbidden}; v="sha256-\${s%% *}"; else v="st $v"; fi
}`;

const READING = `
# A regular file on 8, which then stays the same file whatever is put in its place.
opened() {
  at "$p" 0
  [ -n "$p" ] || exit ${X.folder}
  follow
  [ -e "./$n" ] || exit ${X.missing}
  [ ! -d "./$n" ] || exit ${X.folder}
  [ -f "./$n" ] || exit ${X.noFile}
  exec 8<"./$n" || exit ${X.forbidden}
}
# read offset length most: a line of size, count and version, then the bytes.
do_read() {
  opened
  f=/proc/self/fd/8
  size=$(stat -L -c %s /proc/$$/fd/8) || exit ${X.changed}
  c=$((size-$1))
  [ "$c" -ge 0 ] || c=0
  [ "$2" = - ] || [ "$c" -le "$2" ] || c=$2
  [ "$3" = - ] || [ "$c" -le "$3" ] || exit ${X.tooLarge}
  v=-
  [ "$4" != 1 ] || version "/proc/$$/fd/8"
  printf '%s %s %s\\n' "$size" "$c" "$v"
  [ "$c" = 0 ] || dd bs=65536 skip="$1" count="$c" iflag=skip_bytes,count_bytes <&8 2>/dev/null
}
do_version() {
  at "$p" 0
  [ -n "$p" ] || exit ${X.folder}
  follow
  [ -e "./$n" ] || { printf -- -; exit; }
  opened
  version "/proc/$$/fd/8"
  printf %s "$v"
}
do_stat() {
  at "$p" 0
  [ -n "$p" ] || n=.
  there || exit ${X.missing}
  stat -c '%f %s %.9Y' "./$n" || exit ${X.changed}
  [ ! -L "./$n" ] || readlink "./$n"
}
do_list() {
  if [ -n "$p" ]; then
    at "$p" 0
    there || exit ${X.missing}
    [ ! -L "./$n" ] && [ -d "./$n" ] || { [ -L "./$n" ] && follow; exit ${X.noFolder}; }
  fi
  into "$p" 0
  [ -r . ] || exit ${X.forbidden}
  set --
  for k in * .[!.]* ..?*; do if [ -e "./$k" ] || [ -L "./$k" ]; then set -- "$@" "./$k"; fi; done
  [ $# -gt 0 ] || exit 0
  printf '%s\\0' "$@"
  printf '\\0'
  printf '%s\\0' "$@" | xargs -0 stat -c '%f %s %.9Y' || exit ${X.changed}
  printf '\\0'
  for k; do if [ -L "$k" ]; then t=$(readlink "$k"; echo .); printf '%s\\0' "\${t%??}"; fi; done
}`;

const CHANGING = `
# The place of a content: parents absent.
target() {
  [ -n "$p" ] || exit ${X.folder}
  at "$p" "$1"
  [ "$2" = 1 ] || follow
  [ ! -d "./$n" ] || [ -L "./$n" ] || exit ${X.folder}
  [ "$2" != 1 ] || ! there || exit ${X.taken}
  [ ! -e "./$n" ] || [ -f "./$n" ] || exit ${X.noFile}
  [ -w . ] || exit ${X.forbidden}
}
# stage parents absent name: adds stdin to a file beside the target.
do_stage() {
  target "$1" "$2"
  ( umask 077; cat >>"./$3" ) 2>/dev/null || { rm -f "./$3"; exit ${X.noSpace}; }
}
do_drop() { target 0 0; rm -f "./$1"; }
# commit absent name mode version size: gives the staged file the name.
do_commit() {
  target 0 "$1"
  w=./$2
  [ "$(stat -c %s "$w")" = "$5" ] || { rm -f "$w"; exit ${X.changed}; }
  m=$3
  if [ "$4" != - ]; then
    v=-
    [ ! -e "./$n" ] || version "./$n"
    [ "$v" = "$4" ] || { rm -f "$w"; printf %s "$v"; exit ${X.changed}; }
  fi
  [ "$m" != - ] || m=$(stat -c %a "./$n" 2>/dev/null) || m=644
  chmod "$m" "$w"
  if [ "$1" = 1 ]; then
    # A second name fails where there is one already; a renaming would replace it.
    ln "$w" "./$n" 2>/dev/null || { rm -f "$w"; exit ${X.taken}; }
    rm -f "$w"
  else
    mv -f "$w" "./$n" || { rm -f "$w"; exit ${X.forbidden}; }
  fi
  facts "./$n"
}
# put parents absent name mode version size: both in one.
do_put() { do_stage "$1" "$2" "$3"; do_commit "$2" "$3" "$4" "$5" "$6"; }
do_move() {
  at "$p" 0
  there || exit ${X.missing}
  [ -w . ] || exit ${X.forbidden}
  from=$PWD/$n
  at "$1" "$3"
  if there; then
    [ "$2" = 1 ] || exit ${X.taken}
    [ -L "./$n" ] || [ ! -d "./$n" ] || exit ${X.taken}
    [ -L "$from" ] || [ ! -d "$from" ] || exit ${X.taken}
  fi
  mv -f "$from" "./$n" || exit ${X.forbidden}
}
do_remove() {
  at "$p" 0
  there || exit ${X.missing}
  if [ -L "./$n" ] || [ ! -d "./$n" ]; then rm -f "./$n"
  elif [ "$1" = 1 ]; then rm -rf "./$n"
  else rmdir "./$n" 2>/dev/null || exit ${X.notEmpty}; fi
  ! there || exit ${X.forbidden}
}
do_mkdir() {
  if [ "$1" = 1 ]; then into "$p" 1 last; return; fi
  [ -n "$p" ] || exit ${X.taken}
  at "$p" 0
  ! there || exit ${X.taken}
  [ -w . ] || exit ${X.forbidden}
  mkdir "./$n" || exit ${X.taken}
}`;

/** Arguments: root, verb, path (judged before), then what the verb takes. */
export const FILES_SCRIPT = `${PLACES}${READING}${CHANGING}
r=$1 verb=$2 p=$3
shift 3
"do_$verb" "$@"`;
