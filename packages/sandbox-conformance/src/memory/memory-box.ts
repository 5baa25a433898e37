// A box without a machine: for tests of what uses boxes. Its shell knows a few programs; there is no kernel.
import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  type CallOptions,
  type ExecRequest,
  type ExecResult,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import { MemoryArchives } from './memory-archives.ts';
import { MemoryFiles } from './memory-files.ts';
import { MemoryGate } from './memory-gate.ts';
import { MemoryMachine } from './memory-machine.ts';
import { MemoryProcess } from './memory-process.ts';
import { MemoryWatch } from './memory-watch.ts';

const DEFAULT_MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

/** One handle to a `MemoryMachine`; a new machine when none is given. */
export class MemoryBox implements Box {
  readonly machine: MemoryMachine;
  readonly ref: BoxRef;
  readonly workspaceRoot: string;
  readonly epoch: number;
  readonly files: BoxFiles;
  readonly capabilities: BoxCapabilities;
  readonly #gate: MemoryGate;

  constructor(machine: MemoryMachine = new MemoryMachine(), epoch: number = machine.epoch) {
    machine.raiseEpoch(epoch);
    this.machine = machine;
    this.epoch = epoch;
    this.ref = { provider: 'memory', instance: machine.instance, resume: {} };
    this.workspaceRoot = machine.workspaceRoot;
    this.#gate = new MemoryGate(machine, epoch);
    this.files = new MemoryFiles(machine.tree, this.#gate, machine.root);
    this.capabilities = {
      attach: available({
        attach: (id: string, options?: CallOptions) =>
          this.#gate.pass(`Attaching to command ${id}`, options, async () =>
            this.#handle(machine.operation(id).id),
          ),
        list: (options?: CallOptions) =>
          this.#gate.pass('Listing commands', options, async () => machine.operationIds()),
      }),
      watch: available(new MemoryWatch(machine, this.#gate)),
      archives: available(new MemoryArchives(machine, this.#gate)),
      terminal: unavailable('MemoryBox has no kernel, so it has no pseudo-terminals.'),
      ports: unavailable('MemoryBox has no kernel, so it has no network.'),
      desktop: unavailable('MemoryBox has no display.'),
    };
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#gate.pass('The command', options, async (signal) => {
      this.#gate.mayChange(options);
      const { stdin, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES, ...rest } = request;
      const begun = performance.now();
      const operation = this.machine.start({ ...rest, stdin: stdin === undefined ? 'none' : 'open' });
      // Whoever gives up does not leave a command behind that nobody knows of.
      const giveUp = () =>
        void operation.kill(0).then(
          () => this.#forget(operation.id),
          () => undefined,
        );
      signal.addEventListener('abort', giveUp, { once: true });
      try {
        if (stdin !== undefined) {
          if (stdin.length > 0) operation.stdin.push(stdin);
          operation.stdin.end();
        }
        const status = await operation.ended;
        await operation.drained;
        const stdout = operation.spool.bytes('stdout');
        const stderr = operation.spool.bytes('stderr');
        if (request.id === undefined) this.#forget(operation.id);
        return {
          ...status,
          stdout: stdout.slice(0, maxOutputBytes),
          stderr: stderr.slice(0, maxOutputBytes),
          truncated: Math.max(stdout.length, stderr.length) > maxOutputBytes,
          outputComplete: operation.spool.end?.complete ?? false,
          durationMs: performance.now() - begun,
        };
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    });
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#gate.pass('Starting a command', options, async () => {
      this.#gate.mayChange(options);
      return this.#handle(this.machine.start(request).id);
    });
  }

  async close(): Promise<void> {
    this.#gate.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handle(id: string): BoxProcess {
    return new MemoryProcess(id, this.machine, this.#gate);
  }

  #forget(id: string): void {
    if (this.machine.operationIds().includes(id)) this.machine.forget(id);
  }
}
