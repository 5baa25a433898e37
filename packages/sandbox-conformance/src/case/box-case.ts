import type { Box, BoxCapabilities } from '@boxyard/sandbox-core';

/** One file of cases each; also the unit that shares a box. */
export const BOX_AREAS = [
  'exec',
  'output',
  'spawn',
  'stdin',
  'kill',
  'attach',
  'deadline',
  'cancel',
  'files',
  'confinement',
  'watch',
  'archives',
  'terminal',
  'ports',
  'close',
] as const;
export type BoxArea = (typeof BOX_AREAS)[number];

/**
 * What a subject can offer to a test beside the box itself. `kernel`: real processes, `/proc`, a real `/bin/sh`.
 * `interrupt`: commands begin with SIGINT as the system has it; a shell that starts them in the background makes them
 * ignore it, and not every image has a tool that gives it back. The others say that `open` answers the member of the same name.
 */
export const SUBJECT_FACTS = ['kernel', 'interrupt', 'reopen', 'freeze', 'killHost', 'leftovers'] as const;
export type SubjectFact = (typeof SUBJECT_FACTS)[number];
export type SubjectFacts = Readonly<Partial<Record<SubjectFact, boolean>>>;

/** A box under test with what its maker can do to it from outside. */
export interface BoxSubject {
  readonly box: Box;
  /** Another handle to the same box, opened as a new process would do it. The caller closes it. */
  readonly reopen?: () => Promise<Box>;
  /** From now on the box answers nothing, as a paused container does. Given together with `thaw`. */
  readonly freeze?: () => Promise<void>;
  readonly thaw?: () => Promise<void>;
  /** The box is destroyed by somebody else; afterwards every call is `gone`. */
  readonly killHost?: () => Promise<void>;
  /**
   * What commands left behind in the box and on its host, each by a name for people: processes, spool files,
   * temporary files. Empty when nothing is left; the suite asks until it is, for at most `waitMs`.
   */
  readonly leftovers?: () => Promise<readonly string[]>;
  /** Ends everything that opening the subject began. Called once, also after a failure. */
  readonly dispose?: () => Promise<void>;
}

export type OpenSubject = () => Promise<BoxSubject>;

export interface BoxCaseContext {
  readonly subject: BoxSubject;
  readonly box: Box;
  /** How long a case waits for one thing before it fails; never how long something may take. */
  readonly waitMs: number;
  /** A name that no other case uses, for files and process ids of this case. */
  unique(hint: string): string;
  /** Runs when the case is over, in reverse order, also after a failure. */
  defer(end: () => Promise<unknown>): void;
}

/** A case is data, so that a suite that must bite can run it without a test runner. */
export interface BoxCase {
  /** `<area>.<what>`; stable, used in `skip`. */
  readonly id: string;
  readonly area: BoxArea;
  /** A sentence about behaviour. */
  readonly title: string;
  /** Cases of the Agents SDK's contract that this one carries over. */
  readonly sdk?: readonly number[];
  /** When the box says that it lacks this, the case only checks that it says so with a reason. */
  readonly needs?: keyof BoxCapabilities;
  /** Not applicable to a subject that lacks one of these. */
  readonly facts?: readonly SubjectFact[];
  /** The case destroys its box or closes its handle, so it gets one of its own. */
  readonly ownBox?: boolean;
  run(context: BoxCaseContext): Promise<void>;
}

/** Adds the area to each case of one file. */
export function casesOf(area: BoxArea, cases: readonly Omit<BoxCase, 'area'>[]): readonly BoxCase[] {
  return cases.map((one) => ({ ...one, area, id: `${area}.${one.id}` }));
}
