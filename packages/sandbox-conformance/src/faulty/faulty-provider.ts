import {
  available,
  type Box,
  type BoxRef,
  type BoxWish,
  bounded,
  type CallOptions,
  type Capability,
  type CreateBoxRequest,
  type ListedBox,
  type Provider,
  type ResumeBoxOptions,
  SandboxError,
} from '@boxyard/sandbox-core';
import { PausableBox } from './pausable-box.ts';
import type { ProviderCall, ProviderFault, ProviderPlan } from './provider-plan.ts';

/** Any provider on a bad day: what its plan says happens to the calls that it names. */
export class FaultyProvider implements Provider {
  readonly name: string;
  readonly descriptor: Provider['descriptor'];
  readonly parking: Provider['parking'];
  readonly listing: Provider['listing'];
  readonly #provider: Provider;
  readonly #plan: ProviderPlan;
  readonly #counts = new Map<ProviderCall, number>();
  readonly #boxes = new Set<string>();
  readonly #untagged = new Set<string>();
  readonly #paused: PausableBox[] = [];
  readonly #late: Promise<unknown>[] = [];
  #creating = 0;
  #stormCalls = 0;

  constructor(provider: Provider, plan: ProviderPlan) {
    this.#provider = provider;
    this.#plan = plan;
    this.name = provider.name;
    this.descriptor = provider.descriptor;
    this.parking = map(provider.parking, (use) => ({
      park: (ref, options) => this.#do('park', options, () => use.park(ref, options)),
    }));
    this.listing = map(provider.listing, (use) => ({ list: (options) => this.#list(use, options) }));
  }

  /** Calls made so far, by kind. */
  count(call: ProviderCall): number {
    return this.#counts.get(call) ?? 0;
  }

  /** Resolves once everything that succeeds late has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#late);
  }

  /** Lets every paused box answer again. */
  release(): void {
    for (const box of this.#paused.splice(0)) box.release();
  }

  accept(wish: BoxWish): void {
    this.#provider.accept(wish);
  }

  workspaceRoot(group: string): string {
    return this.#provider.workspaceRoot(group);
  }

  create(request: CreateBoxRequest, options?: CallOptions): Promise<Box> {
    const marred = (box: Box, fault: ProviderFault | undefined) => this.#marred(box, fault);
    return this.#do('create', options, () => this.#capped(request, options), marred);
  }

  resume(ref: BoxRef, options: ResumeBoxOptions): Promise<Box> {
    const marred = (box: Box, fault: ProviderFault | undefined) => this.#marred(box, fault);
    return this.#do('resume', options, () => this.#provider.resume(ref, options), marred);
  }

  destroy(ref: BoxRef, options?: CallOptions): Promise<void> {
    return this.#do('destroy', options, async () => {
      await this.#provider.destroy(ref, options);
      this.#boxes.delete(ref.instance);
    });
  }

  isGone(error: unknown): boolean {
    return this.#provider.isGone(error);
  }

  async #do<T>(
    call: ProviderCall,
    options: CallOptions | undefined,
    run: () => Promise<T>,
    hand: (value: T, fault: ProviderFault | undefined) => Promise<T> = async (value) => value,
  ): Promise<T> {
    const fault = this.#next(call);
    return bounded(options, `The provider's ${call}`, async () => {
      this.#assertCalm(call);
      if (fault?.kind === 'late-success') {
        // After the answer, as a request does that outlives its connection.
        this.#late.push(new Promise((resolve) => setImmediate(resolve)).then(run));
        throw new SandboxError(
          'timeout',
          `The provider did not answer ${call} in time; look whether it happened.`,
        );
      }
      const value = await run();
      if (fault?.kind === 'lost-reply') {
        throw new SandboxError('unreachable', `The answer to ${call} was lost; look whether it happened.`);
      }
      return hand(value, fault);
    });
  }

  #next(call: ProviderCall): ProviderFault | undefined {
    const nth = this.count(call) + 1;
    this.#counts.set(call, nth);
    const fault = this.#plan.faults?.find((each) => each.call === call && each.nth === nth)?.fault;
    if (fault?.kind === 'storm') this.#stormCalls = fault.calls;
    return fault;
  }

  #assertCalm(call: ProviderCall): void {
    if (this.#stormCalls <= 0) return;
    this.#stormCalls--;
    throw new SandboxError('unreachable', `The provider refused ${call} with status 429; try again later.`, {
      started: 'no',
      retryable: true,
      cause: Object.assign(new Error('Too Many Requests'), { status: 429 }),
    });
  }

  async #capped(request: CreateBoxRequest, options: CallOptions | undefined): Promise<Box> {
    const { maxBoxes = Number.POSITIVE_INFINITY } = this.#plan;
    if (this.#boxes.size + this.#creating >= maxBoxes) {
      throw new SandboxError('quota', `The account may have ${maxBoxes} boxes at once; destroy one first.`, {
        started: 'no',
      });
    }
    this.#creating++;
    try {
      const box = await this.#provider.create(request, options);
      this.#boxes.add(box.ref.instance);
      return box;
    } finally {
      this.#creating--;
    }
  }

  async #marred(box: Box, fault: ProviderFault | undefined): Promise<Box> {
    switch (fault?.kind) {
      case 'paused': {
        const paused = new PausableBox(box);
        this.#paused.push(paused);
        return paused;
      }
      case 'early-death':
        await this.#provider.destroy(box.ref);
        this.#boxes.delete(box.ref.instance);
        return box;
      case 'tag-loss':
        this.#untagged.add(box.ref.instance);
        return box;
      default:
        return box;
    }
  }

  async *#list(
    use: { list(options?: CallOptions): AsyncIterable<ListedBox> },
    options: CallOptions | undefined,
  ): AsyncGenerator<ListedBox> {
    const all = await this.#do('list', options, async () => {
      const listed: ListedBox[] = [];
      for await (const one of use.list(options)) listed.push(one);
      return listed;
    });
    for (const one of all) yield this.#untagged.has(one.ref.instance) ? { ...one, tag: null } : one;
  }
}

const map = <Use>(capability: Capability<Use>, wrap: (use: Use) => Use): Capability<Use> =>
  capability.available ? available(wrap(capability.use)) : capability;
