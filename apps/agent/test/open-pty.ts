// A terminal of a machine as a person has it: asked for over NATS, seen through the relay.
import { randomUUID } from 'node:crypto';
import { RelayDialler, type RelayStream } from '@boxyard/agent-proto/relay';
import { mintStreamToken } from '@boxyard/sandbox-core';
import type { MachineBox } from '@boxyard/selfhosted';
import { eventually } from '@tooling/eventually';
import type { ControlPlane } from './control-plane.ts';

export class OpenPty implements AsyncDisposable {
  readonly #stream: RelayStream;
  #printed = '';

  private constructor(stream: RelayStream) {
    this.#stream = stream;
    void this.#read();
  }

  static async through(plane: ControlPlane, box: MachineBox): Promise<OpenPty> {
    const { channel } = await box.screen.openTerminal({ cols: 80, rows: 24, command: ['/bin/sh'] });
    const claims = {
      ...channel,
      kind: 'terminal',
      sessionId: randomUUID(),
      viewerId: randomUUID(),
      sandboxGroupId: randomUUID(),
      leaseEpoch: 1,
      mode: 'control',
    } as const;
    const { token } = mintStreamToken(plane.tokenSecret, claims);
    const dialler = new RelayDialler({ url: plane.relayUrl, token: () => token });
    return new OpenPty(await dialler.consume(channel));
  }

  type(text: string): Promise<void> {
    return this.#stream.write(Buffer.from(text));
  }

  async prints(text: string): Promise<void> {
    await eventually(`the terminal prints ${text}`, () => this.#printed.includes(text));
  }

  async #read(): Promise<void> {
    for await (const event of this.#stream.read()) {
      if (event.kind === 'data') this.#printed += Buffer.from(event.bytes).toString();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stream.close();
  }
}
