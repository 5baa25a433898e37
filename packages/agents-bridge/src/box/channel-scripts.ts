// The scripts of a channel that is made of single commands. In the box stay a folder, the process that the channel
// leads to, and a keeper; each command writes or reads what is there at that moment.

/** So often a command that waits for output comes back without any. */
const TICK_SECONDS = 20;
/** After so many ticks without a reader whoever opened the channel is taken for dead. */
const LONELY_TICKS = 6;
/** What one command prints stays far below what a session keeps of it. */
const MOST_PIECES = 8;

// It holds the input open, so that the process sees its end only when the keeper ends.
const KEEPER = `exec 8<>bell 9>in
n=0
while sleep ${TICK_SECONDS} && [ -e in ]; do
  if [ -e seen ]; then rm -f seen; n=0; else n=$((n+1)); fi
  [ "$n" -lt ${LONELY_TICKS} ] || break
  echo t >&8
done
rm -rf "$1"`;

// Each piece is a file of its own: one read of the pipe, whole before its name appears.
const SERVER = `d=$1
umask "$2"
shift 2
exec 8<>bell
gather() {
  n=1
  while dd bs=49152 count=1 of="t.$1" 2>/dev/null && [ -s "t.$1" ]; do
    mv "t.$1" "$1.$n"
    echo >&8
    n=$((n+1))
  done
}
{ "$@" <in 2>&1 >&3 3>&- 8>&- | gather e >/dev/null 3>&-; } 3>&1 | { gather o; : >o.end; echo >&8; }
[ ! -e closing ] || rm -rf "$d"`;

/** Arguments: the command of the process. Prints the folder and the ids of keeper and server in base64. */
export const OPEN_SCRIPT = `u=$(umask)
umask 077
d=$(mktemp -d "\${TMPDIR:-/tmp}/boxyard-channel.XXXXXX") && cd "$d" && mkfifo in bell || exit 1
s=
if command -v setsid >/dev/null; then s=setsid; fi
$s /bin/sh -c '${KEEPER}' keeper "$d" </dev/null >/dev/null 2>&1 &
k=$!
$s /bin/sh -c '${SERVER}' server "$d" "$u" "$@" </dev/null >/dev/null 2>&1 &
printf '%s %s %s' "$k" "$!" "$d" | base64`;

/** Arguments: folder, bytes in base64. Opened for both directions, so that a dead reader is no reason to wait. */
export const WRITE_SCRIPT = `cd "$1" && [ -p in ] && [ ! -e o.end ] || exit 3
printf %s "$2" | base64 -d 1<>in`;

/** Arguments: folder, the next number of either output. Lines of `o` or `e` and base64; `x` is the end. */
export const READ_SCRIPT = `cd "$1" 2>/dev/null || { echo x; exit; }
: >seen
o=$2 e=$3 k=0
tell() { printf %s "$1"; base64 <"$2" | tr -d '\\n'; echo; rm -f "$2"; k=$((k+1)); }
while :; do
  while [ "$k" -lt ${MOST_PIECES} ] && [ -e "o.$o" ]; do tell o "o.$o"; o=$((o+1)); done
  while [ "$k" -lt ${MOST_PIECES} ] && [ -e "e.$e" ]; do tell e "e.$e"; e=$((e+1)); done
  [ "$k" = 0 ] || exit 0
  if [ -e o.end ]; then [ -e "o.$o" ] && continue; rm -rf "$1"; echo x; exit 0; fi
  read -r z <bell || exit 4
  [ "$z" != t ] || exit 0
done`;

/** Arguments: folder, keeper, server, signal for the server or nothing. Without one it ends by itself. */
export const END_SCRIPT = `[ -d "$1" ] && : >"$1/closing"
kill -- "-$2" 2>/dev/null || kill "$2" 2>/dev/null
[ -z "$4" ] || { kill "-$4" -- "-$3" || kill "-$4" "$3"; } 2>/dev/null
[ -z "$4" ] || rm -rf "$1"
:`;
