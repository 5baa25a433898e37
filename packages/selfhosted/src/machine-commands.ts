// Commands on the machine: as ops where the agent serves them, with one reply where it does not.
import { randomUUID } from 'node:crypto';
import {
  type BoxAttach,
  type BoxProcess,
  bounded,
  type CallOptions,
  type ExecRequest,
  type ExecResult,
  OUTPUT_START,
  type ProcessId,
  SandboxError,
  type SessionFence,
  type SpawnRequest,
} from '@boxyard/sandbox-core';
import { checkProcessId, commandMessage, invalid } from './command-message.ts';
import type { OpFrames } from './control-rpc.ts';
import { ForgottenOps } from './forgotten-ops.ts';
import type { MachineCalls } from './machine-calls.ts';
import { exitStatusOf, MachineProcess, OutputEvents } from './machine-process.ts';
import { runWithOneReply } from './one-reply-exec.ts';
import { OpReader } from './op-reader.ts';
import { assertKnown } from './op-state.ts';
import type { OpenHandle } from './open-handle.ts';
import { OutputCollector } from './output-collector.ts';
import { SerialInput } from './serial-input.ts';

export interface MachineCommandsOptions {
  readonly calls: MachineCalls;
  readonly frames: OpFrames;
  readonly handle: OpenHandle;
  /** The agent serves ops. */
  readonly opStream: boolean;
  /** The agent serves a whole box: input, signals, readers of their own. */
  readonly offersBox: boolean;
  readonly maxChunkBytes: () => number;
}

const DEFAULT_MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
/** More than this goes as input of its own, beside the start. */
const INLINE_STDIN_BYTES = 256 * 1024;

export class MachineCommands {
  readonly #options: MachineCommandsOptions;
  readonly #forgotten: ForgottenOps;

  constructor(options: MachineCommandsOptions) {
    this.#options = options;
    this.#forgotten = new ForgottenOps(options.calls, options.handle);
  }

  readonly attaching: BoxAttach = {
    attach: (id, options) =>
      bounded(options, `Attaching to ${JSON.stringify(id)}`, async (signal) => {
        this.#options.handle.ensureOpen();
        const what = `Attaching to ${checkProcessId(id)}`;
        const op = { case: 'opQuery', value: { opId: id } } as const;
        assertKnown(await this.#options.calls.ask(op, { what, signal }), what);
        return new MachineProcess(id, this.#options);
      }),
    list: (options) =>
      bounded(options, 'Listing commands', async (signal) => {
        this.#options.handle.ensureOpen();
        await this.#forgotten.flush();
        const op = { case: 'opList', value: {} } as const;
        return (await this.#options.calls.ask(op, { what: 'Listing commands', signal })).opIds;
      }),
  };

  /** A start that was given up may still happen; without an id of the caller's nobody could find it: it is ended. */
  async spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    const { calls, handle, opStream, offersBox } = this.#options;
    const id = request.id ?? randomUUID();
    let mayRun = false;
    try {
      return await bounded(options, 'Starting a command', async (signal) => {
        handle.ensureOpen();
        const { stdin = 'none' } = request;
        const command = commandMessage(request, offersBox);
        checkProcessId(id);
        if (!opStream) throw oldAgent('commands that go on');
        if (stdin === 'open' && !offersBox) throw oldAgent('input for commands');
        mayRun = true;
        const exec = { ...command, stdinOpen: stdin === 'open' };
        const op = {
          case: 'opStart',
          value: { op: { case: 'exec', value: exec }, originId: randomUUID() },
        } as const;
        const { accepted } = await calls.ask(op, {
          what: 'Starting a command',
          signal,
          changes: true,
          requestId: id,
          fence: options?.fence,
        });
        if (!accepted) throw cancelledBefore();
        return new MachineProcess(id, this.#options);
      });
    } catch (error) {
      if (mayRun && request.id === undefined && !isRefused(error)) calls.giveUp(id, `Ending ${id}`);
      throw error;
    }
  }

  /** Owns its command: a call that gives up ends it, and what it left on the machine goes too. */
  async exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    const { calls, handle, opStream } = this.#options;
    const id = request.id ?? randomUUID();
    let mayRun = false;
    let runs = false;
    try {
      return await handle.bounded(options, 'Running a command', async (signal, call) => {
        const mostBytes = checkMaxOutput(request.maxOutputBytes);
        const command = commandMessage(request, this.#options.offersBox);
        checkProcessId(id);
        if (!opStream) {
          const { deadlineMs } = call.left();
          return runWithOneReply(calls, request, command, mostBytes, {
            signal,
            deadlineMs,
            fence: options?.fence,
          });
        }
        mayRun = true;
        const started = () => {
          runs = true;
        };
        return await this.#run(id, request, command, {
          mostBytes,
          signal,
          fence: options?.fence,
          started,
        });
      });
    } catch (error) {
      if (runs || (mayRun && !isRefused(error))) calls.giveUp(id, `Ending ${id}`);
      throw error;
    }
  }

  async #run(
    id: ProcessId,
    request: ExecRequest,
    command: ReturnType<typeof commandMessage>,
    {
      mostBytes,
      signal,
      fence,
      started,
    }: {
      readonly mostBytes: number;
      readonly signal: AbortSignal;
      readonly fence: SessionFence | undefined;
      readonly started: () => void;
    },
  ): Promise<ExecResult> {
    const { calls, frames, offersBox, maxChunkBytes } = this.#options;
    const { stdin } = request;
    const what = 'Running a command';
    const begunAt = performance.now();
    const inline = stdin !== undefined && stdin.length <= Math.min(INLINE_STDIN_BYTES, maxChunkBytes());
    if (stdin !== undefined && !inline && !offersBox) throw oldAgent('so much input');
    const reader = new OpReader({ calls, frames, what, opId: id, ownStream: offersBox });
    const letGo = reader.wakeOn(signal);
    try {
      await reader.listen();
      const exec = {
        ...command,
        ...(inline ? { stdin } : {}),
        stdinOpen: stdin !== undefined && !inline,
      };
      const value = {
        op: { case: 'exec', value: exec },
        originId: randomUUID(),
        fresh: request.id !== undefined,
        ...(offersBox ? { attach: reader.attachMessage() } : {}),
      } as const;
      const asked = { what, signal, changes: true, requestId: id, fence };
      const { accepted } = await calls.ask({ case: 'opStart', value } as const, asked);
      if (!accepted) throw cancelledBefore();
      started();
      if (offersBox) reader.begun();
      else await reader.attach(signal);
      if (stdin !== undefined && !inline) void feed(new SerialInput(id, calls, maxChunkBytes), stdin, signal);
      const collector = new OutputCollector(mostBytes);
      const output = new OutputEvents(reader, OUTPUT_START);
      while (output.exit === null) {
        const event = output.take(signal);
        if (event === null) await reader.more();
        else collector.add(event);
      }
      // Nobody waits for it: the result is complete, and what is not forgotten now goes with time.
      if (offersBox) this.#forgotten.add(id);
      // An id of the caller's may be used again at once.
      if (request.id !== undefined) void this.#forgotten.flush();
      return {
        ...exitStatusOf(output.exit),
        ...collector.result(),
        durationMs: performance.now() - begunAt,
      };
    } finally {
      letGo();
      reader.stop();
    }
  }
}

/** The command may end without having read everything: that is its own business. */
async function feed(input: SerialInput, stdin: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
  try {
    await input.write(stdin, signal);
    await input.end(signal);
  } catch {
    // Told by the result of the command.
  }
}

function checkMaxOutput(maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES): number {
  if (Number.isSafeInteger(maxOutputBytes) && maxOutputBytes >= 0) return maxOutputBytes;
  throw invalid('maxOutputBytes is no whole number of bytes');
}

const isRefused = (error: unknown) => SandboxError.isInstance(error) && error.started === 'no';
const oldAgent = (what: string) =>
  new SandboxError('unsupported', `The agent of this machine serves no ${what}. Update it.`, {
    started: 'no',
  });
const cancelledBefore = () =>
  new SandboxError('cancelled', 'The command was cancelled before it began. Start it under another id.', {
    started: 'no',
  });
