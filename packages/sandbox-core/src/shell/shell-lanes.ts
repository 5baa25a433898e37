// Shells of the box with nothing else to do. A command that is kept by such a shell itself, in its foreground,
// needs fewer processes than one for which the channel's shell has to fork a keeper.
import { openLink, type RunnerLinksOptions } from './runner-links.ts';
import type { ShellNotice } from './shell-frames.ts';
import type { ShellLink } from './shell-link.ts';

/** Each is an idle shell of about a megabyte; more commands at once go the usual way. */
const MOST_LANES = 4;

export class ShellLanes {
  readonly #options: RunnerLinksOptions;
  readonly #onNotice: (notice: ShellNotice) => void;
  readonly #onEnd: () => void;
  readonly #all = new Set<ShellLink>();
  readonly #idle: ShellLink[] = [];
  #opening = false;
  #closed = false;

  constructor(options: RunnerLinksOptions, onNotice: (notice: ShellNotice) => void, onEnd: () => void) {
    this.#options = options;
    this.#onNotice = onNotice;
    this.#onEnd = onEnd;
  }

  /** An idle lane, or null; then one more is opened for those who come later. */
  take(): ShellLink | null {
    for (let lane = this.#idle.pop(); lane !== undefined; lane = this.#idle.pop()) {
      if (lane.alive) return lane;
    }
    if (!this.#opening && !this.#closed && this.#all.size < MOST_LANES) this.#open();
    return null;
  }

  /** The lane's command has ended and nobody holds its output: it can take the next one. */
  give(lane: ShellLink): void {
    if (this.#closed) lane.end();
    else if (lane.alive) this.#idle.push(lane);
  }

  /** Lets a lane end by itself that still keeps a command. */
  leave(lane: ShellLink): void {
    this.#all.delete(lane);
    lane.end();
  }

  /** Ends a lane that never answered, so that it does not start later what was given up. */
  destroy(lane: ShellLink): void {
    this.#all.delete(lane);
    lane.destroy();
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#all) lane.end();
    this.#idle.length = 0;
  }

  #open(): void {
    this.#opening = true;
    openLink(this.#options, this.#onNotice)
      .then(({ link }) => {
        this.#all.add(link);
        link.onEnd(() => {
          this.#all.delete(link);
          this.#onEnd();
        });
        this.give(link);
      })
      // Without a lane commands start the usual way, which then says what is wrong.
      .catch(() => undefined)
      .finally(() => {
        this.#opening = false;
      });
  }
}
