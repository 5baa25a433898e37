import {
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  type CallOptions,
  type ExecRequest,
  type ExecResult,
  SandboxError,
  type SpawnRequest,
  traced,
} from '@boxyard/sandbox-core';
import { heldCapabilities } from './held-capabilities.ts';

/**
 * One opener's view of a handle that several openers of a process share. Closing it lets go of the hold, not of
 * the handle, and an error that proves the box gone is seen by whoever has to replace it.
 */
export class HeldBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot: string;
  readonly epoch: number;
  readonly capabilities: BoxCapabilities;
  readonly files: BoxFiles;
  readonly #box: Box;
  readonly #lost: AbortSignal;
  readonly #onGone: () => void;
  readonly #onClose: () => Promise<void>;
  #closed = false;

  constructor(box: Box, lost: AbortSignal, onGone: () => void, onClose: () => Promise<void>) {
    this.#box = box;
    this.#lost = lost;
    this.#onGone = onGone;
    this.#onClose = onClose;
    this.ref = box.ref;
    this.workspaceRoot = box.workspaceRoot;
    this.epoch = box.epoch;
    this.capabilities = heldCapabilities(box.capabilities, {
      check: () => this.#check(),
      watch: (call) => this.#watch(call),
    });
    const { files } = box;
    this.files = {
      read: (...call) => this.#call('files.read', () => files.read(...call)),
      open: (...call) => this.#call('files.open', () => files.open(...call)),
      write: (...call) => this.#call('files.write', () => files.write(...call)),
      version: (...call) => this.#call('files.version', () => files.version(...call)),
      stat: (...call) => this.#call('files.stat', () => files.stat(...call)),
      list: (...call) => this.#call('files.list', () => files.list(...call)),
      move: (...call) => this.#call('files.move', () => files.move(...call)),
      remove: (...call) => this.#call('files.remove', () => files.remove(...call)),
      mkdir: (...call) => this.#call('files.mkdir', () => files.mkdir(...call)),
    };
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#call('exec', () => this.#box.exec(request, options));
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#call('spawn', () => this.#box.spawn(request, options));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#onClose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#closed)
      throw new SandboxError('closed', 'This box was let go by its own user. Open it again.', {
        started: 'no',
      });
    // Another may work in the box by now.
    this.#lost.throwIfAborted();
  }

  #call<T>(name: string, call: () => Promise<T>): Promise<T> {
    const attributes = { 'boxyard.box.provider': this.ref.provider };
    return this.#watch(() => traced(`box.${name}`, attributes, call));
  }

  async #watch<T>(call: () => Promise<T>): Promise<T> {
    this.#check();
    try {
      return await call();
    } catch (error) {
      if (SandboxError.hasCode(error, 'gone')) this.#onGone();
      throw error;
    }
  }
}
