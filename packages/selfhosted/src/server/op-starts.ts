// How each kind of op begins on a box. What is refused here has touched nothing.
import {
  ErrorCode,
  type FsReadRequest,
  OpChannel,
  type OpStart,
  type PackBegin,
  type PtyOpenRequest,
  type UnpackBegin,
  type WatchBegin,
} from '@boxyard/agent-proto/messages';
import {
  type ArchiveLimits,
  type Box,
  type BoxProcess,
  type Bytes,
  type CallOptions,
  type Capability,
  SandboxError,
  streamChunks,
} from '@boxyard/sandbox-core';
import { WireRefusal } from '../machine-failure.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import { dataOf } from './channel-data.ts';
import { CommandOp } from './command-op.ts';
import { bytesOf, commandOf } from './command-request.ts';
import type { AgentSelf, Policy } from './policy.ts';
import { RunningOp } from './running-op.ts';
import type { OpOutput, ServedOp } from './served-op.ts';
import { beginTunnel } from './tunnel-op.ts';
import { jsonBytes, UnpackOp } from './unpack-op.ts';
import { WriteOp } from './write-op.ts';

export interface OpPlace {
  readonly box: Box;
  readonly paths: AllowedPaths;
  readonly policy: Policy;
  readonly self: Pick<AgentSelf, 'agentId' | 'workspaceId'>;
}

/** Begins what is asked for under this id. */
export async function beginOp(
  place: OpPlace,
  id: string,
  { op, originId, deadlineMs }: OpStart,
  call: CallOptions,
): Promise<ServedOp> {
  switch (op.case) {
    case 'exec': {
      const { stdin, stdinOpen } = op.value;
      const feeds = stdinOpen || stdin.length > 0;
      const command = commandOf(op.value, place.paths);
      const runLimitMs = limitUntil(Number(deadlineMs), command.runLimitMs);
      const request = { ...command, runLimitMs, id, stdin: feeds ? 'open' : 'none' } as const;
      const process = await place.box.spawn(request, call);
      if (feeds) {
        await fed(process, bytesOf(stdin), stdinOpen, call);
      }
      return new CommandOp(process, originId);
    }
    case 'fsRead':
      return beginRead(place, id, originId, op.value, call);
    case 'fsWrite':
      return new WriteOp(id, originId, op.value, place.paths.place(op.value.path), withoutWait(call));
    case 'terminal':
      return beginTerminal(place, id, originId, op.value, call);
    case 'watch':
      return beginWatch(place, id, originId, op.value);
    case 'pack':
      return beginPack(place, id, originId, op.value, call);
    case 'unpack':
      return beginUnpack(place, id, originId, op.value, call);
    case 'tunnel':
      return beginTunnel(place, id, originId, op.value);
    default:
      throw new WireRefusal(ErrorCode.UNSUPPORTED, 'This agent does not know what to begin.');
  }
}

/** A command may end before it has read anything: that is its own business. */
async function fed(process: BoxProcess, stdin: Bytes, stays: boolean, call: CallOptions): Promise<void> {
  try {
    if (stdin.length > 0) await process.write(stdin, call);
    if (!stays) await process.closeStdin(call);
  } catch (error) {
    if (!SandboxError.hasCode(error, 'conflict')) throw error;
  }
}

/** @param deadlineMs A moment of the clock; 0 for none. */
function limitUntil(deadlineMs: number, runLimitMs: number | undefined): number | undefined {
  if (deadlineMs === 0) return runLimitMs;
  return Math.max(1, Math.min(deadlineMs - Date.now(), runLimitMs ?? Number.POSITIVE_INFINITY));
}

async function beginRead(
  { paths }: OpPlace,
  id: string,
  originId: string,
  { path: asked, offset, length }: FsReadRequest,
  call: CallOptions,
): Promise<ServedOp> {
  const { files, path } = paths.place(asked);
  const range = { offset: Number(offset), ...(length === 0n ? {} : { length: Number(length) }) };
  const { stream, version, sizeBytes } = await files.open(path, { ...call, ...range });
  return new RunningOp(id, originId, {
    output: async function* (signal) {
      yield { kind: 'opened', version, sizeBytes };
      yield* dataOf(streamChunks(stream, signal, `Reading ${JSON.stringify(asked)}`), OpChannel.CONTENT);
    },
    release: () => stream.cancel(),
  });
}

async function beginTerminal(
  { box, paths }: OpPlace,
  id: string,
  originId: string,
  request: PtyOpenRequest,
  call: CallOptions,
): Promise<ServedOp> {
  const [shell] = request.command;
  const terminal = await use(box.capabilities.terminal, 'terminals').open(
    {
      cols: request.cols || 80,
      rows: request.rows || 24,
      cwd: paths.cwd(request.cwd),
      env: { ...request.env },
      ...(shell === undefined ? {} : { shell }),
    },
    call,
  );
  const op = new TerminalOp(id, originId, {
    output: () => dataOf(terminal.output(), OpChannel.STDOUT),
    endedAs: async () => ({ ...(await terminal.exited()), outputComplete: true }),
    input: (bytes) => terminal.write(bytes),
    release: () => terminal.close(),
  });
  void terminal.exited({ deadlineMs: Number.POSITIVE_INFINITY }).then(
    (status) => op.noteEnd({ ...status, outputComplete: true }),
    () => undefined,
  );
  op.resize = (cols, rows) => terminal.resize(cols, rows);
  return op;
}

/** A terminal can also be resized. */
export class TerminalOp extends RunningOp {
  resize: (cols: number, rows: number) => Promise<void> = async () => undefined;
}

function beginWatch(
  { box }: OpPlace,
  id: string,
  originId: string,
  { path, recursive }: WatchBegin,
): ServedOp {
  const watch = use(box.capabilities.watch, 'watching files');
  return new RunningOp(id, originId, {
    output: (signal) => changesOf((onReady) => watch.watch(path, { signal, recursive, onReady })),
  });
}

/** The changes, with a word in between once none can be missed. */
async function* changesOf(
  begin: (
    onReady: () => void,
  ) => ReturnType<Extract<Box['capabilities']['watch'], { available: true }>['use']['watch']>,
): AsyncGenerator<OpOutput, void, void> {
  let tellReady: (word: 'ready') => void = () => undefined;
  let ready: Promise<'ready'> | null = new Promise((resolve) => {
    tellReady = resolve;
  });
  const changes = begin(() => tellReady('ready'))[Symbol.asyncIterator]();
  try {
    let next = changes.next();
    while (true) {
      const first = await (ready === null ? next : Promise.race([ready, next]));
      if (first === 'ready') {
        ready = null;
        yield { kind: 'ready' };
        continue;
      }
      if (first.done === true) return;
      yield { kind: 'change', change: first.value };
      next = changes.next();
    }
  } finally {
    changes.return?.().catch(() => undefined);
  }
}

async function beginPack(
  { box }: OpPlace,
  id: string,
  originId: string,
  { path, gzip }: PackBegin,
  call: CallOptions,
): Promise<ServedOp> {
  const archives = use(box.capabilities.archives, 'archives');
  const { stream, manifest } = await archives.pack({ ...call, path, compression: gzip ? 'gzip' : 'none' });
  manifest.catch(() => undefined);
  return new RunningOp(id, originId, {
    output: async function* (signal) {
      yield* dataOf(streamChunks(stream, signal, 'Packing an archive'), OpChannel.CONTENT);
      yield { kind: 'data', channel: OpChannel.RESULT, bytes: jsonBytes(await manifest), offset: 0 };
    },
    release: () => stream.cancel(),
  });
}

function beginUnpack(
  { box }: OpPlace,
  id: string,
  originId: string,
  { path, merge, limits, allowOutwardLinks }: UnpackBegin,
  call: CallOptions,
): ServedOp {
  const archives = use(box.capabilities.archives, 'archives');
  return new UnpackOp(id, originId, archives, {
    ...withoutWait(call),
    path,
    mode: merge ? 'merge' : 'replace',
    allowOutwardLinks,
    ...(limits === '' ? {} : { limits: JSON.parse(limits, asNumber) as ArchiveLimits }),
  });
}

/** @throws WireRefusal UNSUPPORTED with the box's own reason. */
export function use<Use>(capability: Capability<Use>, what: string): Use {
  if (capability.available) return capability.use;
  throw new WireRefusal(ErrorCode.UNSUPPORTED, `There is no ${what} here: ${capability.reason}`);
}

/** Numbers that JSON cannot say come as words. */
const asNumber = (_name: string, value: unknown) => (typeof value === 'string' ? Number(value) : value);

/** What goes on after its reply is not bounded by the wait for the reply. */
const withoutWait = ({ fence }: CallOptions) => (fence === undefined ? {} : { fence });
