/** Does from time to time what users do, on every backend, so that a broken one is noticed before they notice. */
import { randomUUID } from 'node:crypto';
import { type Backend, type CanaryReport, type CanaryResult, CreateSessionRequest } from '@boxyard/contracts';
import { type Box, bounded, SandboxError, type WorkspaceStore } from '@boxyard/sandbox-core';
import { type ActiveBoxes, failureOf, type SessionService } from '@boxyard/sessions';
import { LRUCache } from 'lru-cache';
import { ensureWorkspace } from './ensure-workspace.ts';
import type { Logger } from './logger.ts';
import { Repeating } from './repeating.ts';
import type { Meters } from './telemetry/meters.ts';

/** Its sessions are in a workspace of their own, which no count of users' boxes includes. */
export const CANARY_WORKSPACE = 'boxyard-canary';

/** The making of a box on a slow cloud, and then some. */
const RUN_DEADLINE_MS = 5 * 60_000;
/** Older sessions are of a run that was killed: nobody else ends them. */
const LEFT_BEHIND_MS = 2 * RUN_DEADLINE_MS;
const COMMAND_LIMIT_MS = 30_000;
const CLEAN_UP_DEADLINE_MS = 60_000;

export interface CanaryOptions {
  readonly sessions: SessionService;
  readonly boxes: ActiveBoxes;
  readonly workspaces: WorkspaceStore;
  readonly backends: readonly Backend[];
  readonly meters: Meters;
  readonly log: Logger;
}

export class Canary implements AsyncDisposable {
  readonly #options: CanaryOptions;
  readonly #last = new Map<Backend, CanaryResult>();
  readonly #groups = new LRUCache<string, true>({ max: 1_000 });
  readonly #closing = new AbortController();
  #running: Promise<CanaryReport> | null = null;
  #schedule: Repeating | null = null;

  constructor(options: CanaryOptions) {
    this.#options = options;
    options.meters.readOnDemand(['boxyard_canary_last_success_timestamp_seconds'], async () => ({
      boxyard_canary_last_success_timestamp_seconds: [...this.#last.values()]
        .filter(({ ok }) => ok)
        .map(({ backend, at }) => ({ value: Date.parse(at) / 1000, labels: { backend } })),
    }));
  }

  /** Runs every now and then from now on. */
  repeat(everyMs: number, onTrouble: (error: unknown) => void): void {
    const run = async () => {
      await this.run().catch((error: unknown) => {
        if (!this.#closing.signal.aborted) throw error;
      });
    };
    this.#schedule ??= new Repeating(run, everyMs, onTrouble);
  }

  /** One after the other, so that the test is no load of its own; who asks meanwhile gets the same report. */
  run(): Promise<CanaryReport> {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Whether this box was made by a run of this server. */
  owns(groupId: string): boolean {
    return this.#groups.has(groupId);
  }

  /** The last result of each backend as readiness tells it: no word in it that is not for everybody. */
  checks(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.#last.values()].map(({ backend, failure, at }) => [
        `canary.${backend}`,
        failure === null ? 'ok' : `failed with ${failure.code} at ${at}`,
      ]),
    );
  }

  async #runAll(): Promise<CanaryReport> {
    const { id: workspaceId } = await ensureWorkspace(this.#options.workspaces, CANARY_WORKSPACE);
    await this.#removeLeftBehind(workspaceId);
    const results: CanaryResult[] = [];
    for (const backend of this.#options.backends) {
      this.#closing.signal.throwIfAborted();
      results.push(await this.#test(workspaceId, backend));
    }
    return { ok: results.every(({ ok }) => ok), results };
  }

  async #test(workspaceId: string, backend: Backend): Promise<CanaryResult> {
    const { meters, log } = this.#options;
    const startedMs = performance.now();
    let failure: CanaryResult['failure'] = null;
    try {
      await this.#tryBox(workspaceId, backend);
    } catch (error) {
      // Being asked to end is no failure of the backend.
      this.#closing.signal.throwIfAborted();
      failure = failureOf(error);
      log.error({ backend, error }, 'the canary failed');
    }
    const durationMs = performance.now() - startedMs;
    const ok = failure === null;
    meters.count('boxyard_canary_runs_total', { backend, outcome: ok ? 'ok' : 'failed' });
    if (ok) meters.observe('boxyard_canary_duration_seconds', durationMs / 1000, { backend });
    const result = { backend, ok, at: new Date().toISOString(), durationMs, failure };
    this.#last.set(backend, result);
    return result;
  }

  async #tryBox(workspaceId: string, backend: Backend): Promise<void> {
    const { sessions, boxes } = this.#options;
    const session = await sessions.create(
      workspaceId,
      CreateSessionRequest.parse({ backend, name: 'canary' }),
    );
    this.#groups.set(session.sandboxGroupId, true);
    try {
      const call = { signal: this.#closing.signal, deadlineMs: RUN_DEADLINE_MS };
      const holder = { kind: 'request', id: session.id, subject: 'canary' } as const;
      await using opened = await boxes.open(workspaceId, session.id, holder, call);
      await runMarker(opened.box, this.#closing.signal);
    } finally {
      await this.#remove(workspaceId, session.id);
    }
  }

  /** What cannot be removed now is removed by a later run, and its box by the reaper. */
  async #remove(workspaceId: string, sessionId: string): Promise<void> {
    const { sessions, log } = this.#options;
    try {
      await bounded({ deadlineMs: CLEAN_UP_DEADLINE_MS }, "Removing the canary's session", (_, call) =>
        sessions.delete(workspaceId, sessionId, call.left()),
      );
    } catch (error) {
      log.warn({ error, sessionId }, 'a session of the canary stays for now');
    }
  }

  async #removeLeftBehind(workspaceId: string): Promise<void> {
    const { items } = await this.#options.sessions.list(workspaceId, { limit: 200 });
    const before = Date.now() - LEFT_BEHIND_MS;
    for (const { id } of items.filter(({ createdAt }) => Date.parse(createdAt) < before))
      await this.#remove(workspaceId, id);
  }

  /** Ends a run that is under way; its box goes all the same. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new SandboxError('closed', 'The canary stops: the server ends. Ask the next one.', { started: 'no' }),
    );
    await this.#running?.catch(() => undefined);
    await this.#schedule?.[Symbol.asyncDispose]();
  }
}

/** The marker comes back only from a shell that runs, computes, and has the environment that it was given. */
async function runMarker(box: Box, signal: AbortSignal): Promise<void> {
  const marker = randomUUID();
  const { stdout, exitCode } = await box.exec(
    {
      program: { script: 'printf "%s:%s" "$MARKER" "$((6 * 7))"' },
      env: { MARKER: marker },
      runLimitMs: COMMAND_LIMIT_MS,
    },
    { signal, deadlineMs: 2 * COMMAND_LIMIT_MS },
  );
  const text = new TextDecoder().decode(stdout);
  if (exitCode === 0 && text === `${marker}:42`) return;
  throw new SandboxError(
    'outcome-unknown',
    `The marker command ended with ${exitCode} and answered ${JSON.stringify(text.slice(0, 80))}. Look at the backend.`,
    { stage: 'canary.marker', started: 'yes' },
  );
}
