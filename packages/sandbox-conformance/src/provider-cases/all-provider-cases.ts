import type { ProviderCase } from '../case/provider-case.ts';
import { FINDING_CASES } from './finding-cases.ts';
import { LIFECYCLE_CASES } from './lifecycle-cases.ts';

/** What every provider promises about making boxes, finding them again and ending them. */
export const PROVIDER_CASES: readonly ProviderCase[] = [...LIFECYCLE_CASES, ...FINDING_CASES];
