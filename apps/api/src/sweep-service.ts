import type { SweepReport } from '@boxyard/contracts';

/** Looks for boxes that no lease names. Composed by the server, which alone knows the providers. */
export type SweepService = (options: {
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}) => Promise<SweepReport>;
