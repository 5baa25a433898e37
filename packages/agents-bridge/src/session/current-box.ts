// The box of a session, asked for anew at every use: it may not be open yet, and it may be another one by now.
import { type Box, bounded, type CallOptions, SandboxError } from '@boxyard/sandbox-core';

/**
 * A box, or a function that answers the present one. The function is asked before every use and first when a tool
 * needs a box, so it should answer quickly once the box is open. A box that follows a pointer tells its root only
 * once it has followed: give a function that lets it follow, then answers it.
 */
export type BoxSource = Box | (() => Promise<Box>);

export interface ActiveBox {
  readonly box: Box;
  /** True where the root that the SDK was shown leads to this box's workspace. */
  readonly atShownRoot: boolean;
}

/** Enough for a link; a box that does not answer is told by what is asked of it next. */
const LINK_DEADLINE_MS = 10_000;
// Only its own arguments are shell text here. A name that is there already stays what it is.
const MAKE_LINK = `mkdir -p -- "$(dirname -- "$2")"
[ -e "$2" ] || [ -L "$2" ] || ln -s -- "$1" "$2"
[ "$(cd -P -- "$2" && pwd -P)" = "$(cd -P -- "$1" && pwd -P)" ]`;

export class CurrentBox {
  readonly #source: BoxSource;
  readonly #shownRoot: string;
  readonly #mayLink: (box: Box) => boolean;
  readonly #reached = new Map<string, Promise<boolean>>();
  #latest: Box | null;

  constructor(source: BoxSource, shownRoot: string, mayLink: (box: Box) => boolean) {
    this.#source = source;
    this.#shownRoot = shownRoot;
    this.#mayLink = mayLink;
    this.#latest = typeof source === 'function' ? null : source;
  }

  /** The box as it was last seen; null before the first use of a source that opens it. */
  get latest(): Box | null {
    return this.#latest;
  }

  async get(options: CallOptions): Promise<ActiveBox> {
    const source = this.#source;
    const box =
      typeof source === 'function' ? await bounded(options, 'Opening the box', () => opened(source)) : source;
    this.#latest = box;
    if (box.workspaceRoot === this.#shownRoot) return { box, atShownRoot: true };
    const key = JSON.stringify([box.ref.provider, box.ref.instance, box.workspaceRoot]);
    let reached = this.#reached.get(key);
    if (reached === undefined) {
      reached = this.#mayLink(box) ? this.#link(box) : Promise.resolve(false);
      this.#reached.set(key, reached);
    }
    return { box, atShownRoot: await reached };
  }

  /** Commands are never rewritten, so the path that the model has learned must lead somewhere in the new box. */
  async #link(box: Box): Promise<boolean> {
    const argv = ['/bin/sh', '-c', MAKE_LINK, 'link', box.workspaceRoot, this.#shownRoot] as const;
    try {
      const { exitCode } = await box.exec({ program: { argv } }, { deadlineMs: LINK_DEADLINE_MS });
      return exitCode === 0;
    } catch {
      return false;
    }
  }
}

/** What went wrong is for whoever opens boxes; its text may hold what the model must not read. */
async function opened(source: () => Promise<Box>): Promise<Box> {
  try {
    return await source();
  } catch (cause) {
    if (SandboxError.isInstance(cause)) throw cause;
    throw new SandboxError('unreachable', 'Opening the box failed; try again later.', {
      cause,
      started: 'no',
    });
  }
}
