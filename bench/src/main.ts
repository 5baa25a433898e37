/** `pnpm bench` prints the table; with `--write` it also goes into the README, with `--only NAME` one part runs. */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureDocker } from './docker.bench.ts';
import { measureDockerThroughHttp } from './docker-http.bench.ts';
import { measureEvents } from './event.bench.ts';
import { measureExec } from './exec.bench.ts';
import { measureGit, measureList } from './files.bench.ts';
import { measureIdleMachines } from './idle-machines.bench.ts';
import { measureLeases, measureReaper } from './lease.bench.ts';
import { measureMachine } from './machine.bench.ts';
import { type Measurement, markdownTable } from './measurement.ts';
import { measureRelay } from './relay.bench.ts';
import { measureRoutedBox } from './routed-box.bench.ts';
import { measureServer } from './server.bench.ts';
import { measureSwap } from './swap.bench.ts';
import { measureTurns } from './turn.bench.ts';

const PARTS: Readonly<Record<string, () => Promise<Measurement[]>>> = {
  exec: measureExec,
  docker: measureDocker,
  'docker-http': measureDockerThroughHttp,
  lease: measureLeases,
  reaper: measureReaper,
  server: measureServer,
  list: measureList,
  git: measureGit,
  relay: measureRelay,
  machine: measureMachine,
  'idle-machines': measureIdleMachines,
  turn: measureTurns,
  'routed-box': measureRoutedBox,
  swap: measureSwap,
  events: measureEvents,
};

const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
const rows: Measurement[] = [];
for (const [name, measure] of Object.entries(PARTS)) {
  if (only !== undefined && only !== name) continue;
  process.stderr.write(`measuring ${name} …\n`);
  rows.push(...(await measure()));
}
const where = `Medians of one run on ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}.`;
const table = `${markdownTable(rows)}\n\n${where}`;
process.stdout.write(`${table}\n`);

if (process.argv.includes('--write')) {
  const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
  const text = await readFile(readme, 'utf8');
  const written = text.replace(
    /(<!-- bench:start -->)[\s\S]*(<!-- bench:end -->)/,
    (_, start: string, end: string) => `${start}\n${table}\n${end}`,
  );
  if (written === text) throw new Error('README.md has no bench marks. Add them where the table belongs.');
  await writeFile(readme, written);
}
