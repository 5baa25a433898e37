import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AgentInstance } from '@boxyard/agent-proto';
import { type MachineBox, machineProvider, NATS_LINK_OPTIONS, NatsControlRpc } from '@boxyard/selfhosted';
import { connect } from '@nats-io/transport-node';
import { startNatsServer } from '@tooling/nats-server';
import { inTurns, type Measurement, median, ms, timed, times } from './measurement.ts';

/** As our own frames have it. */
const FRAME_BYTES = 16 * 1024;
const FLOOD_FRAMES = 12_800;
const FLOOD_BYTES = FLOOD_FRAMES * FRAME_BYTES;
const PARALLEL = 256;
/** As `boxyard-agent` keeps its own, for both that are measured. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=1';

/** A machine on a real bus, its agent in another process, beside bare requests on the same bus to the same process. */
export async function measureMachine(): Promise<Measurement[]> {
  await using nats = await startNatsServer();
  const agent = await startAgent(nats.url);
  const bare = await connect({ servers: nats.url });
  const rpc = new NatsControlRpc({
    connect: () => connect({ ...NATS_LINK_OPTIONS, servers: nats.url }),
    connectFrames: () => connect({ ...NATS_LINK_OPTIONS, servers: nats.url }),
    instances: { newestInstance: () => agent.at.instance },
  });
  try {
    const { agentId, workspaceId } = agent.at;
    const ref = { provider: 'selfhosted', instance: agentId, resume: { workspaceId } };
    const provider = machineProvider({ link: () => rpc });
    const box = (await provider.resume(ref, { epoch: 1, environment: {} })) as MachineBox;
    const ask = (subject: string) => bare.request(subject, 'x', { timeout: 30_000 });
    const exec = () => box.exec({ program: { script: 'echo hi' } });

    const ping = await inTurns({ ours: () => box.ping(), bare: () => ask('bare.echo') }, 200);
    const run = await inTurns({ ours: exec, bare: () => ask('bare.exec') }, 20);
    const flood = { ours: [] as number[], bare: [] as number[] };
    for (let round = 0; round < 3; round++) {
      flood.ours.push(await timed(() => floodOf(box)));
      flood.bare.push(await timed(() => bareFlood(bare)));
    }
    const [oursMs, bareMs] = [median(flood.ours), median(flood.bare)];
    const late = await pingUnderLoad(box, exec);
    return [
      {
        what: 'ping of a machine over NATS',
        ours: ms(ping.ours),
        beside: `${ms(ping.bare)} a bare request`,
        ratio: times(ping.ours, ping.bare),
        goal: '≤ 1.3×',
      },
      {
        what: 'exec on a machine over NATS',
        ours: ms(run.ours),
        beside: `${ms(run.bare)} a bare request and a raw spawn`,
        ratio: times(run.ours, run.bare),
        goal: '≤ 1.3×',
      },
      {
        what: '200 MB of output of a machine',
        ours: ms(oursMs),
        beside: `${ms(bareMs)} bare messages of the same size`,
        ratio: `${((100 * bareMs) / oursMs).toFixed(0)} % of its rate`,
        goal: '≥ 60 %',
      },
      {
        what: `p99 of a ping beside ${PARALLEL} execs on a machine`,
        ours: ms(late),
        beside: '–',
        ratio: '–',
        goal: '< 100 ms',
      },
    ];
  } finally {
    await rpc.close();
    await bare.close();
    await agent.stop();
  }
}

async function floodOf(box: MachineBox): Promise<void> {
  const process = await box.spawn({ program: { script: `head -c ${FLOOD_BYTES} /dev/zero` } });
  let bytes = 0;
  for await (const event of process.output()) if (event.kind === 'chunk') bytes += event.bytes.length;
  if (bytes !== FLOOD_BYTES) throw new Error(`${bytes} of ${FLOOD_BYTES} bytes came.`);
  await process.exited();
  await process.forget();
}

async function bareFlood(bare: Awaited<ReturnType<typeof connect>>): Promise<void> {
  const frames = bare.subscribe('bare.frames', { max: FLOOD_FRAMES });
  await bare.flush();
  bare.publish('bare.flood', String(FLOOD_FRAMES));
  let bytes = 0;
  for await (const { data } of frames) bytes += data.length;
  if (bytes !== FLOOD_BYTES) throw new Error(`${bytes} of ${FLOOD_BYTES} bytes came.`);
}

async function pingUnderLoad(box: MachineBox, exec: () => Promise<unknown>): Promise<number> {
  let busy = true;
  const work = Promise.all(Array.from({ length: PARALLEL }, exec)).finally(() => {
    busy = false;
  });
  const pings: number[] = [];
  while (busy) pings.push(await timed(() => box.ping()));
  await work;
  pings.sort((one, other) => one - other);
  return pings[Math.floor(pings.length * 0.99)] ?? 0;
}

async function startAgent(url: string) {
  const script = fileURLToPath(new URL('machine-process.ts', import.meta.url));
  const args = [...process.execArgv, SMALL_YOUNG_GENERATION, script, url, String(FRAME_BYTES)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    at: JSON.parse(line.toString()) as AgentInstance,
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
