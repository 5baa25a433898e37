// Shells of the box that have the next command prepared: what starts it, and what takes its output to the spool.
// Such a shell keeps its command itself, so that between the question and the command lies a single exec.

import { STARTER_SCRIPT } from './lane-script.ts';
import { LIMIT_SCRIPT } from './limit-script.ts';
import { openLink, type RunnerLinksOptions } from './runner-links.ts';
import type { ShellNotice } from './shell-frames.ts';
import { isStatus } from './shell-frames.ts';
import type { ShellLink } from './shell-link.ts';

/** Each is a handful of idle processes of about a megabyte; more commands at once go the usual way. */
const MOST_LANES = 4;
/** And so many for commands that are fed: who feeds a command mostly has one at a time. */
const MOST_FEEDING_LANES = 2;
/** So many may still keep commands that live long: each costs us three descriptors. */
const MOST_LEFT = 32;
/** A command that lives longer is left its lane when others need one. */
const LONG_MS = 500;

export interface ShellLane {
  readonly link: ShellLink;
  /** Whether its commands are fed after their start; the others have none or all of their stdin by then. */
  readonly feeds: boolean;
  /** The beginning of the names of the output files that wait in the spool. */
  slot: string;
  /** What became of the turn that it was taken for: its files are the op's, it was asked, it has answered. */
  turn: 'untouched' | 'handed' | 'asked' | 'answered';
  /** By `performance.now`; infinite while it waits to be taken. */
  takenAt: number;
}

export interface ShellLanesOptions extends RunnerLinksOptions {
  readonly spoolBlocks: number;
}

export class ShellLanes {
  readonly #options: ShellLanesOptions;
  readonly #onNotice: (notice: ShellNotice) => void;
  readonly #onEnd: () => void;
  readonly #all = new Set<ShellLane>();
  readonly #left = new Set<ShellLane>();
  #ready: readonly ShellLane[] = [];
  #opening = false;
  #closed = false;
  #unsupported = false;

  constructor(options: ShellLanesOptions, onNotice: (notice: ShellNotice) => void, onEnd: () => void) {
    this.#options = options;
    this.#onNotice = onNotice;
    this.#onEnd = onEnd;
  }

  /** A lane that is ready, or null. */
  take(feeds: boolean): ShellLane | null {
    this.#ready = this.#ready.filter(({ link }) => link.alive);
    const lane = this.#ready.find((ready) => ready.feeds === feeds);
    if (lane === undefined) return null;
    this.#ready = this.#ready.filter((ready) => ready !== lane);
    lane.turn = 'untouched';
    lane.takenAt = performance.now();
    return lane;
  }

  /** One more for those who come later. For when a command had to start the usual way, by a box that answers. */
  more(feeds: boolean): void {
    if (this.#opening || this.#closed || this.#unsupported || this.#left.size >= MOST_LEFT) return;
    const most = feeds ? MOST_FEEDING_LANES : MOST_LANES;
    const alike = [...this.#all].filter((lane) => lane.feeds === feeds);
    if (alike.length >= most) {
      const longSince = performance.now() - LONG_MS;
      const long = alike.find(({ takenAt }) => takenAt < longSince);
      if (long === undefined) return;
      this.leave(long);
    }
    this.#open(feeds);
  }

  /** After a turn whose command has ended, or never began; the lane says by itself when it is ready again. */
  give(lane: ShellLane): void {
    if (lane.turn !== 'untouched' || !lane.link.alive || this.#closed) return;
    this.#isReady(lane);
  }

  /** Lets a lane end by itself that still keeps a command, or may come to. */
  leave(lane: ShellLane): void {
    if (this.#all.delete(lane) && lane.link.alive) this.#left.add(lane);
    lane.link.end();
  }

  /** Ends a lane that never answered. Once it has ended, it surely starts nothing of what was given up. */
  destroy(lane: ShellLane): Promise<void> {
    this.#all.delete(lane);
    lane.link.destroy();
    return lane.link.closed;
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#all) lane.link.end();
    this.#ready = [];
  }

  #isReady(lane: ShellLane): void {
    lane.takenAt = Number.POSITIVE_INFINITY;
    if (!this.#closed) this.#ready = [...this.#ready, lane];
  }

  #open(feeds: boolean): void {
    this.#opening = true;
    this.#openLane(feeds)
      // Without a lane commands start the usual way, which then says what is wrong.
      .catch(() => undefined)
      .finally(() => {
        this.#opening = false;
      });
  }

  async #openLane(feeds: boolean): Promise<void> {
    let lane: ShellLane | null = null;
    const onNotice = (notice: ShellNotice) => {
      if (notice.kind !== 'ready') this.#onNotice(notice);
      else if (lane !== null && this.#all.has(lane)) {
        lane.slot = notice.id;
        this.#isReady(lane);
      }
    };
    const { link } = await openLink(this.#options, onNotice, [STARTER_SCRIPT, LIMIT_SCRIPT]);
    const opened: ShellLane = {
      link,
      feeds,
      slot: '',
      turn: 'untouched',
      takenAt: Number.POSITIVE_INFINITY,
    };
    lane = opened;
    this.#all.add(opened);
    link.onEnd(() => {
      this.#all.delete(opened);
      this.#left.delete(opened);
      this.#onEnd();
    });
    if (this.#closed) link.end();
    const reply = await link.request('lane', [String(this.#options.spoolBlocks), feeds ? 'o' : 'n']);
    if (isStatus(reply, 0)) return;
    // bash has no pipes without a name: another shell of the same kind would not have them either.
    this.#unsupported = true;
    link.end();
  }
}
