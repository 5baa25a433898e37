// What each request does on the box. Whether it may be done at all has been decided before.

import { longestMessage } from '@boxyard/agent-proto';
import {
  type ControlRequest,
  type ControlResponse,
  DesktopEnsureResponseSchema,
  DesktopInputResponseSchema,
  DesktopScreenshotResponseSchema,
  ErrorCode,
  type ExecRequest,
  type ExecResponse,
  ExecResponseSchema,
  FsMkdirResponseSchema,
  FsMoveResponseSchema,
  FsRemoveResponseSchema,
  FsVersionResponseSchema,
  type Hello,
  MetricsSampleSchema,
  OpForgottenSchema,
  OpIdsSchema,
  OpInputAckSchema,
  type OpStart,
  type OpStarted,
  OpStartedSchema,
  OpState,
  type OpStatus,
  OpStatusSchema,
  PingResponseSchema,
  PtyCloseResponseSchema,
  PtyResizeResponseSchema,
  PtyWriteResponseSchema,
} from '@boxyard/agent-proto/messages';
import type { Box, CallOptions } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { WireRefusal } from '../machine-failure.ts';
import type { AgentTransport } from './agent-transport.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import { bytesOf, commandOf } from './command-request.ts';
import { listFolder, readFile, statFile, writeFile } from './file-requests.ts';
import { runGit } from './git-request.ts';
import { beginOp, TerminalOp } from './op-starts.ts';
import type { OpTable } from './op-table.ts';
import type { AgentSelf, MachineScreen, Policy } from './policy.ts';
import type { RelayTerminals } from './relay-terminals.ts';
import type { ServedOp } from './served-op.ts';
import { UnpackOp } from './unpack-op.ts';
import { WriteOp } from './write-op.ts';

/** The reply of a bus may come so late at the most; what could last longer has to be an op. */
const LONGEST_REPLY_MS = 600_000;
/** What the end of a command may take beyond the limit of its run. */
const ENDING_MS = 10_000;
/** A query may be held so long, well within what any bus waits for a reply. */
const LONGEST_QUERY_MS = 25_000;

export interface HandlerParts {
  readonly box: Box;
  readonly paths: AllowedPaths;
  readonly policy: Policy;
  readonly self: Pick<AgentSelf, 'agentId' | 'workspaceId'>;
  readonly ops: OpTable;
  readonly terminals: RelayTerminals;
  readonly transport: AgentTransport;
  readonly hello: () => Hello;
}

type Result = ControlResponse['result'];

/** @throws whatever the box throws; what is unknown is WireRefusal UNSUPPORTED. */
export async function handleRequest(
  parts: HandlerParts,
  { requestId, op }: ControlRequest,
  call: CallOptions,
): Promise<Result> {
  const { box, paths, ops, terminals, transport, policy } = parts;
  switch (op.case) {
    case 'ping': {
      const agentMonotonicMs = BigInt(Math.round(process.uptime() * 1000));
      return { case: 'ping', value: create(PingResponseSchema, { nonce: op.value.nonce, agentMonotonicMs }) };
    }
    case 'describe':
      return { case: 'describe', value: parts.hello() };
    case 'metrics': {
      if (policy.metrics === undefined) throw unsupported('metrics');
      return { case: 'metrics', value: create(MetricsSampleSchema, await policy.metrics()) };
    }
    case 'exec':
      return { case: 'exec', value: await runOnce(box, paths, op.value, call) };
    case 'git':
      return { case: 'git', value: await runGit(box, paths, op.value, call) };
    case 'fsRead':
      return { case: 'fsRead', value: await readFile(paths, op.value, transport.maxPayload(), call) };
    case 'fsWrite':
      return { case: 'fsWrite', value: await writeFile(paths, op.value, call) };
    case 'fsList':
      return { case: 'fsList', value: await listFolder(paths, op.value, transport.maxPayload(), call) };
    case 'fsStat':
      return { case: 'fsStat', value: await statFile(paths, op.value, call) };
    case 'fsVersion': {
      const { files, path } = paths.place(op.value.path);
      const version = (await files.version(path, call)) ?? '';
      return { case: 'fsVersion', value: create(FsVersionResponseSchema, { version }) };
    }
    case 'fsMkdir': {
      const { files, path } = paths.place(op.value.path);
      await files.mkdir(path, { ...call, recursive: op.value.parents });
      return { case: 'fsMkdir', value: create(FsMkdirResponseSchema) };
    }
    case 'fsMove': {
      const from = paths.place(op.value.from);
      const to = paths.place(op.value.to);
      if (from.root !== to.root) {
        throw new WireRefusal(ErrorCode.UNSUPPORTED, 'A file is moved within one allowed folder only.');
      }
      const { overwrite, createParents } = op.value;
      await from.files.move(from.path, to.path, { ...call, overwrite, createParents });
      return { case: 'fsMove', value: create(FsMoveResponseSchema) };
    }
    case 'fsRemove': {
      const { files, path } = paths.place(op.value.path);
      await files.remove(path, { ...call, recursive: op.value.recursive });
      return { case: 'fsRemove', value: create(FsRemoveResponseSchema) };
    }
    case 'opStart':
      return { case: 'opStart', value: await startOp(parts, requestId, op.value, call) };
    case 'opAttach': {
      const found = await ops.find(op.value.opId);
      if (found === null) return { case: 'opStatus', value: unknownOp(op.value.opId) };
      return { case: 'opStatus', value: await ops.attach(found, op.value) };
    }
    case 'opQuery': {
      const { opId, waitMs } = op.value;
      const found = await ops.find(opId);
      if (found === null) return { case: 'opStatus', value: unknownOp(opId) };
      if (waitMs > 0) await endedWithin(found, Math.min(waitMs, LONGEST_QUERY_MS));
      return { case: 'opStatus', value: ops.status(found) };
    }
    case 'opCancel': {
      const { opId, forget } = op.value;
      const cancelled = await ops.cancel(opId, forget);
      if (cancelled === null) return { case: 'opStatus', value: unknownOp(opId) };
      return { case: 'opStatus', value: ops.status(cancelled) };
    }
    case 'opSignal': {
      const found = await ops.get(op.value.opId);
      await found.signal(op.value.kind, op.value.graceMs);
      return { case: 'opSignal', value: ops.status(found) };
    }
    case 'opInput': {
      const { opId, bytes, end } = op.value;
      await (await ops.get(opId)).input(bytesOf(bytes), end);
      return { case: 'opInput', value: create(OpInputAckSchema) };
    }
    case 'opForget':
      await ops.forgetAll(op.value.opId, op.value.moreOpIds);
      return { case: 'opForget', value: create(OpForgottenSchema) };
    case 'opList':
      return { case: 'opList', value: create(OpIdsSchema, { opIds: [...(await ops.list())] }) };
    case 'writeChunk': {
      const found = await ops.get(op.value.opId);
      if (!(found instanceof WriteOp || found instanceof UnpackOp)) throw unsupported('chunks for this op');
      return { case: 'writeChunk', value: await found.take(op.value) };
    }
    case 'ptyOpen':
      return { case: 'ptyOpen', value: await terminals.open(op.value, call) };
    case 'ptyWrite': {
      const written = await terminals.write(op.value.ptyId, op.value.data, call);
      return { case: 'ptyWrite', value: create(PtyWriteResponseSchema, { bytesWritten: BigInt(written) }) };
    }
    case 'ptyResize': {
      const { ptyId, cols, rows } = op.value;
      const asOp = terminals.has(ptyId) ? null : await ops.get(ptyId);
      if (asOp instanceof TerminalOp) await asOp.resize(cols, rows);
      else await terminals.resize(ptyId, cols, rows, call);
      return { case: 'ptyResize', value: create(PtyResizeResponseSchema) };
    }
    case 'ptyClose': {
      const exitCode = await terminals.close(op.value.ptyId, call);
      return { case: 'ptyClose', value: create(PtyCloseResponseSchema, { exitCode }) };
    }
    case 'desktopEnsure': {
      const { display, ensure } = screenOf(policy);
      if (ensure === undefined) throw unsupported('a stream of its screen');
      const channel = await ensure(op.value);
      const value = create(DesktopEnsureResponseSchema, {
        channel,
        ...(display === null ? {} : { display }),
      });
      return { case: 'desktopEnsure', value };
    }
    case 'desktopInput':
      await screenOf(policy).input(op.value.event, call.signal ?? new AbortController().signal);
      return { case: 'desktopInput', value: create(DesktopInputResponseSchema) };
    case 'desktopScreenshot': {
      const signal = call.signal ?? new AbortController().signal;
      const shot = await screenOf(policy).screenshot(longestMessage(transport.maxPayload()) - 1024, signal);
      return { case: 'desktopScreenshot', value: create(DesktopScreenshotResponseSchema, { ...shot }) };
    }
    default:
      throw unsupported(op.case ?? 'an empty request');
  }
}

async function startOp(
  parts: HandlerParts,
  id: string,
  start: OpStart,
  call: CallOptions,
): Promise<OpStarted> {
  const { ops } = parts;
  if (start.fresh) {
    const known = await ops.find(id);
    if (known !== null && known.originId !== start.originId) {
      throw new WireRefusal(ErrorCode.OS, `The id ${id} is taken. Attach to it, or choose another one.`, {
        errno: 'EEXIST',
        box_code: 'conflict',
        started: 'no',
      });
    }
  }
  const op = await ops.start(id, start.originId, () => beginOp(parts, id, start, call));
  if (op === null) return create(OpStartedSchema, { accepted: false });
  const status = start.attach === undefined ? ops.status(op) : await ops.attach(op, start.attach);
  return create(OpStartedSchema, { accepted: true, status });
}

async function runOnce(
  box: Box,
  paths: AllowedPaths,
  request: ExecRequest,
  call: CallOptions,
): Promise<ExecResponse> {
  if (request.timeoutMs === 0 || request.timeoutMs > LONGEST_REPLY_MS - ENDING_MS) {
    throw new WireRefusal(
      ErrorCode.PROTOCOL,
      `A command with one reply needs a limit of at most ${LONGEST_REPLY_MS - ENDING_MS} ms. Start it as an op.`,
    );
  }
  const { stdin } = request;
  const result = await box.exec(
    { ...commandOf(request, paths), ...(stdin.length === 0 ? {} : { stdin: bytesOf(stdin) }) },
    { ...call, deadlineMs: request.timeoutMs + ENDING_MS },
  );
  return create(ExecResponseSchema, {
    exitCode: result.signal === null ? result.exitCode : -1,
    stdout: result.stdout,
    stderr: result.stderr,
    timedOut: result.endedBy === 'run-limit',
    durationMs: BigInt(Math.round(result.durationMs)),
  });
}

function screenOf({ screen }: Policy): MachineScreen {
  if (screen === undefined)
    throw new WireRefusal(ErrorCode.UNSUPPORTED, 'This machine has no screen to show.');
  return screen;
}

async function endedWithin(op: ServedOp, waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs);
    timer.unref();
  });
  await Promise.race([op.ended, late]);
  clearTimeout(timer);
}

const unknownOp = (opId: string): OpStatus => create(OpStatusSchema, { opId, state: OpState.UNSPECIFIED });
const unsupported = (what: string) =>
  new WireRefusal(ErrorCode.UNSUPPORTED, `This agent does not know ${what}.`);
