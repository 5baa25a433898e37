import type { SweepVerdict } from '@boxyard/contracts';
import type {
  BoxRef,
  BoxToDestroy,
  CallOptions,
  CondemnedBox,
  Lease,
  ListedBox,
  Provider,
} from '@boxyard/sandbox-core';
import { destroyCondemned } from './condemned-boxes.ts';
import type { LeaseContext } from './lease-context.ts';

/** What became of an orphan: `condemned` when its provider refuses for now; it is tried again. */
export type SweepAction = 'none' | 'destroyed' | 'condemned';

export interface SweptBox extends ListedBox {
  readonly verdict: SweepVerdict;
  readonly action: SweepAction;
}

export interface SweepPlan {
  /** Every box that the providers list. */
  readonly boxes: readonly SweptBox[];
  /** Providers that cannot list their boxes. */
  readonly unlistable: readonly string[];
  /** Providers that did not answer: nothing of theirs is judged. */
  readonly unreachable: readonly { readonly provider: string; readonly error: unknown }[];
}

const PAGE = 200;

const sameBox = (a: BoxRef, b: BoxRef) => a.provider === b.provider && a.instance === b.instance;

async function* pagesOf(listed: AsyncIterable<ListedBox>): AsyncGenerator<readonly ListedBox[], undefined> {
  let page: ListedBox[] = [];
  for await (const box of listed) {
    page.push(box);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  yield page;
}

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
  const same = (other: BoxRef) => sameBox(other, ref);
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

  /**
   * Judges every listed box and destroys nothing. A provider that does not answer holds up no other; it throws when
   * leases cannot be read.
   */
  async plan(options: CallOptions = {}): Promise<SweepPlan> {
    const boxes: SweptBox[] = [];
    const unlistable: string[] = [];
    const unreachable: { provider: string; error: unknown }[] = [];
    for (const backend of this.#context.providers.backends) {
      const provider = this.#context.providers.provider(backend);
      if (!provider.listing.available) {
        unlistable.push(provider.name);
        continue;
      }
      const pages = pagesOf(provider.listing.use.list(options));
      for (;;) {
        let page: IteratorResult<readonly ListedBox[]>;
        try {
          page = await pages.next();
        } catch (error) {
          this.#context.trouble('sweep.list', null, error);
          unreachable.push({ provider: provider.name, error });
          break;
        }
        if (page.done === true) break;
        boxes.push(...(await this.#judge(page.value, provider, options)));
      }
    }
    return { boxes, unlistable, unreachable };
  }

  /** Destroys the orphans of a plan made now, each judged once more under the lock of its lease. */
  async run(options: CallOptions = {}): Promise<SweepPlan> {
    const { boxes, ...plan } = await this.plan(options);
    const condemned = new Set<SweptBox>();
    for (const box of boxes)
      if (box.verdict === 'orphan' && (await this.#condemn(box, options))) condemned.add(box);
    if (condemned.size === 0) return { boxes, ...plan };
    const { signal } = options;
    await this.#context.attempt('sweep.destroy', null, () => destroyCondemned(this.#context, { signal }));
    const groups = [...condemned].flatMap(({ tag }) => (tag === null ? [] : [tag.group]));
    const left = await this.#context.store.listCondemned([...new Set(groups)], options);
    const acted = boxes.map((box): SweptBox => {
      if (!condemned.has(box)) return box;
      return { ...box, action: left.some(({ ref }) => sameBox(ref, box.ref)) ? 'condemned' : 'destroyed' };
    });
    return { boxes: acted, ...plan };
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
      const verdict = judge(box, lease, condemned, deployment, provider.parking.available);
      return { ...box, verdict, action: 'none' };
    });
  }

  /** False when it is no orphan any more. */
  async #condemn({ ref, tag }: SweptBox, options: CallOptions): Promise<boolean> {
    if (tag === null) return false;
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
    if (still === false) return false;
    this.#context.tell({ type: 'swept', groupId: tag.group, ref });
    return true;
  }
}
