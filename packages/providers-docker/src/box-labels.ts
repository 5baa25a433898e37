// The tag of a box as its container carries it: labels for whoever lists, and the name against rivals.
import { createHash } from 'node:crypto';
import { type BoxTag, SandboxError } from '@boxyard/sandbox-core';

export const GROUP_LABEL = 'io.boxyard.group';
const DEPLOYMENT_LABEL = 'io.boxyard.deployment';
const EPOCH_LABEL = 'io.boxyard.epoch';

export function labelsOf(tag: BoxTag): Record<string, string> {
  return {
    [DEPLOYMENT_LABEL]: tag.deployment,
    [GROUP_LABEL]: tag.group,
    [EPOCH_LABEL]: String(tag.epoch),
  };
}

/** Null when the labels are not those of a box of ours. */
export function tagOfLabels(labels: Readonly<Record<string, string>>): BoxTag | null {
  const deployment = labels[DEPLOYMENT_LABEL];
  const group = labels[GROUP_LABEL];
  const epoch = labels[EPOCH_LABEL] ?? '';
  if (!deployment || !group || !/^\d{1,10}$/.test(epoch)) return null;
  return { deployment, group, epoch: Number(epoch) };
}

/** One name for one tag, so that the engine itself refuses a rival. */
export function containerName({ deployment, group, epoch }: BoxTag): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([deployment, group, epoch]))
    .digest('hex');
  const readable = group.replaceAll(/[^a-zA-Z0-9]+/g, '-').slice(0, 40);
  return `boxyard-${readable}-${epoch}-${digest.slice(0, 16)}`;
}

export function isSameTag(a: BoxTag | null, b: BoxTag): boolean {
  return a?.deployment === b.deployment && a.group === b.group && a.epoch === b.epoch;
}

/** @throws SandboxError `invalid` for a tag that no label could hold. */
export function checkTag({ deployment, group, epoch }: BoxTag): void {
  const holds = (text: string) => typeof text === 'string' && text !== '' && !text.includes('\0');
  if (holds(deployment) && holds(group) && Number.isInteger(epoch) && epoch >= 0 && epoch <= 2 ** 31) return;
  throw new SandboxError('invalid', 'Making a box was refused: its tag is incomplete. Correct it.', {
    started: 'no',
  });
}
