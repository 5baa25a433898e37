import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Box, BoxWatch, EventLog, FileEntry } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { OpenBox, OpenedBox, SessionRef } from '../open-box.ts';
import { ChangeBatch, type SeenChange } from './change-batch.ts';
import { changeEvents, type FsChange, type FsChangeSource, folderChange } from './change-events.ts';
import { OwnChanges } from './own-changes.ts';
import { isLookedInto } from './recorded-scope.ts';

export interface BoxRecordingOptions {
  readonly events: EventLog;
  readonly openBox: OpenBox;
  /** Names the group; the box is that of its `epoch`. */
  readonly session: SessionRef;
  readonly epoch: number;
  /** Called once, when nothing is watched any more. */
  readonly onEnd: () => void;
}

/** A build writes all the time: four statements a second, however much it writes. */
const BATCH_MS = 250;
const RETRY_MS = 5_000;
/** Set up within this, a watch sees what a command does from its beginning; small workspaces take 3 ms. */
const READY_WITHIN_MS = 25;
/** What a command did reaches us well within this, also on a machine that is busy. */
const TRAILING_MS = 5_000;
/** Between two commands the watch stays: setting it up in a large workspace costs more than keeping it. */
const LINGER_MS = 10_000;
/** Beyond so many changes nobody is told how large each file is. */
const MAX_SIZED = 64;
const LOOK_DEADLINE_MS = 5_000;

/** Watches one box and records what changes in it, as long as somebody wants that and for a while after. */
export class BoxRecording {
  readonly own = new OwnChanges();
  readonly #options: BoxRecordingOptions;
  readonly #holds = new Map<object, FsChangeSource>();
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #box: Box | null = null;
  #batch = new ChangeBatch();
  #batchSource: FsChangeSource = 'watch';
  #agentUntilMs = Number.NEGATIVE_INFINITY;
  /** `over`: the box is no more, so there is nothing to tell of it. */
  #state: 'starting' | 'seeing' | 'blind' | 'over' = 'starting';
  #missed = false;
  #onStarted: () => void = () => undefined;
  readonly #started = new Promise<void>((resolve) => {
    this.#onStarted = resolve;
  });
  #timer: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;
  #storing: Promise<void> = Promise.resolve();

  constructor(options: BoxRecordingOptions) {
    this.#options = options;
    this.#watching = this.#live();
  }

  get epoch(): number {
    return this.#options.epoch;
  }

  hold(key: object, source: FsChangeSource): void {
    clearTimeout(this.#lingering);
    this.#holds.set(key, source);
  }

  release(key: object): void {
    const source = this.#holds.get(key);
    this.#holds.delete(key);
    if (source === 'agent') {
      this.#agentUntilMs = performance.now() + TRAILING_MS;
      // Nobody saw what the command did: whoever shows the workspace reads it anew.
      if (this.#state === 'blind') this.#addFolder('');
    }
    if (this.#holds.size > 0) return;
    clearTimeout(this.#lingering);
    // One that sees nothing is not kept: the next one tries anew.
    if (this.#state === 'blind' || this.#state === 'over') void this.end();
    else this.#lingering = setTimeout(() => void this.end(), LINGER_MS).unref();
  }

  /** Before a command begins: waits a moment for the watch to stand. */
  async ready(): Promise<void> {
    if (this.#state !== 'starting') return;
    const late = new AbortController();
    const { signal } = late;
    await Promise.race([this.#started, delay(READY_WITHIN_MS, undefined, { signal }).catch(() => undefined)]);
    late.abort();
    if (this.#state === 'starting') this.#missed = true;
  }

  /** Stores what was seen and stops. */
  async end(): Promise<void> {
    if (!this.#stop.signal.aborted) {
      this.#stop.abort();
      clearTimeout(this.#lingering);
      this.#options.onEnd();
    }
    await this.#watching;
  }

  async #live(): Promise<void> {
    let opened: OpenedBox | null = null;
    try {
      opened = await this.#open();
      this.#box = opened.box;
      const { watch } = opened.box.capabilities;
      if (watch.available) await this.#watch(watch.use);
    } catch (error) {
      // Otherwise the system allows no more watches, or the box is silent: nothing is seen from now on.
      if (isFinal(error)) this.#state = 'over';
    }
    if (this.#state !== 'over') this.#state = 'blind';
    this.#onStarted();
    if (this.#holds.size === 0) void this.end();
    if (!this.#stop.signal.aborted) await once(this.#stop.signal, 'abort');
    await this.#flush();
    try {
      await opened?.[Symbol.asyncDispose]();
    } catch {
      // A holder that could not be released ends by its own time limit.
    }
  }

  /** Who records does not keep the box: it is let go as if nobody looked. */
  #open(): Promise<OpenedBox> {
    const { session, epoch, openBox } = this.#options;
    const group = { ...session, workspaceId: null };
    const holder = { kind: 'viewer', id: uuidv7() } as const;
    return openBox(group, holder, { expectedEpoch: epoch, signal: this.#stop.signal });
  }

  async #watch(watch: BoxWatch): Promise<void> {
    const { signal } = this.#stop;
    const options = { signal, recursive: true, enters: isLookedInto, onReady: () => this.#sees() };
    for await (const change of watch.watch('', options)) {
      // A box that cannot tell when it sees everything sees something now.
      if (this.#state === 'starting') this.#sees();
      if (this.#holdsAgent) this.#batchSource = 'agent';
      this.#batch.add(change);
      this.#schedule(BATCH_MS);
    }
  }

  #sees(): void {
    this.#state = 'seeing';
    this.#onStarted();
    if (this.#missed) this.#addFolder('');
  }

  get #holdsAgent(): boolean {
    if (performance.now() < this.#agentUntilMs) return true;
    for (const source of this.#holds.values()) if (source === 'agent') return true;
    return false;
  }

  #addFolder(folder: string): void {
    this.#batchSource = 'agent';
    this.#batch.addFolder(folder);
    this.#schedule(BATCH_MS);
  }

  #schedule(afterMs: number): void {
    if (this.#batch.isEmpty || this.#stop.signal.aborted) return;
    this.#timer ??= setTimeout(() => void this.#flush(), afterMs).unref();
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One after the other: a batch must not overtake the one before it.
    this.#storing = this.#storing.then(() => this.#store());
    return this.#storing;
  }

  async #store(): Promise<void> {
    if (this.#batch.isEmpty || this.#state === 'over') return;
    const { changes, folder, repositories } = this.#batch.take();
    const source = this.#batchSource;
    this.#batchSource = 'watch';
    try {
      // A box that is being taken away loses its files; that is no change of the workspace.
      const root = await this.#box?.files.stat('', { deadlineMs: LOOK_DEADLINE_MS });
      if (root === null) return;
      const listed = folder === null ? [] : [folderChange(folder)];
      listed.push(...(await this.#described(changes, source)));
      const events = changeEvents(listed, source, repositories);
      if (events.length === 0) return;
      const { groupId } = this.#options.session;
      await this.#options.events.append({ groupId }, events, { leaseEpoch: this.epoch, mutates: true });
    } catch (error) {
      if (isFinal(error)) return;
      this.#batchSource = source;
      this.#batch.addFolder(folder ?? '');
      this.#schedule(RETRY_MS);
    }
  }

  /** What the API made and has told itself is left out; what it is just making is judged with the next batch. */
  async #described(changes: readonly SeenChange[], source: FsChangeSource): Promise<FsChange[]> {
    const sized = changes.length <= MAX_SIZED;
    const described = await Promise.all(
      changes.map(async (change): Promise<FsChange | null> => {
        const own = this.own.about(change.path);
        if (own.some(({ running }) => running) && !this.#stop.signal.aborted) {
          this.#batch.add(change);
          this.#batchSource = source;
          this.#schedule(BATCH_MS);
          return null;
        }
        const looks = own.length > 0 || (sized && !change.isDir && change.kind !== 'deleted');
        const now = looks ? await this.#look(change.path) : undefined;
        if (now !== undefined && own.some((operation) => operation.explains(change, now))) return null;
        const sizeBytes = now == null || now.kind === 'dir' ? null : now.sizeBytes;
        return { path: change.path, kind: change.kind, isDir: change.isDir, sizeBytes };
      }),
    );
    return described.filter((change) => change !== null);
  }

  /** Undefined where it cannot be seen. */
  async #look(path: string): Promise<FileEntry | null | undefined> {
    return this.#box?.files.stat(path, { deadlineMs: LOOK_DEADLINE_MS }).catch(() => undefined);
  }
}

/** The box, its handle or its session is no more. */
function isFinal(error: unknown): boolean {
  const { hasCode } = SandboxError;
  return (
    hasCode(error, 'gone') ||
    hasCode(error, 'fenced') ||
    hasCode(error, 'not-found') ||
    hasCode(error, 'closed')
  );
}
