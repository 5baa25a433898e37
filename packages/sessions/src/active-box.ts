/** A box that a session works in, while somebody holds it. */
import type { RestoreReceipt } from '@boxyard/contracts';
import type { RoutedBox } from '@boxyard/routing';
import type { Box, BoxGroup, CallOptions, ChangeJournal, HolderKind } from '@boxyard/sandbox-core';

export interface BoxHolder {
  readonly kind: HolderKind;
  readonly id: string;
  /** Who it is: a key's id, an op's id. Shown to people who ask why a box is up. */
  readonly subject: string;
}

export interface OpenBoxOptions extends CallOptions {
  /** `fenced` when the box has moved on since. */
  readonly expectedEpoch?: number | undefined;
  /** The workspace is about to change: the box is captured before it is let go. */
  readonly mutates?: boolean | undefined;
  /**
   * What becomes of calls when the session moves to another box meanwhile. `settle`, for one request: they go on in
   * the box that was active at first, until that refuses them; then where the session works now. `follow`, for a
   * turn: each goes to where the session works then. `stay`, for a command: they are refused, and so are changes
   * that begin after the session has left. `settle` when absent.
   */
  readonly onSwap?: 'settle' | 'follow' | 'stay' | undefined;
}

/** A box that is held until it is disposed of. All members are of the box that the latest call went to. */
export interface ActiveBox extends AsyncDisposable {
  readonly group: BoxGroup;
  readonly box: Box;
  readonly epoch: number;
  readonly journal: ChangeJournal;
  /** What was restored when the box was opened here; null when nothing was, or when somebody else was told. */
  readonly receipt: RestoreReceipt | null;
}

/** The journal is of the group that the latest call went to: what it did is recorded there. */
export function activeBox(box: RoutedBox<ActiveBox>, onClosed: () => void): ActiveBox {
  return {
    box,
    get group() {
      return box.opened.group;
    },
    get epoch() {
      return box.opened.epoch;
    },
    get receipt() {
      return box.opened.receipt;
    },
    journal: {
      get groupId() {
        return box.opened.group.id;
      },
      revision: () => box.opened.journal.revision(),
      record: (events) => box.opened.journal.record(events),
    },
    [Symbol.asyncDispose]: async () => {
      onClosed();
      await box.close();
    },
  };
}
