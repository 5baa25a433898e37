import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  type CallOptions,
  type Capability,
  type ExecRequest,
  type ExecResult,
  type SpawnRequest,
} from '@boxyard/sandbox-core';
import { guarded } from './guarded.ts';
import type { Passage } from './passage.ts';

/** A box all of whose calls, also those of its commands and capabilities, go through a passage. */
export class GuardedBox implements Box {
  readonly files: BoxFiles;
  readonly capabilities: BoxCapabilities;
  readonly #box: Box;
  readonly #passage: Passage;

  constructor(box: Box, passage: Passage) {
    this.#box = box;
    this.#passage = passage;
    this.files = guarded(box.files, 'files.', passage);
    const wrap = <Use extends object>(name: string, capability: Capability<Use>): Capability<Use> =>
      capability.available ? available(guarded(capability.use, `${name}.`, passage)) : capability;
    const { attach, archives, terminal, watch, ports, desktop } = box.capabilities;
    this.capabilities = {
      attach: wrap('attach', attach),
      archives: wrap('archives', archives),
      terminal: wrap('terminal', terminal),
      watch: wrap('watch', watch),
      ports: wrap('ports', ports),
      desktop: wrap('desktop', desktop),
    };
  }

  get ref(): BoxRef {
    return this.#box.ref;
  }

  get workspaceRoot(): string {
    return this.#box.workspaceRoot;
  }

  get epoch(): number {
    return this.#box.epoch;
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#passage.call('exec', options, () => this.#box.exec(request, options));
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#passage.call('spawn', options, async () =>
      guarded(await this.#box.spawn(request, options), 'process.', this.#passage),
    );
  }

  close(): Promise<void> {
    return this.#passage.call('close', undefined, () => this.#box.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
