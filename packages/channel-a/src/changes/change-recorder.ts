import type { EventLog } from '@boxyard/sandbox-core';
import type { OpenBox, SessionRef } from '../open-box.ts';
import { BoxRecording } from './box-recording.ts';
import type { OwnChange } from './own-changes.ts';

export interface ChangeRecorderOptions {
  readonly events: EventLog;
  readonly openBox: OpenBox;
}

/** While it is held, what changes in the box is recorded. */
export interface ChangeHold extends Disposable {
  /** Call it before a command begins: resolves when its changes are seen, or soon in any case. */
  ready(): Promise<void>;
}

/**
 * Records what changes in boxes without the API's doing: `fs.changed` with source `agent` while a command or a
 * terminal runs, `watch` while somebody only watches. One watch for each box and process, however many want it.
 *
 * Changes are stored behind, in batches, with one statement for each batch. Where too many come at once, or none
 * can be seen, one change of a folder says that it is to be read anew.
 */
export class ChangeRecorder {
  readonly #options: ChangeRecorderOptions;
  readonly #recordings = new Map<string, BoxRecording>();
  readonly #ending = new Set<Promise<void>>();

  constructor(options: ChangeRecorderOptions) {
    this.#options = options;
  }

  /** @param epoch of the box that its holder has open. */
  hold(session: SessionRef, epoch: number, source: 'agent' | 'watch'): ChangeHold {
    const recording = this.#recordingOf(session, epoch);
    const key = {};
    recording.hold(key, source);
    return { ready: () => recording.ready(), [Symbol.dispose]: () => recording.release(key) };
  }

  /** Before the API changes files of a box that is being recorded; null when it is not. */
  beginOwnChange(groupId: string, paths: readonly string[]): OwnChange | null {
    return this.#recordings.get(groupId)?.own.begin(paths) ?? null;
  }

  /** Stores what was seen and stops watching. */
  async close(): Promise<void> {
    for (const recording of this.#recordings.values()) this.#end(recording);
    await Promise.all(this.#ending);
  }

  #recordingOf(session: SessionRef, epoch: number): BoxRecording {
    const { groupId } = session;
    const known = this.#recordings.get(groupId);
    if (known?.epoch === epoch) return known;
    if (known !== undefined) this.#end(known);
    const recording: BoxRecording = new BoxRecording({
      ...this.#options,
      session,
      epoch,
      onEnd: () => {
        if (this.#recordings.get(groupId) === recording) this.#recordings.delete(groupId);
      },
    });
    this.#recordings.set(groupId, recording);
    return recording;
  }

  #end(recording: BoxRecording): void {
    const end = recording.end().finally(() => this.#ending.delete(end));
    this.#ending.add(end);
  }
}
