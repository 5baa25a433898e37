// A viewer as a page in a browser has it: the plain WebSocket, the messages of the relay, and acks of what it has shown.
import {
  StreamAckSchema,
  StreamChannelSchema,
  StreamFrameSchema,
  StreamOpenSchema,
  StreamRole,
} from '@boxyard/agent-proto/messages';
import {
  decodeRelayMessage,
  encodeAck,
  encodeFrame,
  encodeOpen,
  type RelayChannel,
  relayAddress,
} from '@boxyard/agent-proto/relay';
import { create } from '@bufbuild/protobuf';

export class WebViewer implements Disposable {
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #channel: RelayChannel;
  #accepted: boolean | null = null;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #nextSeq = 0n;
  #saidSeq = 0n;
  #acks = true;

  constructor(relayUrl: string, channel: RelayChannel, token: string, windowBytes: number) {
    this.#channel = channel;
    this.#socket = new WebSocket(relayAddress(relayUrl, channel));
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', () => {
      const opened = create(StreamChannelSchema, { ...channel });
      const open = { channel: opened, role: StreamRole.CLIENT, token, windowBytes: BigInt(windowBytes) };
      this.#socket.send(Buffer.from(encodeOpen(create(StreamOpenSchema, open))));
    });
    this.#socket.addEventListener('message', ({ data }) => this.#hear(new Uint8Array(data as ArrayBuffer)));
    this.closed = new Promise((resolve) => {
      this.#socket.addEventListener('close', ({ code }) => resolve(code));
    });
  }

  /** Null while nothing was said about it. */
  get accepted(): boolean | null {
    return this.#accepted;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Everything that it has been sent. */
  text(): string {
    this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0]?.toString() ?? '';
  }

  type(text: string): void {
    const data = Buffer.from(text);
    const { channelId } = this.#channel;
    this.#socket.send(
      Buffer.from(encodeFrame(create(StreamFrameSchema, { channelId, seq: this.#saidSeq, data }))),
    );
    this.#saidSeq += 1n;
  }

  /** What comes from now on is not shown. */
  stopShowing(): void {
    this.#acks = false;
  }

  showOn(): void {
    this.#acks = true;
    this.#ack();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #hear(bytes: Uint8Array): void {
    const message = decodeRelayMessage(bytes);
    if (message?.kind === 'openAck') this.#accepted = message.value.accepted;
    if (message?.kind !== 'frame') return;
    if (message.value.seq !== this.#nextSeq) throw new Error('A frame is missing.');
    this.#nextSeq += 1n;
    this.#pieces.push(Buffer.from(message.value.data));
    this.#bytes += message.value.data.length;
    if (this.#acks) this.#ack();
  }

  #ack(): void {
    const ack = create(StreamAckSchema, { channelId: this.#channel.channelId, nextSeq: this.#nextSeq });
    this.#socket.send(Buffer.from(encodeAck(ack)));
  }
}
