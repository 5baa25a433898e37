// Many machines in one process: each with a connection, an agent that serves a box, and heartbeats of its own. Only
// the box behind them is one and the same.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Arch, MetricsSampleSchema, Os } from '@boxyard/agent-proto/messages';
import { MemoryBox } from '@boxyard/sandbox-conformance';
import { NatsAgentTransport, serveBox } from '@boxyard/selfhosted/server';
import { create } from '@bufbuild/protobuf';
import { connect } from '@nats-io/transport-node';

const [servers = '', workspaceId = ''] = process.argv.slice(2);
const [ids] = (await once(process, 'message')) as [readonly string[]];
const box = new MemoryBox();

for (const agentId of ids) {
  const connection = await connect({ servers });
  const agent = { workspaceId, agentId, instance: randomUUID() };
  const transport = new NatsAgentTransport({ agent });
  await transport.use({ requests: connection, output: connection });
  const served = serveBox(transport, box, {
    self: {
      workspaceId,
      agentId,
      agentVersion: '0',
      os: Os.LINUX,
      arch: Arch.X86_64,
      machineName: agentId,
      updateChannel: '',
    },
    wholeMachine: true,
    screenControl: false,
    metrics: async () =>
      create(MetricsSampleSchema, {
        sampledAtMs: BigInt(Date.now()),
        cpuPercent: 3,
        memTotalBytes: 1n << 34n,
        diskTotalBytes: 1n << 40n,
      }),
  });
  served.announce();
}
process.send?.('connected');
