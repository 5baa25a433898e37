// A relay on a real server for a test, tokens for it, and peers that speak the bare protocol.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  StreamChannelSchema,
  StreamFrameSchema,
  StreamKind,
  StreamOpenSchema,
  type StreamRole,
} from '@boxyard/agent-proto/messages';
import {
  decodeRelayMessage,
  encodeFrame,
  encodeOpen,
  type RelayChannel,
  RelayDialler,
  type RelayDiallerOptions,
  type RelayMessage,
  type RelayStream,
  relayAddress,
  type UnknownRelayMessage,
} from '@boxyard/agent-proto/relay';
import {
  deriveTokenSecret,
  mintMachineToken,
  mintStreamToken,
  type StreamTokenRequest,
} from '@boxyard/sandbox-core';
import { createRelay, type Relay, type RelayNotice, type RelayOptions } from '@boxyard/streaming/relay';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { WebSocket } from 'ws';

export const SECRET = deriveTokenSecret('a secret that only this test relay knows');
export const WORKSPACE = randomUUID();
export const AGENT = randomUUID();

export const terminal = (channelId: string = randomUUID()): RelayChannel => ({
  workspaceId: WORKSPACE,
  agentId: AGENT,
  channelId,
  kind: StreamKind.PTY,
  port: 7681,
});
export const desktop = (): RelayChannel => ({ ...terminal(), kind: StreamKind.DESKTOP, port: 6080 });

export function agentToken(options: { readonly ttlMs?: number; readonly agentId?: string } = {}): string {
  const machine = { workspaceId: WORKSPACE, agentId: options.agentId ?? AGENT };
  const exp = Math.floor((Date.now() + (options.ttlMs ?? 60_000)) / 1000);
  return mintMachineToken('relay', { ...machine, exp }, SECRET);
}

export function viewerToken(
  channel: RelayChannel,
  change: Partial<StreamTokenRequest> & { readonly ttlMs?: number } = {},
): string {
  const { ttlMs, ...claims } = change;
  const request: StreamTokenRequest = {
    workspaceId: channel.workspaceId,
    sessionId: randomUUID(),
    viewerId: randomUUID(),
    sandboxGroupId: randomUUID(),
    kind: 'terminal',
    leaseEpoch: 1,
    mode: 'control',
    port: channel.port,
    agentId: channel.agentId,
    channelId: channel.channelId,
    ...claims,
  };
  return mintStreamToken(SECRET, request, { ttlMs }).token;
}

export interface RunningRelay extends AsyncDisposable {
  readonly relay: Relay;
  readonly url: string;
  readonly port: number;
  readonly notices: RelayNotice[];
  readonly agent: (options?: Partial<RelayDiallerOptions>) => RelayDialler;
  readonly viewer: (options?: Partial<RelayDiallerOptions> & Partial<StreamTokenRequest>) => RelayDialler;
}

export async function startRelay(options: Partial<RelayOptions> = {}, listenPort = 0): Promise<RunningRelay> {
  const notices: RelayNotice[] = [];
  const relay = createRelay({ secret: SECRET, onNotice: (notice) => notices.push(notice), ...options });
  const server = createServer((request, response) => {
    if (!relay.handle(request, response)) response.writeHead(404).end();
  });
  relay.attach(server);
  await new Promise<void>((resolve) => server.listen(listenPort, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}`;
  const soon = () => 5;
  return {
    relay,
    url,
    port,
    notices,
    agent: (change = {}) => new RelayDialler({ url, token: () => agentToken(), delayMs: soon, ...change }),
    viewer: ({ mode, leaseEpoch, sessionId, viewerId = randomUUID(), ...change } = {}) =>
      new RelayDialler({
        url,
        token: (channel) =>
          viewerToken(channel, {
            viewerId,
            ...(mode === undefined ? {} : { mode }),
            ...(leaseEpoch === undefined ? {} : { leaseEpoch }),
            ...(sessionId === undefined ? {} : { sessionId }),
          }),
        delayMs: soon,
        ...change,
      }),
    async [Symbol.asyncDispose]() {
      await relay.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A peer without acks, as an older agent or a page in a browser is one. */
export class BarePeer implements Disposable {
  readonly socket: WebSocket;
  readonly heard: (RelayMessage | UnknownRelayMessage)[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  constructor(url: URL | string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      const message = data instanceof Buffer ? decodeRelayMessage(data) : null;
      if (message !== null) this.heard.push(message);
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  static async connect(relay: RunningRelay, channel: RelayChannel): Promise<BarePeer> {
    const peer = new BarePeer(relayAddress(relay.url, channel));
    await new Promise((resolve) => peer.socket.once('open', resolve));
    return peer;
  }

  open(
    channel: RelayChannel,
    role: StreamRole,
    token: string,
    change: MessageInitShape<typeof StreamOpenSchema> = {},
  ): this {
    const opened = create(StreamChannelSchema, { ...channel });
    this.socket.send(encodeOpen(create(StreamOpenSchema, { channel: opened, role, token, ...change })));
    return this;
  }

  frame(channelId: string, seq: number, data: Uint8Array): this {
    this.socket.send(encodeFrame(create(StreamFrameSchema, { channelId, seq: BigInt(seq), data })));
    return this;
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

/** The bytes of a stream, until there are so many or it ends. */
export async function readBytes(stream: RelayStream, count = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const event of stream.read()) {
    if (event.kind === 'gap') throw new Error(`${event.missedFrames} frames are missing.`);
    if (event.kind !== 'data') continue;
    chunks.push(event.bytes);
    length += event.bytes.length;
    if (length >= count) break;
  }
  return Buffer.concat(chunks);
}

/** One value of /metrics; 0 for one that was never counted. */
export async function metric({ port }: RunningRelay, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`boxyard_relay_${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}
