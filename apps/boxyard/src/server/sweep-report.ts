import { problemOf, type SweepService } from '@boxyard/api';
import type { SweepVerdict } from '@boxyard/contracts';
import type { LeaseContext, Sweep, SweptBox } from '@boxyard/leases';

/** More than a person reads; what is beyond is tried again all the same. */
const MAX_CONDEMNED = 1_000;

const REASONS: Readonly<Record<SweepVerdict, string>> = {
  orphan: 'It is of this deployment, and no lease has its group and epoch.',
  named: 'A lease names it, or is just making it.',
  condemned: 'It is to be destroyed already; its provider is asked again and again.',
  home: 'It is parked, and its group has no other box.',
  ahead: 'Its epoch is later than the record knows: was the record set back? It is left alone.',
  foreign: 'It is of another deployment. It is left alone.',
  untagged: 'Nothing says whose it is. It is left alone.',
};

const actionOf = ({ verdict, action }: SweptBox, dryRun: boolean) =>
  dryRun && verdict === 'orphan' ? ('would-destroy' as const) : action;

/** The sweep as operators ask for it. It throws, and destroys nothing, when leases cannot be read. */
export function sweepService(sweep: Sweep, { deployment, store }: LeaseContext): SweepService {
  return async ({ dryRun, signal }) => {
    const { boxes, unlistable, unreachable } = await (dryRun
      ? sweep.plan({ signal })
      : sweep.run({ signal }));
    const condemned = await store.allCondemned(MAX_CONDEMNED, { signal });
    return {
      deployment,
      dryRun,
      boxes: boxes.map((box) => ({
        provider: box.ref.provider,
        instance: box.ref.instance,
        tag:
          box.tag === null
            ? null
            : {
                deployment: box.tag.deployment,
                sandboxGroupId: box.tag.group,
                leaseEpoch: box.tag.epoch,
              },
        verdict: box.verdict,
        reason: REASONS[box.verdict],
        action: actionOf(box, dryRun),
      })),
      unlistable: [...unlistable],
      unreachable: unreachable.map(({ provider, error }) => ({
        provider,
        detail: problemOf(error, '').problem.detail,
      })),
      condemned: condemned.map(({ ref, groupId, reason, attempts }) => ({
        provider: ref.provider,
        instance: ref.instance,
        sandboxGroupId: groupId,
        reason,
        attempts,
      })),
    };
  };
}
