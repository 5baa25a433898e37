import type {
  BoxToDestroy,
  CallOptions,
  CondemnedBox,
  Lease,
  ListedBox,
  Provider,
} from '@boxyard/sandbox-core';
import { destroyCondemned } from './condemned-boxes.ts';
import type { LeaseContext } from './lease-context.ts';

/**
 * `orphan`: ours, and no lease has its group and epoch; the only ones that are destroyed. `named`: a lease names it
 * or is just making it. `condemned`: on its way out already. `home`: parked, and its living group has no other box. `ahead`: of
 * a later epoch than the record knows, so the record was set back. `foreign`: of another deployment. `untagged`:
 * nothing says whose it is.
 */
export type SweepVerdict = 'orphan' | 'named' | 'condemned' | 'home' | 'ahead' | 'foreign' | 'untagged';

export interface SweptBox extends ListedBox {
  readonly verdict: SweepVerdict;
}

const PAGE = 200;

function judge(
  box: ListedBox,
  lease: Lease | null,
  condemned: readonly CondemnedBox[],
  deployment: string,
  parks: boolean,
): SweepVerdict {
  const { tag, ref } = box;
  if (tag === null) return 'untagged';
  if (tag.deployment !== deployment) return 'foreign';
  const same = (other: { readonly provider: string; readonly instance: string }) =>
    other.provider === ref.provider && other.instance === ref.instance;
  if (condemned.some((other) => same(other.ref))) return 'condemned';
  if (lease === null || lease.deletedAtMs !== null) return 'orphan';
  if ((lease.box !== null && same(lease.box)) || lease.superseded.some(same)) return 'named';
  if (tag.epoch > lease.epoch) return 'ahead';
  const claimed = lease.state === 'warming' || lease.state === 'replacing';
  if (claimed && tag.epoch === lease.epoch) return 'named';
  return parks && lease.box === null ? 'home' : 'orphan';
}

/** Looks for boxes that no lease names, by tag and never by age. */
export class Sweep {
  readonly #context: LeaseContext;

  constructor(context: LeaseContext) {
    this.#context = context;
  }

  /** Every listed box with its verdict; destroys nothing. Throws when boxes or leases cannot be read. */
  async plan(options: CallOptions = {}): Promise<readonly SweptBox[]> {
    const swept: SweptBox[] = [];
    for (const backend of this.#context.providers.backends) {
      const provider = this.#context.providers.provider(backend);
      if (!provider.listing.available) continue;
      let page: ListedBox[] = [];
      for await (const box of provider.listing.use.list(options)) {
        page.push(box);
        if (page.length < PAGE) continue;
        swept.push(...(await this.#judge(page, provider, options)));
        page = [];
      }
      swept.push(...(await this.#judge(page, provider, options)));
    }
    return swept;
  }

  /** Destroys the orphans of a plan made now, each judged once more under the lock of its lease. */
  async run(options: CallOptions = {}): Promise<readonly SweptBox[]> {
    const plan = await this.plan(options);
    const orphans = plan.filter((box) => box.verdict === 'orphan');
    for (const box of orphans) await this.#condemn(box, options);
    if (orphans.length > 0)
      await this.#context.attempt('sweep.destroy', null, () =>
        destroyCondemned(this.#context, { signal: options.signal }),
      );
    return plan;
  }

  async #judge(page: readonly ListedBox[], provider: Provider, options: CallOptions): Promise<SweptBox[]> {
    const { store, deployment } = this.#context;
    const groups = [
      ...new Set(page.flatMap(({ tag }) => (tag?.deployment === deployment ? [tag.group] : []))),
    ];
    // Read after the list: what was made for a claim that is listed is in the record by now.
    const leases = groups.length === 0 ? [] : await store.list(groups, options);
    const condemned = groups.length === 0 ? [] : await store.listCondemned(groups, options);
    const byGroup = new Map(leases.map((lease) => [lease.groupId, lease]));
    return page.map((box) => {
      const lease = byGroup.get(box.tag?.group ?? '') ?? null;
      return { ...box, verdict: judge(box, lease, condemned, deployment, provider.parking.available) };
    });
  }

  async #condemn({ ref, tag }: SweptBox, options: CallOptions): Promise<void> {
    if (tag === null) return;
    const { store, deployment, providers } = this.#context;
    const parks = providers.providerNamed(ref.provider).parking.available;
    const boxes: readonly BoxToDestroy[] = [
      { ref, groupId: tag.group, epoch: tag.epoch, reason: 'no lease names it' },
    ];
    const still = await store.changeExisting(
      tag.group,
      (lease) => {
        const orphan = judge({ ref, tag }, lease, [], deployment, parks) === 'orphan';
        return { condemned: orphan ? boxes : [], result: orphan };
      },
      options,
    );
    if (still === null) await store.condemn(boxes, options);
    if (still !== false) this.#context.tell({ type: 'swept', groupId: tag.group, ref });
  }
}
