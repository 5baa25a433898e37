// A channel that breaks at a chosen byte, as a network does: the shell may still do what it has read, and its answer
// may be lost.
import type { OpenShellChannel, ShellChannel } from '../src/shell/shell-channel.ts';

export type CutLane = 'request' | 'reply' | 'notice';

export interface CutChannels {
  readonly open: OpenShellChannel;
  /** How many bytes the first channel carried so far. */
  readonly carried: Readonly<Record<CutLane, number>>;
}

/** The first channel that is opened ends when `lane` has carried `after` bytes; later ones are whole. */
export function cutFirstChannel(
  open: OpenShellChannel,
  cut: { readonly lane: CutLane; readonly after: number } | null,
): CutChannels {
  const carried = { request: 0, reply: 0, notice: 0 };
  let isFirst = true;
  return {
    carried,
    open: async (argv) => {
      const channel = await open(argv);
      if (!isFirst) return channel;
      isFirst = false;
      return cutChannel(channel, carried, cut);
    },
  };
}

function cutChannel(
  channel: ShellChannel,
  carried: Record<CutLane, number>,
  cut: { readonly lane: CutLane; readonly after: number } | null,
): ShellChannel {
  let tell: (why: string) => void = () => undefined;
  let isCut = false;
  const broken = new Promise<string>((resolve) => {
    tell = resolve;
  });
  /** Passes on what comes before the cut. */
  const carry = (lane: CutLane, bytes: Uint8Array, pass: (bytes: Uint8Array<ArrayBuffer>) => void) => {
    if (isCut) return;
    const room = cut?.lane === lane ? cut.after - carried[lane] : Number.POSITIVE_INFINITY;
    const passed = new Uint8Array(bytes.subarray(0, Math.min(room, bytes.length)));
    carried[lane] += passed.length;
    if (passed.length > 0) pass(passed);
    if (bytes.length < room) return;
    isCut = true;
    channel.end();
    tell('it was cut');
  };
  return {
    write: (bytes) => carry('request', bytes, (part) => channel.write(part)),
    onStdout: (listener) => channel.onStdout((bytes) => carry('reply', bytes, listener)),
    onStderr: (listener) => channel.onStderr((bytes) => carry('notice', bytes, listener)),
    closed: Promise.race([channel.closed, broken]),
    end: () => channel.end(),
    destroy: () => channel.destroy(),
  };
}
