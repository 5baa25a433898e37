// The text of the shell that keeps a box's files: a second channel, so that a long removal holds up no command.
import { READ_ARGUMENTS, START_SCRIPT } from '@boxyard/sandbox-core';
import { EXCHANGE_SCRIPT } from './exchange-script.ts';
import { FILE_SCRIPT } from './file-script.ts';
import { LIST_SCRIPT } from './list-script.ts';
import { PATH_SCRIPT } from './path-script.ts';

const PLACE_SCRIPT = `
by_s=$1 by_root=$2 by_epoch=$3 fs_stage_dir=$4 by_self= by_start=0 by_mark=
${START_SCRIPT}
${PATH_SCRIPT}
umask 022
by_seq=0
cd -P "$by_root" || { by_answer 10 root; exit; }
by_root=$PWD
case $by_root in /) by_root=;; esac
`;

/**
 * Runs as `/bin/sh -c … boxyard SPOOL ROOT EPOCH STAGE` with LC_ALL=C, and speaks the frames of the
 * runner: requests are lines or counted bytes, never shell text. `functions` and `verbs` are what a kind of box adds.
 */
export const filesScript = (functions = '', verbs = '') => `
exec 3>&2 2>/dev/null
${PLACE_SCRIPT}
${FILE_SCRIPT}
${LIST_SCRIPT}
${EXCHANGE_SCRIPT}
${functions}
[ -d "$fs_stage_dir" ] || { mkdir -p "$fs_stage_dir" && chmod 700 "$fs_stage_dir"; } || { by_answer 6 stage; exit; }
fs_missing=
for by_k in cat dd stat mv ln rm mkdir rmdir chmod readlink find sha256sum sleep xargs; do
  command -v "$by_k" >/dev/null || fs_missing="$fs_missing $by_k"
done
command -v tar >/dev/null && fs_tar=1 || fs_tar=0
find "$fs_stage_dir" -maxdepth 0 -printf '' && fs_printf=1 || fs_printf=
# What a channel left behind that was cut off.
for by_f in "$fs_stage_dir"/[0-9]*.*; do
  by_k=\${by_f##*/} by_k=\${by_k%%.*}
  [ ! -e "$by_f" ] || [ -e "/proc/$by_k" ] || rm -rf "$by_f"
done
# What was never put in its place, whoever sent it.
find "$fs_stage_dir" -mindepth 1 -maxdepth 1 -mmin +720 -exec rm -rf {} +
command exec 7<>"$fs_stage_dir/$$.list" || { by_answer 6 stage; exit; }
rm -f "$fs_stage_dir/$$.list"
by_answer 0 "$$ $fs_tar$fs_missing"

while read -r by_tag by_seq by_verb by_reap by_counts; do
  [ "$by_tag" = F ] || exit 65
${READ_ARGUMENTS}
  case $by_verb in
    may) fs_may "$@";;
    read) fs_read "$@";;
    version) fs_version "$@";;
    stat) fs_stat "$@";;
    link) fs_link "$@";;
    write) fs_write "$@";;
    drop) fs_drop "$@";;
    mkdir) fs_mkdir "$@";;
    remove) fs_remove "$@";;
    move) fs_move "$@";;
    folder) fs_folder "$@";;
    shell) fs_shell "$@";;
    list) fs_list "$@";;
    facts) fs_facts_of "$@";;
    take) fs_take "$@";;
    exchange) fs_exchange "$@";;
${verbs}
    *) exit 65;;
  esac
done
`;

/**
 * \`/bin/sh -c READ_STREAM boxyard SPOOL ROOT EPOCH STAGE PATH OFFSET LENGTH\`: the range on stdout. On stderr an
 * answer before the first byte and one after the last, each with the file's facts.
 */
export const READ_STREAM = `
exec 3>&2 2>/dev/null
${PLACE_SCRIPT}
by_answer() { printf 'R %s %s %s\\n' "$by_seq" "$1" "$2" >&3; }
fs_open "$5" || exit 0
by_answer 0 "$(stat -L -c '%s %.9Y %i' /proc/self/fd/8)"
if [ "$6" = 0 ] && [ "$7" = - ]; then cat <&8
elif [ "$7" = - ]; then dd bs=65536 skip="$6" iflag=skip_bytes <&8
else dd bs=65536 skip="$6" count="$7" iflag=skip_bytes,count_bytes <&8; fi
by_seq=1
by_answer 0 "$(stat -L -c '%s %.9Y %i' /proc/self/fd/8)"
`;

/** \`/bin/sh -c PACK_STREAM boxyard SPOOL ROOT EPOCH STAGE PATH\`: the folder as a tar on stdout. */
export const PACK_STREAM = `
exec 3>&2 2>/dev/null
${PLACE_SCRIPT}
by_answer() { printf 'R %s %s %s\\n' "$by_seq" "$1" "$2" >&3; }
fs_into "$5" 0 || exit 0
by_answer 0 .
exec tar -cf - .
`;

/** \`/bin/sh -c UNPACK_STREAM boxyard FOLDER\`: a tar on stdin into a new staged folder. */
export const UNPACK_STREAM = 'umask 022; mkdir "$1" && cd "$1" && exec tar -xpf -';
