import type { BoxCase } from '../case/box-case.ts';
import { EXEC_CASES } from './exec-cases.ts';
import { OUTPUT_CASES } from './output-cases.ts';

/** Every case of `describeBox`, in the order in which they run. */
export const BOX_CASES: readonly BoxCase[] = [...EXEC_CASES, ...OUTPUT_CASES];
