// The first process of a container. Nothing is asked of it but to be there until the box ends. Whoever makes the box
// may have it start the shell that commands go through: that one is up when the container is, and no exec of the
// engine, which takes as long as five commands, is waited for.
import type { Duplex } from 'node:stream';
import type { ShellChannel } from '@boxyard/sandbox-core';
import { streamChannel } from './stream-channel.ts';

const ENDED = 'boxyard: the shell has ended';

/**
 * Waits for input that never comes, or for one line `B` with how many variables follow and how each word of them and of
 * a program is sent: `l` as a line, else that many bytes. None of them is taken for shell text.
 */
export const ENTRY_SCRIPT = `
while read -r line; do
  case $line in 'B '*) ;; *) continue;; esac
  (
    by_n=\${line#B } by_words=\${line#B * } by_n=\${by_n%% *}
    set --
    for by_k in $by_words; do
      if [ "$by_k" = l ]; then IFS= read -r by_v
      else by_v=$(dd bs="$by_k" count=1 iflag=fullblock 2>/dev/null; echo x) by_v=\${by_v%x}; fi
      set -- "$@" "$by_v"
    done
    while [ "$by_n" -gt 0 ]; do export "$1"; shift; by_n=$((by_n-1)); done
    exec "$@"
  )
  # Where no answer is cut in two by it.
  printf '\\n${ENDED}\\n' >&2
done`;

/** Reading a longer line takes the shell longer than starting dd. */
const LONGEST_LINE = 512;

/** Whether the shell can set a variable of this name; it knows fewer names than the engine, and uses some itself. */
export function canEnter(name: string): boolean {
  return /^(?!by_|line$)[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** The channel to `argv`, started by the container's first process; the container may still have to start. */
export function entryChannel(stream: Duplex, argv: readonly string[], env: readonly string[]): ShellChannel {
  const channel = streamChannel(stream);
  const words = [...env, ...argv].map(wordOf);
  const head = Buffer.from(`B ${env.length} ${words.map(({ kind }) => kind).join(' ')}\n`);
  channel.write(new Uint8Array(Buffer.concat([head, ...words.map(({ bytes }) => bytes)])));
  return {
    ...channel,
    onStderr: (listener) => {
      let tail = '';
      channel.onStderr((bytes) => {
        listener(bytes);
        const text = tail + Buffer.from(bytes).toString('latin1');
        // The container's output goes on without its shell, so nothing else would tell.
        if (text.includes(`\n${ENDED}\n`)) channel.destroy();
        tail = text.slice(-ENDED.length - 1);
      });
    },
    end: () => {
      // The input of a container does not end with ours: by a line that is no request the shell ends itself.
      channel.write(new Uint8Array(Buffer.from('.\n')));
      channel.end();
    },
  };
}

function wordOf(text: string): { readonly kind: string; readonly bytes: Buffer } {
  if (text.length <= LONGEST_LINE && !text.includes('\n'))
    return { kind: 'l', bytes: Buffer.from(`${text}\n`) };
  const bytes = Buffer.from(text);
  return { kind: String(bytes.length), bytes };
}
