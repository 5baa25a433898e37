import type { BoxyardClient } from '@boxyard/client';
import { type OutputFormat, printRows, printValue } from './output.ts';

/** Runs the server's self test now; false when a backend failed it. */
export async function runCanary(client: BoxyardClient, format: OutputFormat): Promise<boolean> {
  const report = await client.server.canary();
  if (format === 'json') printValue('json', report, '');
  else {
    const rows = report.results.map(({ backend, ok, durationMs, failure }) => ({
      backend,
      outcome: ok ? 'ok' : `failed: ${failure?.code}`,
      ms: Math.round(durationMs),
      detail: failure?.detail,
    }));
    printRows('table', rows, ['backend', 'outcome', 'ms', 'detail']);
  }
  return report.ok;
}
