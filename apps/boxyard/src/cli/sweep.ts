import type { BoxyardClient } from '@boxyard/client';
import { type OutputFormat, printRows, printValue } from './output.ts';

/** Prints what was destroyed, or would be, and everything that was only looked at. True when nothing was left over. */
export async function runSweep(
  client: BoxyardClient,
  { dryRun, output }: { readonly dryRun: boolean; readonly output: OutputFormat },
): Promise<boolean> {
  const report = await client.server.sweep({ dryRun });
  const isDone =
    report.unreachable.length === 0 && report.boxes.every(({ action }) => action !== 'condemned');
  if (output === 'json') {
    printValue('json', report, '');
    return isDone;
  }
  const rows = report.boxes.map(({ tag, ...box }) => ({
    ...box,
    group: tag?.sandboxGroupId,
    epoch: tag?.leaseEpoch,
  }));
  printRows(output, rows, ['action', 'verdict', 'provider', 'instance', 'group', 'epoch', 'reason']);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  for (const provider of report.unlistable)
    say(`${provider} cannot list its boxes: forgotten ones stay unseen.`);
  for (const { provider, detail } of report.unreachable) say(`${provider} was not judged: ${detail}`);
  if (report.condemned.length > 0) {
    say('');
    say('Condemned, and tried again:');
    printRows(output, report.condemned, ['provider', 'instance', 'sandboxGroupId', 'attempts', 'reason']);
  }
  return isDone;
}
