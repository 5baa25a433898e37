// The control plane's side of idle machines, in a process of its own: hears them, and tells what that costs when asked.
import { MachineIngest, MachineInstances, Machines, pingOver } from '@boxyard/fleet';
import { openStore, type PostgresConnection } from '@boxyard/store-postgres';
import { connect } from '@nats-io/transport-node';

export interface FleetAnswer {
  readonly atMs: number;
  /** Of this process since its start, without what lists took. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly rssBytesAtStart: number;
  readonly listMs: number;
  readonly online: number;
}

const [servers = '', database = '', workspaceId = ''] = process.argv.slice(2);
const store = await openStore({ connection: JSON.parse(database) as PostgresConnection });
const connection = await connect({ servers });
const ingest = new MachineIngest({
  connection,
  registry: store.machines,
  instances: new MachineInstances(store.machines),
  onTrouble: (error) => void console.error(error),
});
await ingest.start();
const machines = new Machines({ registry: store.machines, ping: pingOver(() => connection) });
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const rssBytesAtStart = process.memoryUsage.rss();
let listsCpuMs = 0;

process.on('message', async () => {
  const cost = { atMs: performance.now(), cpuMs: cpuMs() - listsCpuMs, rssBytes: process.memoryUsage.rss() };
  const [listedAt, cpuBefore] = [performance.now(), cpuMs()];
  const listed = await machines.list(workspaceId);
  const listMs = performance.now() - listedAt;
  listsCpuMs += cpuMs() - cpuBefore;
  const online = listed.filter(({ liveness }) => liveness === 'online').length;
  process.send?.({ ...cost, rssBytesAtStart, listMs, online } satisfies FleetAnswer);
});
process.send?.('ready');
