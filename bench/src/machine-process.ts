// The machine's side of the measurement, in a process of its own: our agent, and beside it what anybody would write on
// the same bus. Says one line of JSON when it serves.
import { randomUUID } from 'node:crypto';
import { Arch, Os } from '@boxyard/agent-proto/messages';
import { NatsAgentTransport, serveBox } from '@boxyard/selfhosted/server';
import { connect } from '@nats-io/transport-node';
import { rawSpawn } from './raw-spawn.ts';
import { openScratchBox } from './scratch-box.ts';

const WINDOW_BYTES = 4 * 1024 * 1024;
const [servers = '', frameBytes = '0'] = process.argv.slice(2);
const [requests, output, bare] = await Promise.all([
  connect({ servers }),
  connect({ servers }),
  connect({ servers }),
]);
const scratch = await openScratchBox();
const machine = { workspaceId: randomUUID(), agentId: randomUUID() };
const agent = { ...machine, instance: randomUUID() };
const transport = new NatsAgentTransport({ agent });
await transport.use({ requests, output });
const served = serveBox(transport, scratch.box, {
  self: {
    ...machine,
    agentVersion: '0',
    os: Os.LINUX,
    arch: Arch.X86_64,
    machineName: 'bench',
    updateChannel: '',
  },
  wholeMachine: true,
  screenControl: false,
});

bare.subscribe('bare.echo', { callback: (_error, message) => void message.respond(message.data) });
bare.subscribe('bare.exec', {
  callback: (_error, message) =>
    void rawSpawn('echo hi', scratch.root).then(({ bytes }) => message.respond(String(bytes))),
});
bare.subscribe('bare.flood', {
  callback: (_error, message) => void flood(Number(message.string())),
});
await bare.flush();

async function flood(frames: number): Promise<void> {
  const frame = new Uint8Array(Number(frameBytes));
  for (let count = frames; count > 0; count--) {
    bare.publish('bare.frames', frame);
    // As much is on its way as our own streams let be.
    if (count % Math.floor(WINDOW_BYTES / frame.length) === 0) await bare.flush();
  }
}

const { capabilities, workspaceRoot } = served.hello();
process.stdout.write(
  `${JSON.stringify({ ...agent, workspaceRoot, opStream: capabilities?.opStream === true })}\n`,
);
process.once('SIGTERM', async () => {
  await served.close();
  await scratch[Symbol.asyncDispose]();
  process.exit(0);
});
