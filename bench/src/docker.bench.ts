// A box in a container beside what the engine itself takes for the same, and beside the Agents SDK's own Docker
// client, in the same minute on the same engine.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { dockerProvider } from '@boxyard/providers-docker';
import type { Box, Provider } from '@boxyard/sandbox-core';
import { Manifest } from '@openai/agents-core/sandbox';
import { DockerSandboxClient } from '@openai/agents-core/sandbox/local';
import { sharedTestEngine } from '@tooling/docker-engine';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { createDockerBox, drain, streamOf } from './docker-box.ts';
import { inTurns, type Measurement, median, ms, timed, times } from './measurement.ts';

const IMAGE = 'boxyard/box:1';
const SMALL = Buffer.alloc(1024, 'a');
const BIG_BYTES = 100 * 1024 ** 2;
const ROUNDS = 5;

export async function measureDocker(): Promise<Measurement[]> {
  await using engine = await sharedTestEngine({ images: ['debian'] });
  const provider = dockerProvider({ socketPath: engine.socketPath });
  const raw = new RawEngine(engine.docker);
  // Brings the image, which no contender is to pay for.
  const first = await createDockerBox(provider, 0);
  await provider.destroy(first.ref);
  await first.close();

  const rows = [await measureCreation(provider, raw)];
  const box = await createDockerBox(provider, 1_000);
  const container = await raw.create();
  process.env.DOCKER_HOST = `unix://${engine.socketPath}`;
  const sdk = await new DockerSandboxClient({ image: IMAGE, snapshot: { type: 'noop' } }).create({
    manifest: new Manifest({ entries: { 'small.txt': { type: 'file', content: SMALL.toString() } } }),
  });
  try {
    const echo = { program: { argv: ['echo', 'hi'] as const } };
    const exec = await inTurns(
      {
        ours: () => box.exec(echo),
        raw: () => raw.exec(container, ['echo', 'hi']),
        sdk: () => sdk.exec({ cmd: 'echo hi', login: false }),
      },
      8,
    );
    rows.push(besideRaw('exec in a docker box', exec.ours, exec.raw, '≤ 0.2×'));
    rows.push(besideSdk('exec in a docker box', exec.ours, exec.sdk));

    await box.files.write('small.txt', SMALL);
    await raw.write(container, 'small.txt', SMALL);
    let name = 0;
    const small = await inTurns(
      {
        write: () => box.files.write('small.txt', SMALL),
        rawWrite: () => raw.write(container, 'small.txt', SMALL),
        sdkWrite: () =>
          sdk.createEditor().createFile({ type: 'create_file', path: `f${name++}`, diff: '+a\n' }),
        read: () => box.files.read('small.txt'),
        rawRead: () => raw.read(container, 'small.txt'),
        sdkRead: () => sdk.readFile({ path: 'small.txt' }),
      },
      5,
    );
    rows.push(besideRaw('write of 1 KB', small.write, small.rawWrite, '≤ 0.3×'));
    rows.push(besideRaw('read of 1 KB', small.read, small.rawRead, '≤ 0.3×'));
    rows.push(besideSdk('write of a small file', small.write, small.sdkWrite));
    rows.push(besideSdk('read of 1 KB', small.read, small.sdkRead));
    rows.push(...(await measureBigFile(box, raw, container)));
  } finally {
    await sdk.close();
    await container.remove({ force: true });
    await provider.destroy(box.ref);
    await box.close();
  }
  return rows;
}

const besideRaw = (what: string, ours: number, raw: number, goal: string): Measurement => ({
  what,
  ours: ms(ours),
  beside: `${ms(raw)} the engine itself`,
  ratio: times(ours, raw),
  goal,
});

/** The goals say how many times faster, so the ratio is turned over. */
const besideSdk = (what: string, ours: number, sdk: number): Measurement => ({
  what,
  ours: ms(ours),
  beside: `${ms(sdk)} the SDK's Docker client`,
  ratio: `${(sdk / ours).toFixed(1)}× faster`,
  goal: '≥ 10× faster',
});

async function measureCreation(provider: Provider, raw: RawEngine): Promise<Measurement> {
  const took = { ours: [] as number[], raw: [] as number[] };
  for (let round = 1; round <= ROUNDS; round++) {
    let box: Box | null = null;
    took.ours.push(
      await timed(async () => {
        box = await createDockerBox(provider, round);
        await box.exec({ program: { argv: ['echo', 'hi'] } });
      }),
    );
    if (box !== null) await provider.destroy((box as Box).ref);
    let container: Docker.Container | null = null;
    took.raw.push(
      await timed(async () => {
        container = await raw.create();
        await raw.exec(container, ['echo', 'hi']);
      }),
    );
    if (container !== null) await (container as Docker.Container).remove({ force: true });
  }
  return besideRaw('docker box made, first exec', median(took.ours), median(took.raw), '≤ 1.2×');
}

async function measureBigFile(box: Box, raw: RawEngine, container: Docker.Container): Promise<Measurement[]> {
  const big = randomBytes(BIG_BYTES);
  const took = await inTurns(
    {
      write: () => box.files.write('big.bin', big),
      rawWrite: () => raw.write(container, 'big.bin', big),
      writeStream: () => box.files.write('big.bin', streamOf(big), { sizeBytes: BIG_BYTES }),
      writeUnannounced: () => box.files.write('big.bin', streamOf(big)),
      rawWriteStream: () => raw.writeStream(container, 'big.bin', streamOf(big), BIG_BYTES),
      read: async () => drain((await box.files.open('big.bin')).stream, BIG_BYTES),
      rawRead: () => raw.read(container, 'big.bin'),
    },
    1,
  );
  return [
    besideRaw('write of 100 MB', took.write, took.rawWrite, '≤ 1.3×'),
    besideRaw('write of 100 MB, streamed', took.writeStream, took.rawWriteStream, '≤ 1.3×'),
    besideRaw(
      'write of 100 MB, streamed, of unknown length',
      took.writeUnannounced,
      took.rawWriteStream,
      '–',
    ),
    besideRaw('read of 100 MB', took.read, took.rawRead, '≤ 1.3×'),
  ];
}

/** What anybody would write who only has the engine's API. */
class RawEngine {
  readonly #docker: Docker;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  async create(): Promise<Docker.Container> {
    const container = await this.#docker.createContainer({
      Image: IMAGE,
      Entrypoint: ['sleep', 'infinity'],
      Cmd: [],
      HostConfig: { Init: true },
    });
    await container.start();
    return container;
  }

  async exec(container: Docker.Container, argv: string[]): Promise<void> {
    const exec = await container.exec({ Cmd: argv, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    stream.resume();
    await once(stream, 'end');
    const { ExitCode } = await exec.inspect();
    if (ExitCode !== 0) throw new Error(`The measured command ended with ${ExitCode}.`);
  }

  async write(container: Docker.Container, name: string, bytes: Buffer): Promise<void> {
    const archive = pack();
    archive.entry({ name }, bytes);
    archive.finalize();
    await container.putArchive(Readable.from(archive), { path: '/workspace' });
  }

  async writeStream(
    container: Docker.Container,
    name: string,
    content: ReadableStream<Uint8Array>,
    sizeBytes: number,
  ): Promise<void> {
    const archive = pack();
    const sent = container.putArchive(Readable.from(archive), { path: '/workspace' });
    const entry = archive.entry({ name, size: sizeBytes });
    await pipeline(Readable.fromWeb(content as NodeReadableStream<Uint8Array>), entry);
    archive.finalize();
    await sent;
  }

  async read(container: Docker.Container, name: string): Promise<void> {
    const archive = await container.getArchive({ path: `/workspace/${name}` });
    await drain(archive as AsyncIterable<Uint8Array>, 1024);
  }
}
