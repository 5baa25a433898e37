// Bytes that agents written by others send and expect. They were made by hand from the field numbers, not by the
// code that is tested here.
import { readFileSync } from 'node:fs';
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  AgentEventSchema,
  Arch,
  ControlRequestSchema,
  ControlResponseSchema,
  DesktopInputSchema,
  ErrorCode,
  FsEntryKind,
  GitOp,
  GoingOfflineReason,
  HelloSchema,
  KeyAction,
  OpAckSchema,
  OpChannel,
  OpFrameSchema,
  OpLostReason,
  OpState,
  Os,
  StreamCloseReason,
  StreamCloseSchema,
  StreamFrameSchema,
  StreamKind,
  StreamOpenSchema,
  StreamRole,
} from '../src/messages.ts';

const frames = JSON.parse(readFileSync(new URL('golden/frames.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>;
const text = (value: string) => new TextEncoder().encode(value);

interface Golden {
  readonly schema: DescMessage;
  readonly message: Record<string, unknown>;
}
const golden = <Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Golden => ({
  schema,
  message: { ...message } as Record<string, unknown>,
});
/** What a message is made from, without the message that could be handed in as it is. */
type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, { readonly $typeName: string }>;
type RequestInit = Init<typeof ControlRequestSchema>;

const request = (op: NonNullable<RequestInit['op']>, rest: RequestInit = {}) =>
  golden(ControlRequestSchema, { ...rest, requestId: 'req-1', op });
const response = (rest: Init<typeof ControlResponseSchema>) =>
  golden(ControlResponseSchema, { ...rest, requestId: 'req-1' });

const GOLDEN: Readonly<Record<string, Golden>> = {
  'request-ping': request({ case: 'ping', value: { nonce: 42n } }, { epoch: 7 }),
  'request-exec': request({
    case: 'exec',
    value: {
      command: ['echo', 'ü'],
      shell: true,
      cwd: 'sub',
      env: { A: 'b' },
      stdin: new Uint8Array([0, 255]),
      timeoutMs: 1500,
    },
  }),
  'request-fs-write': request({
    case: 'fsWrite',
    value: { path: 'a/b', content: text('hi'), createParents: true, append: true, mode: 0o644 },
  }),
  'request-git-raw': request({ case: 'git', value: { op: GitOp.RAW, cwd: 'repo', args: ['log'] } }),
  'request-desktop-scroll': request({
    case: 'desktopInput',
    value: { event: { case: 'scroll', value: { x: -5, y: 6, deltaX: 1, deltaY: -1 } } },
  }),
  'request-op-start': request(
    {
      case: 'opStart',
      value: {
        op: { case: 'exec', value: { command: ['make'] } },
        windowBytes: 4_194_304n,
        deadlineMs: 1_790_000_000_000n,
        originId: 'session',
      },
    },
    { fenceScope: 'scope' },
  ),
  'request-op-attach': request({
    case: 'opAttach',
    value: { opId: 'op', fromSeq: 300n, attachGeneration: 2n, windowBytes: 65_536n },
  }),
  'request-write-chunk': request({
    case: 'writeChunk',
    value: { opId: 'op', seq: 1n, bytes: text('x'), last: true, offset: 9n },
  }),
  'response-error': response({
    error: { code: ErrorCode.PAYLOAD_TOO_LARGE, message: 'too long', detail: { op: 'exec' } },
  }),
  'response-exec': response({
    result: {
      case: 'exec',
      value: { exitCode: -1, stdout: text('out'), stderr: text('err'), timedOut: true, durationMs: 12n },
    },
  }),
  'response-metrics': response({
    result: {
      case: 'metrics',
      value: {
        sampledAtMs: 1_790_000_000_000n,
        cpuPercent: 12.5,
        gpus: [{ name: 'gpu', utilPercent: 50, memUsedBytes: 1n, memTotalBytes: 2n }],
      },
    },
  }),
  'response-op-status': response({
    result: {
      case: 'opStatus',
      value: {
        opId: 'op',
        state: OpState.COMPLETE,
        nextSeq: 9n,
        exit: { exitCode: 7, digests: { stdout: 'ab' }, totals: { stdout: 5n }, failureCode: 'OP_OVERFLOW' },
        lostReason: OpLostReason.AGENT_RESTARTED,
      },
    },
  }),
  'response-fs-stat': response({
    result: {
      case: 'fsStat',
      value: {
        exists: true,
        entry: {
          name: 'x',
          path: 'd/x',
          kind: FsEntryKind.SYMLINK,
          size: 5n,
          modifiedMs: -1n,
          mode: 0o120777,
        },
      },
    },
  }),
  hello: golden(HelloSchema, {
    agentId: 'agent',
    workspaceId: 'workspace',
    agentVersion: '1.0.0',
    os: Os.LINUX,
    arch: Arch.AARCH64,
    machineName: 'laptop',
    workspaceRoot: '/home/me',
    capabilities: {
      exec: true,
      pty: true,
      display: { id: ':0', width: 1280, height: 800, virtual: true },
      desktopUnavailableReason: 'withheld',
      opStream: true,
    },
    updateChannel: 'stable',
    resumeToken: 'token',
  }),
  'event-heartbeat': golden(AgentEventSchema, {
    agentId: 'agent',
    event: {
      case: 'heartbeat',
      value: {
        seq: 1n,
        uptimeMs: 5000n,
        activeSessions: 2,
        metrics: { memUsedBytes: 1024n },
        draining: true,
        capacity: { nproc: 8n },
        admission: { evictedUnackedTotal: 3n },
      },
    },
  }),
  'event-going-offline': golden(AgentEventSchema, {
    agentId: 'agent',
    event: { case: 'goingOffline', value: { reason: GoingOfflineReason.HOST_SHUTDOWN, message: 'bye' } },
  }),
  'op-frame-data': golden(OpFrameSchema, {
    opId: 'op',
    seq: 1n,
    body: { case: 'data', value: { channel: OpChannel.STDERR, bytes: new Uint8Array([1, 2]) } },
  }),
  'op-frame-progress': golden(OpFrameSchema, { opId: 'op', seq: 2n, body: { case: 'progress', value: {} } }),
  'op-frame-exit': golden(OpFrameSchema, {
    opId: 'op',
    seq: 3n,
    body: { case: 'exit', value: { exitCode: -1, cancelled: true, durationMs: 99n } },
  }),
  'op-ack': golden(OpAckSchema, {
    opId: 'op',
    ackedSeq: 3n,
    creditBytes: 8_388_608n,
    final: true,
    attachGeneration: 1n,
  }),
  'stream-open': golden(StreamOpenSchema, {
    channel: { channelId: 'ch', workspaceId: 'ws', agentId: 'ag', kind: StreamKind.DESKTOP, port: 6080 },
    token: 'ogs_x',
    role: StreamRole.CLIENT,
    resumeFromSeq: 10n,
  }),
  'stream-frame': golden(StreamFrameSchema, {
    channelId: 'ch',
    seq: 1n,
    data: text('data'),
    producedAtMs: 1_790_000_000_000n,
  }),
  'stream-close': golden(StreamCloseSchema, {
    channelId: 'ch',
    reason: StreamCloseReason.FENCED,
    message: 'fenced',
  }),
  'desktop-input-key': golden(DesktopInputSchema, {
    channelId: 'ch',
    event: { case: 'key', value: { key: 'a', isText: true, action: KeyAction.PRESS } },
  }),
};

test('every golden frame has its message', () => {
  expect(Object.keys(frames).sort()).toEqual(Object.keys(GOLDEN).sort());
});

test.each(Object.entries(GOLDEN))(
  '%s is written and read as it was laid down',
  (name, { schema, message }) => {
    const built = create(schema, message);
    expect(Buffer.from(toBinary(schema, built)).toString('hex')).toBe(frames[name]);
    expect(fromBinary(schema, new Uint8Array(Buffer.from(frames[name] ?? '', 'hex')))).toEqual(built);
  },
);
