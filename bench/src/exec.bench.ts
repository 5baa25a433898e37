import { inTurns, type Measurement, median, ms, timed, times } from './measurement.ts';
import { rawSpawn } from './raw-spawn.ts';
import { openScratchBox } from './scratch-box.ts';

const FLOOD = 'head -c 200000000 /dev/zero';
const FLOOD_BYTES = 200_000_000;

export async function measureExec(): Promise<Measurement[]> {
  await using scratch = await openScratchBox();
  const { box, root } = scratch;
  const exec = (script: string, maxOutputBytes?: number) =>
    box.exec({ program: { script }, maxOutputBytes }).then((result) => {
      if (result.exitCode !== 0) throw new Error(`The measured command ended with ${result.exitCode}.`);
      return result;
    });
  const sixteen = (run: () => Promise<unknown>) => Promise.all(Array.from({ length: 16 }, run));

  const one = await inTurns({ ours: () => exec('echo hi'), raw: () => rawSpawn('echo hi', root) }, 20);
  const many = await inTurns(
    { ours: () => sixteen(() => exec('echo hi')), raw: () => sixteen(() => rawSpawn('echo hi', root)) },
    4,
  );
  const flood = { ours: [] as number[], raw: [] as number[] };
  for (let round = 0; round < 3; round++) {
    flood.ours.push(
      await timed(async () => {
        const process = await box.spawn({ program: { script: FLOOD } });
        let bytes = 0;
        for await (const event of process.output()) if (event.kind === 'chunk') bytes += event.bytes.length;
        if (bytes !== FLOOD_BYTES) throw new Error(`${bytes} of ${FLOOD_BYTES} bytes came.`);
        await process.exited();
        await process.forget();
      }),
    );
    flood.raw.push(await timed(() => rawSpawn(FLOOD, root)));
  }
  const row = (what: string, ours: number, raw: number, goal: string): Measurement => ({
    what,
    ours: ms(ours),
    beside: `${ms(raw)} raw spawn`,
    ratio: times(ours, raw),
    goal,
  });
  return [
    row('exec in a local box', one.ours, one.raw, '≤ 1.5×'),
    row('16 execs at once', many.ours, many.raw, '–'),
    row('200 MB of output, streamed', median(flood.ours), median(flood.raw), '–'),
  ];
}
