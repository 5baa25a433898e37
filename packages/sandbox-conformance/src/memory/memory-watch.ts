import {
  type BoxWatch,
  checkRelativePath,
  type FileChange,
  SandboxError,
  type WatchOptions,
} from '@boxyard/sandbox-core';
import type { MemoryGate } from './memory-gate.ts';
import type { MemoryMachine } from './memory-machine.ts';

export class MemoryWatch implements BoxWatch {
  readonly #machine: MemoryMachine;
  readonly #gate: MemoryGate;

  constructor(machine: MemoryMachine, gate: MemoryGate) {
    this.#machine = machine;
    this.#gate = gate;
  }

  async *watch(
    path: string,
    { signal, recursive = true, onReady }: WatchOptions,
  ): AsyncGenerator<FileChange, void, void> {
    const waiting: FileChange[] = [];
    let wake: () => void = () => {};
    const { tree, root } = this.#machine;
    const folder = await this.#gate.pass(`Watching ${JSON.stringify(path)}`, { signal }, async () => {
      checkRelativePath(path);
      const place = tree.resolve(path, { from: root, follow: true, within: root });
      if (place.node === undefined)
        throw new SandboxError('not-found', `${path} does not exist; watch its parent.`);
      if (place.node.kind !== 'dir')
        throw new SandboxError('invalid', `${path} is no folder; watch its parent.`);
      return place.path;
    });
    const stop = tree.onChange((kind, changed, isDir) => {
      const below = changed.length - folder.length;
      if (below < 1 || (below > 1 && !recursive) || folder.some((part, index) => changed[index] !== part))
        return;
      waiting.push({ kind, path: changed.slice(root.length).join('/'), isDir });
      wake();
    });
    onReady?.();
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const change = waiting.shift();
        if (change !== undefined) yield change;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (signal.aborted) resolve();
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      stop();
    }
  }
}
