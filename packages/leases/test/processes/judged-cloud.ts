// The provider's side of the lease model: it outlives every process, misbehaves when it is told to, and judges what
// it is asked. Boxes hold nothing but the names of the writes that reached them.
import { type BoxTag, SandboxError } from '@boxyard/sandbox-core';
import type { CloudRequest, CloudRequestKind, CloudValue } from './cloud-call.ts';

/** What the record says of a group, read when a box of it is destroyed. */
export interface GroupRecord {
  readonly state: string;
  readonly deleted: boolean;
  /** The box that the lease names. */
  readonly instance: string | null;
  /** What the newest committed archive holds. */
  readonly archived: ReadonlySet<string>;
}

export type CloudFault =
  | 'lost-reply'
  | 'late-success'
  | 'refused'
  | 'delayed'
  | 'caller-dies-before'
  | 'caller-dies-after';

interface CloudBox {
  readonly tag: BoxTag;
  content: Set<string>;
}

interface Write {
  readonly group: string;
  readonly epoch: number;
  readonly instance: string;
  /** When it reached its box, counted over all boxes. */
  readonly order: number;
}

const DELAY_MS = 40;

export class JudgedCloud {
  /** What broke a promise, in words. Empty as long as the leases keep what they promise. */
  readonly violations: string[] = [];
  readonly boxes = new Map<string, CloudBox>();
  /** Boxes that ended on their own. */
  readonly killed = new Set<string>();
  /** Writes whose writers still had their lease afterwards: nobody may lose one. */
  readonly confirmed = new Set<string>();
  readonly #read: (groupId: string) => Promise<GroupRecord | null>;
  readonly #killCaller: (caller: string) => void;
  readonly #tags = new Map<string, BoxTag>();
  readonly #creators = new Map<string, string>();
  readonly #writes = new Map<string, Write>();
  /** Of each group and epoch: where it worked, and its first and last confirmed write. */
  readonly #epochs = new Map<
    string,
    Map<number, { readonly instance: string; first: number; last: number }>
  >();
  readonly #destroyedUnkept = new Set<string>();
  readonly #background = new Set<Promise<unknown>>();
  #faults: { readonly on: CloudRequestKind; readonly fault: CloudFault }[] = [];

  constructor(
    read: (groupId: string) => Promise<GroupRecord | null>,
    killCaller: (caller: string) => void = () => {},
  ) {
    this.#read = read;
    this.#killCaller = killCaller;
  }

  /** Boxes made so far. */
  get made(): number {
    return this.#tags.size;
  }

  /** The tag that a box was made with, whether or not it still exists. */
  tagOf(instance: string): BoxTag | null {
    return this.#tags.get(instance) ?? null;
  }

  /** Happens to the next request of this kind, whoever makes it. */
  fault(on: CloudRequestKind, fault: CloudFault): void {
    this.#faults.push({ on, fault });
  }

  /** No more faults, and what succeeds late has happened. */
  async calm(): Promise<void> {
    this.#faults = [];
    while (this.#background.size > 0) await Promise.allSettled([...this.#background]);
  }

  /** The box stops existing on its own. */
  kill(instance: string): void {
    if (this.boxes.delete(instance)) this.killed.add(instance);
  }

  async ask(caller: string, request: CloudRequest): Promise<CloudValue> {
    const at = this.#faults.findIndex(({ on }) => on === request.do);
    const fault = at === -1 ? null : this.#faults.splice(at, 1)[0]!.fault;
    const act = () => this.#act(caller, request);
    if (fault === 'caller-dies-before') this.#killCaller(caller);
    if (fault === 'refused' || fault === 'caller-dies-before')
      throw new SandboxError('unreachable', 'The cloud answered with status 429. Try again later.');
    if (fault === 'delayed') await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    if (fault === 'late-success') {
      this.#later(new Promise((resolve) => setTimeout(resolve, DELAY_MS)).then(act));
      throw new SandboxError('timeout', 'The cloud did not answer in time. Look whether it happened.');
    }
    const value = act();
    if (fault === 'caller-dies-after') this.#killCaller(caller);
    if (fault === 'lost-reply')
      throw new SandboxError('unreachable', 'The answer of the cloud was lost. Look whether it happened.');
    return value;
  }

  #later(work: Promise<unknown>): void {
    // What comes too late may find its box gone; nobody hears of it.
    const done = work.catch(() => {}).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  #violate(what: string): void {
    this.violations.push(what);
  }

  #box(instance: string): CloudBox {
    const box = this.boxes.get(instance);
    if (box === undefined)
      throw new SandboxError('gone', `Box ${instance} does not exist. Create another.`, { started: 'no' });
    return box;
  }

  #act(caller: string, request: CloudRequest): CloudValue {
    switch (request.do) {
      case 'create':
        return { instance: this.#create(caller, request.tag) };
      case 'list':
        return { boxes: [...this.boxes].map(([instance, { tag }]) => ({ instance, tag })) };
      case 'destroy':
        this.#destroy(request.instance);
        return {};
      case 'confirm':
        this.#confirm(request.write);
        return {};
      case 'write':
        this.#write(request.instance, request.epoch, request.write);
        return {};
      case 'unpack':
        this.#box(request.instance).content = new Set(request.writes);
        return {};
      case 'pack':
        return { writes: [...this.#box(request.instance).content] };
      case 'resume':
      case 'run':
        this.#box(request.instance);
        return {};
    }
  }

  #create(caller: string, tag: BoxTag): string {
    const claim = `${tag.group} ${tag.epoch}`;
    const creator = this.#creators.get(claim) ?? caller;
    if (creator !== caller) this.#violate(`two processes made the box of ${claim}`);
    this.#creators.set(claim, creator);
    for (const [instance, box] of this.boxes)
      if (box.tag.group === tag.group && box.tag.epoch === tag.epoch) return instance;
    const instance = `box-${this.#tags.size + 1}`;
    this.#tags.set(instance, tag);
    this.boxes.set(instance, { tag, content: new Set() });
    return instance;
  }

  #write(instance: string, epoch: number, name: string): void {
    const box = this.#box(instance);
    box.content.add(name);
    this.#writes.set(name, { group: box.tag.group, epoch, instance, order: this.#writes.size });
  }

  /** The writer held its lease from before the write until after it. */
  #confirm(name: string): void {
    const write = this.#writes.get(name);
    if (write === undefined) {
      this.#violate(`the write ${name} was confirmed and never came`);
      return;
    }
    this.confirmed.add(name);
    const { group, epoch, instance, order } = write;
    if (this.#destroyedUnkept.has(name))
      this.#violate(`a write of ${group} was destroyed with ${instance} and no archive holds it`);
    const epochs = this.#epochs.get(group) ?? new Map();
    this.#epochs.set(group, epochs);
    const span = epochs.get(epoch) ?? { instance, first: order, last: order };
    epochs.set(epoch, span);
    if (span.instance !== instance)
      this.#violate(`epoch ${epoch} of ${group} worked in ${span.instance} and in ${instance}`);
    span.first = Math.min(span.first, order);
    span.last = Math.max(span.last, order);
    for (const [other, { first, last }] of epochs) {
      const overlaps = other < epoch ? last > span.first : other > epoch && first < span.last;
      if (overlaps) this.#violate(`epochs ${other} and ${epoch} of ${group} worked at the same time`);
    }
  }

  #destroy(instance: string): void {
    const box = this.boxes.get(instance);
    if (box === undefined) return;
    this.boxes.delete(instance);
    this.#later(this.#judgeDestruction(instance, box));
  }

  async #judgeDestruction(instance: string, { tag, content }: CloudBox): Promise<void> {
    const record = await this.#read(tag.group);
    if (record === null || record.deleted) return;
    const routable = ['warm', 'draining', 'terminating'].includes(record.state);
    if (routable && record.instance === instance)
      this.#violate(`${instance} was destroyed while the ${record.state} lease of ${tag.group} names it`);
    for (const write of content) {
      if (record.archived.has(write)) continue;
      if (this.confirmed.has(write))
        this.#violate(`a write of ${tag.group} was destroyed with ${instance} and no archive holds it`);
      this.#destroyedUnkept.add(write);
    }
  }
}
