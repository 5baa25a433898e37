// Terminals whose bytes flow through the relay: the form in which every control plane asks for one.
import { randomUUID } from 'node:crypto';
import {
  ErrorCode,
  type PtyOpenRequest,
  type PtyOpenResponse,
  PtyOpenResponseSchema,
  StreamChannelSchema,
  StreamKind,
} from '@boxyard/agent-proto/messages';
import { type Box, type BoxTerminal, type CallOptions, SandboxError } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { WireRefusal } from '../machine-failure.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import { bytesOf } from './command-request.ts';
import { use } from './op-starts.ts';
import type { AgentSelf, Policy, RelayDuplex } from './policy.ts';

const PTY_PORT = 7681;

export class RelayTerminals {
  readonly #box: Box;
  readonly #paths: AllowedPaths;
  readonly #self: Pick<AgentSelf, 'agentId' | 'workspaceId'>;
  readonly #dialRelay: Policy['dialRelay'];
  readonly #open = new Map<string, BoxTerminal>();
  readonly #ofScope = new Map<string, Promise<PtyOpenResponse>>();

  constructor(
    box: Box,
    paths: AllowedPaths,
    self: Pick<AgentSelf, 'agentId' | 'workspaceId'>,
    dialRelay: Policy['dialRelay'],
  ) {
    this.#box = box;
    this.#paths = paths;
    this.#self = self;
    this.#dialRelay = dialRelay;
  }

  get count(): number {
    return this.#open.size;
  }

  /** A second open with one scope answers with the same terminal. */
  open(request: PtyOpenRequest, call: CallOptions): Promise<PtyOpenResponse> {
    const scope = request.scopeId;
    const known = scope === '' ? undefined : this.#ofScope.get(scope);
    if (known !== undefined) return known;
    const opened = this.#begin(request, call);
    if (scope !== '') {
      this.#ofScope.set(scope, opened);
      opened.catch(() => this.#ofScope.delete(scope));
    }
    return opened;
  }

  async write(id: string, data: Uint8Array, call: CallOptions): Promise<number> {
    await this.#get(id).write(bytesOf(data), call);
    return data.length;
  }

  resize(id: string, cols: number, rows: number, call: CallOptions): Promise<void> {
    return this.#get(id).resize(cols, rows, call);
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** -1 for one that still ran. */
  async close(id: string, call: CallOptions): Promise<number> {
    const terminal = this.#get(id);
    const exitCode = await terminal.exited({ deadlineMs: 1 }).then(
      (status) => status.exitCode,
      () => -1,
    );
    await terminal.close(call);
    return exitCode;
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((terminal) => terminal.close()));
  }

  async #begin(request: PtyOpenRequest, call: CallOptions): Promise<PtyOpenResponse> {
    if (this.#dialRelay === undefined) {
      throw new WireRefusal(ErrorCode.UNSUPPORTED, 'This agent has no relay for terminals.');
    }
    const terminals = use(this.#box.capabilities.terminal, 'terminals');
    const ptyId = randomUUID();
    const channel = create(StreamChannelSchema, {
      ...this.#self,
      channelId: ptyId,
      kind: StreamKind.PTY,
      port: PTY_PORT,
    });
    // First the relay: a shell that nobody could ever reach must not run.
    const relay = await this.#dialRelay(channel);
    const [shell] = request.command;
    try {
      const size = { cols: request.cols || 80, rows: request.rows || 24 };
      const terminal = await terminals.open(
        {
          ...size,
          cwd: this.#paths.cwd(request.cwd),
          env: { ...request.env },
          ...(shell === undefined ? {} : { shell }),
        },
        call,
      );
      this.#open.set(ptyId, terminal);
      void this.#carry(ptyId, request.scopeId, terminal, relay);
    } catch (error) {
      await relay.close('normal', 'The terminal did not open.').catch(() => undefined);
      throw error;
    }
    return create(PtyOpenResponseSchema, { ptyId, channel });
  }

  async #carry(id: string, scope: string, terminal: BoxTerminal, relay: RelayDuplex): Promise<void> {
    const typed = (async () => {
      for await (const bytes of relay.incoming) await terminal.write(bytesOf(bytes)).catch(() => undefined);
    })();
    typed.catch(() => undefined);
    try {
      for await (const bytes of terminal.output()) await relay.send(bytes);
      await terminal.exited();
    } catch {
      // The channel is over for good, and with it whoever could have seen the terminal.
    } finally {
      this.#open.delete(id);
      if (scope !== '') this.#ofScope.delete(scope);
      await terminal.close().catch(() => undefined);
      await relay.close('process-exit').catch(() => undefined);
    }
  }

  #get(id: string): BoxTerminal {
    const terminal = this.#open.get(id);
    if (terminal !== undefined) return terminal;
    throw new SandboxError('not-found', `There is no terminal ${JSON.stringify(id)} here; open another.`, {
      started: 'no',
    });
  }
}
