import type { Readiness } from '@boxyard/contracts';

export interface ReadinessOptions {
  readonly pingDatabase: () => Promise<void>;
  readonly dataSizeBytes: () => Promise<number>;
  /** What is told besides, and does not decide: a broken backend must not take the other ones offline. */
  readonly furtherChecks: () => Readonly<Record<string, string>>;
  readonly draining: AbortSignal;
}

/** Walking a large data folder takes seconds; its size does not change that fast. */
const SIZE_EVERY_MS = 60_000;

/** What `/readyz` answers. The size is measured in the background and may be a minute old. */
export function createReadiness(options: ReadinessOptions): () => Promise<Readiness> {
  let size: number | null = null;
  let measuredAt = Number.NEGATIVE_INFINITY;
  let measuring: Promise<void> | null = null;

  const measure = async () => {
    measuredAt = performance.now();
    try {
      size = await options.dataSizeBytes();
    } catch {
      size = null;
    } finally {
      measuring = null;
    }
  };

  return async () => {
    if (measuring === null && performance.now() - measuredAt > SIZE_EVERY_MS) measuring = measure();
    // The first answer waits: afterwards there is always a size to tell.
    if (size === null) await measuring;
    const database = await options.pingDatabase().then(
      () => 'ok',
      (error: unknown) => (error instanceof Error ? error.message : 'does not answer'),
    );
    const status = options.draining.aborted ? 'draining' : database === 'ok' ? 'ready' : 'not-ready';
    return { status, checks: { database, ...options.furtherChecks() }, dataSizeBytes: size };
  };
}
