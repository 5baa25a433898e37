import { METRICS, type MetricDescription } from './metrics-table.ts';

const INTRODUCTION = `# Metrics

<!-- Made from packages/server-parts/src/telemetry/metrics-table.ts by \`pnpm run docs\`. Change it there. -->

\`GET /metrics\` serves them in Prometheus' text format, to every key with the permission \`metrics:read\` and to the
token of \`BOXYARD_METRICS_TOKEN\`, which also works while the database is away. What stands as *shared* is read from
the record: every server on one database tells the same, so take its maximum and never its sum. Counters begin at 0
with the process. A \`boxyard-worker\` serves its own on the port of \`BOXYARD_WORKER_PORT\`. What to alert on stands in
[operate.md](operate.md).

Labels in *italics* take any value; the others take only those that are listed.`;

const TRACES = `## Traces

With \`OTEL_EXPORTER_OTLP_ENDPOINT\` set, spans are sent by OTLP over HTTP (JSON) to \`<endpoint>/v1/traces\`.
\`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_HEADERS\`, \`OTEL_SERVICE_NAME\`,
\`OTEL_RESOURCE_ATTRIBUTES\` and \`OTEL_SDK_DISABLED\` are understood. A request goes on the trace that its
\`traceparent\` header names. A failed span carries the code of its error and never its message.

| span | what it covers |
| --- | --- |
| \`METHOD /route\` | a request, until its answer begins; \`boxyard.request_id\` is the one of the answer and the log |
| \`box.open\` | getting the session's box: lease, source, all of it |
| \`lease.acquire\` | joining the lease, waiting for it, or making the box |
| \`provider.create\`, \`.resume\`, \`.park\`, \`.destroy\` | a call of the provider |
| \`box.exec\`, \`box.spawn\` | a command until it ended, or until it has begun |
| \`box.files.*\` | one operation on files |
| \`box.capture\`, \`box.restore\` | saving a workspace, bringing one back |
`;

/** The page docs/metrics.md as it has to be. */
export function renderMetricsPage(): string {
  const rows = Object.entries<MetricDescription>(METRICS).map(([name, metric]) => {
    const labels = Object.entries(metric.labels ?? {}).map(([label, values]) =>
      values === 'open' ? `*${label}*` : `${label}: ${values.join(', ')}`,
    );
    const shared = metric.shared ? ' Shared.' : '';
    return `| \`${name}\` | ${metric.kind} | ${labels.join('; ') || '–'} | ${metric.description}${shared} |`;
  });
  const table = ['| metric | kind | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  return `${INTRODUCTION}\n\n${table}\n\n${TRACES}`;
}
