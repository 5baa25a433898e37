// One step of the lease model, drawn from a seed.
import type { HolderKind } from '@boxyard/sandbox-core';
import type { CloudRequestKind } from './cloud-call.ts';
import type { Dice } from './dice.ts';
import type { CloudFault } from './judged-cloud.ts';
import type { LeaseCommand } from './lease-command.ts';

/** A command without its group, which is chosen among those that live when the step is made. */
type Drawn<Command> = Command extends { readonly group: unknown } ? Omit<Command, 'group'> : Command;

export type ModelStep =
  | {
      readonly step: 'tell';
      readonly process: number;
      readonly group: number;
      readonly command: Drawn<LeaseCommand>;
    }
  | { readonly step: 'kill'; readonly process: number }
  | { readonly step: 'advance'; readonly ms: number }
  | { readonly step: 'lose'; readonly group: number }
  | { readonly step: 'fault'; readonly on: CloudRequestKind; readonly fault: CloudFault };

const FAULTS = [
  'lost-reply',
  'late-success',
  'refused',
  'delayed',
  'caller-dies-before',
  'caller-dies-after',
] as const satisfies readonly CloudFault[];

/** @param reapers how many of the processes reap and sweep. */
export function drawStep(
  dice: Dice,
  sizes: { processes: number; reapers: number; groups: number },
): ModelStep {
  const process = dice.below(sizes.processes);
  const group = dice.below(sizes.groups);
  const tell = (command: Drawn<LeaseCommand>, by = process): ModelStep => ({
    step: 'tell',
    process: by,
    group,
    command,
  });
  const visit = (stays: boolean): ModelStep => {
    const kind = dice.oneOf<HolderKind>(['turn', 'request', 'request', 'process', 'viewer']);
    const holder = `${kind}-${dice.below(3)}`;
    return tell({ do: 'visit', kind, holder, writes: dice.below(3), stays });
  };
  return dice.weighted<() => ModelStep>([
    [28, () => visit(false)],
    [12, () => visit(true)],
    [10, () => tell({ do: 'leave' })],
    [8, () => tell({ do: 'write' })],
    [12, () => tell({ do: 'tick' }, dice.below(sizes.reapers))],
    [3, () => tell({ do: 'sweep' }, dice.below(sizes.reapers))],
    [3, () => tell({ do: 'capture' })],
    [3, () => tell({ do: 'pause', force: dice.below(2) === 0 })],
    [1, () => tell({ do: 'delete' })],
    [2, () => tell({ do: 'freeze', ms: 10 + dice.below(150) })],
    [3, () => tell({ do: 'die', statements: 1 + dice.below(12), sent: dice.below(2) === 0 })],
    [1, () => ({ step: 'kill', process })],
    [10, () => ({ step: 'advance', ms: dice.oneOf([1_000, 20_000, 95_000, 620_000, 950_000]) })],
    [1, () => ({ step: 'lose', group })],
    [
      6,
      () => ({
        step: 'fault',
        on: dice.oneOf(['create', 'create', 'resume', 'run', 'pack', 'unpack', 'destroy', 'list', 'write']),
        fault: dice.oneOf(FAULTS),
      }),
    ],
  ])();
}
