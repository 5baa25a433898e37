/** Talks with the agent of a session: once, or for as long as somebody at a terminal has something to say. */
import { BoxyardError, type BoxyardSession } from '@boxyard/client';
import type { Decide } from './approval-desk.ts';
import type { Keyboard } from './keyboard.ts';
import { readStanding, type SessionStanding } from './session-standing.ts';
import type { TurnPrinter } from './turn-printer.ts';
import { type WatchedTurn, watchTurn } from './watch-turn.ts';

export interface ChatOptions {
  readonly session: BoxyardSession;
  readonly printer: TurnPrinter;
  /** Null where nobody types: what waits for a decision is left waiting. */
  readonly keyboard: Keyboard | null;
  /** Said first; without a keyboard also last. Null: what is open is watched, or somebody is asked. */
  readonly message: string | null;
  /** Whether the chat ends with the turn of `message`. */
  readonly once: boolean;
  /** Tools whose calls wait for a decision. */
  readonly approvals: readonly string[];
  /** Every call that waits is approved. */
  readonly approveAll: boolean;
  /** Ends the chat, not the turn. */
  readonly leave?: AbortSignal | undefined;
}

/** Nothing was said, and nothing was there to be watched. */
export class NothingToSay extends Error {
  override readonly name = 'NothingToSay';
}

/** Exit codes: as a shell has them for an interrupted program, and one for "somebody has to decide". */
const EXIT: Readonly<Record<WatchedTurn['outcome'], number>> = {
  'turn.completed': 0,
  'turn.failed': 1,
  'turn.cancelled': 130,
  undecided: 2,
  left: 130,
};

/** @returns the exit code of the last turn that was watched. */
export async function chat(options: ChatOptions): Promise<number> {
  const { session, printer, keyboard } = options;
  let standing = await readStanding(session);
  let text = options.message;
  let exitCode = 0;
  if (text === null && keyboard === null && standing.open === null) {
    throw new NothingToSay('Nothing was said. Write a message behind the session, or on standard input.');
  }
  for (;;) {
    if (text === null && standing.open === null) {
      text = await nextMessage(keyboard);
      if (text === null) return exitCode;
      printer.wasTyped(text);
    }
    const turnId = await begin(options, standing, text);
    if (turnId !== null) {
      const { outcome, seq, nextTurnId } = await watch(options, standing, turnId);
      exitCode = EXIT[outcome];
      if (outcome === 'left' || outcome === 'undecided') return exitCode;
      standing = { seq, open: nextTurnId === null ? null : { turnId: nextTurnId, events: [] } };
    }
    text = null;
    if (standing.open === null && (options.once || keyboard === null)) return exitCode;
  }
}

/** Says it. Null when the server refused, which a person at a keyboard is told and may mend. */
async function begin(
  { session, printer, keyboard, approvals, once }: ChatOptions,
  { open }: SessionStanding,
  text: string | null,
): Promise<string | null> {
  if (text === null) return open?.turnId ?? null;
  try {
    return (await session.api.turns.post({ text, approvals: [...approvals] })).turnId;
  } catch (error) {
    if (keyboard === null || once || !BoxyardError.isInstance(error)) throw error;
    printer.note(error.message, 'red');
    return null;
  }
}

async function watch(
  options: ChatOptions,
  { seq, open }: SessionStanding,
  turnId: string,
): Promise<WatchedTurn & { readonly nextTurnId: string | null }> {
  const { session, printer, keyboard, approvals } = options;
  const leaving = new AbortController();
  const said: Promise<void>[] = [];
  let nextTurnId: string | null = null;
  let isOver = false;
  const tell = (error: unknown) =>
    printer.note(error instanceof Error ? error.message : String(error), 'red');
  let interrupts = 0;
  const interrupt = () => {
    interrupts += 1;
    if (interrupts > 1) return leaving.abort();
    printer.note('cancelling; Ctrl-C once more leaves at once', 'yellow');
    session.api.turns.cancel(turnId).catch(tell);
  };
  // A person may say more while the agent works: it is in the next question to the model.
  const steer = (line: string) => {
    if (line.trim() === '') return;
    printer.wasTyped(line);
    const posted = session.api.turns.post({ text: line, approvals: [...approvals] });
    said.push(
      posted.then((answer) => {
        // What is said in the last moment begins a turn of its own.
        if (answer.isNewTurn) nextTurnId = answer.turnId;
      }, tell),
    );
  };
  let unhear = keyboard?.hear(steer);
  const decide: Decide = async (approval, signal) => {
    if (options.approveAll) return true;
    if (keyboard === null) return null;
    unhear?.();
    printer.pause();
    try {
      return await askYesOrNo(keyboard, `Run ${approval.tool}? [y/n] `, signal, interrupt);
    } finally {
      if (!isOver) unhear = keyboard.hear(steer);
    }
  };
  process.on('SIGINT', interrupt);
  try {
    printer.waiting('waiting for a worker');
    const watched = await watchTurn({
      session,
      turnId,
      after: seq,
      ...(open?.turnId === turnId ? { earlier: open.events } : {}),
      show: (event) => printer.show(event),
      decide,
      leave: AbortSignal.any([leaving.signal, ...(options.leave ? [options.leave] : [])]),
      onFailure: tell,
    });
    if (watched.outcome === 'undecided') {
      printer.note(`The turn waits for a decision: boxyard chat ${session.id}`, 'yellow');
    }
    await Promise.all(said);
    // Also where the turn had ended by then: who asks twice does not want to be asked for more.
    const outcome = leaving.signal.aborted ? 'left' : watched.outcome;
    return { ...watched, outcome, nextTurnId };
  } finally {
    isOver = true;
    process.off('SIGINT', interrupt);
    unhear?.();
    printer.pause();
  }
}

/** Until it is one of the two; null when the question was taken back or the keyboard has gone. */
async function askYesOrNo(
  keyboard: Keyboard,
  prompt: string,
  signal: AbortSignal,
  onInterrupt: () => void,
): Promise<boolean | null> {
  for (;;) {
    const answer = (await keyboard.ask({ prompt, signal, onInterrupt }))?.trim().toLowerCase();
    if (answer === undefined) return null;
    if (answer === 'y' || answer === 'yes') return true;
    if (answer === 'n' || answer === 'no') return false;
  }
}

async function nextMessage(keyboard: Keyboard | null): Promise<string | null> {
  for (;;) {
    const line = (await keyboard?.ask({ prompt: '> ' })) ?? null;
    if (line === null) return null;
    if (line.trim() !== '') return line;
  }
}
