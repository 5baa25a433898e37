import type { Box, BoxRef, Provider } from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';
import { resumeBox } from './resume-box.ts';

interface Handle {
  readonly epoch: number;
  readonly box: Promise<Box>;
}

/** One open handle for each group in this process, of the newest epoch that it has seen. */
export class BoxHandles {
  readonly #context: LeaseContext;
  readonly #handles = new Map<string, Handle>();

  constructor(context: LeaseContext) {
    this.#context = context;
  }

  /** The handle of this epoch, opened when there is none; shared, so its opening is bounded by us alone. */
  async get(
    groupId: string,
    epoch: number,
    ref: BoxRef,
    provider: Provider,
    environment: Readonly<Record<string, string>>,
  ): Promise<{ readonly box: Box; readonly epoch: number }> {
    const known = this.#handles.get(groupId);
    if (known !== undefined && known.epoch >= epoch) return { box: await known.box, epoch: known.epoch };
    const handle: Handle = { epoch, box: resumeBox(provider, ref, { epoch, environment }) };
    this.#put(groupId, handle);
    try {
      return { box: await handle.box, epoch };
    } catch (error) {
      if (this.#handles.get(groupId) === handle) this.#handles.delete(groupId);
      throw error;
    }
  }

  /**
   * Takes over a handle that was opened by making the box, and answers the one to use: somebody who joined as soon as
   * the box was committed may have opened one already, and works with it.
   */
  async adopt(
    groupId: string,
    epoch: number,
    box: Box,
  ): Promise<{ readonly box: Box; readonly epoch: number }> {
    const known = this.#handles.get(groupId);
    const theirs = known !== undefined && known.epoch >= epoch ? await known.box.catch(() => null) : null;
    const made = { epoch, box: Promise.resolve(box) };
    if (known === undefined || theirs === null) {
      this.#put(groupId, made);
      return { box, epoch };
    }
    if (theirs !== box) this.#close(groupId, made);
    return { box: theirs, epoch: known.epoch };
  }

  /** Closes the handle, unless it is of a later epoch. */
  drop(groupId: string, epoch: number): void {
    const known = this.#handles.get(groupId);
    if (known === undefined || known.epoch > epoch) return;
    this.#handles.delete(groupId);
    this.#close(groupId, known);
  }

  async closeAll(): Promise<void> {
    const all = [...this.#handles.values()];
    this.#handles.clear();
    await Promise.all(all.map((handle) => handle.box.then((box) => box.close()).catch(() => {})));
  }

  #put(groupId: string, handle: Handle): void {
    const before = this.#handles.get(groupId);
    this.#handles.set(groupId, handle);
    if (before !== undefined) this.#close(groupId, before);
  }

  #close(groupId: string, handle: Handle): void {
    handle.box.then(
      (box) => this.#context.attempt('handle.close', groupId, () => box.close()),
      // It never opened: whoever asked for it was told.
      () => {},
    );
  }
}
