export { BOX_CASES } from './box-cases/all-box-cases.ts';
export type {
  BoxArea,
  BoxCase,
  BoxCaseContext,
  BoxSubject,
  OpenSubject,
  SubjectFact,
  SubjectFacts,
} from './case/box-case.ts';
export { BOX_AREAS, SUBJECT_FACTS } from './case/box-case.ts';
export type { SkippedCase } from './case/box-plan.ts';
export type { RunCaseOptions } from './case/case-run.ts';
export { runBoxCase } from './case/case-run.ts';
export type { DescribeBoxOptions } from './describe-box.ts';
export { describeBox } from './describe-box.ts';
export { MemoryBox } from './memory/memory-box.ts';
export { MemoryMachine } from './memory/memory-machine.ts';
