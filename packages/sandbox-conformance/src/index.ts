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
export type { ProviderCase, ProviderCaseContext, ProviderSubject } from './case/provider-case.ts';
export { runProviderCase } from './case/provider-run.ts';
export { ChaosBox } from './chaos/chaos-box.ts';
export type { ChaosFault, ChaosPlan } from './chaos/chaos-plan.ts';
export { ChaosDeath, seeded } from './chaos/chaos-plan.ts';
export { Crash } from './crash/crash.ts';
export type { DescribeBoxOptions } from './describe-box.ts';
export { describeBox } from './describe-box.ts';
export type { BusSubject, DescribeBusOptions } from './describe-bus.ts';
export { describeBus } from './describe-bus.ts';
export type { DescribeProviderOptions } from './describe-provider.ts';
export { describeProvider } from './describe-provider.ts';
export { FaultyProvider } from './faulty/faulty-provider.ts';
export type { ProviderCall, ProviderFault, ProviderPlan } from './faulty/provider-plan.ts';
export { MemoryBox } from './memory/memory-box.ts';
export { MemoryMachine } from './memory/memory-machine.ts';
export type { MemoryProviderOptions } from './memory/memory-provider.ts';
export { MemoryAccount, memoryProvider } from './memory/memory-provider.ts';
export { PROVIDER_CASES } from './provider-cases/all-provider-cases.ts';
export type { SdkCase } from './sdk-cases.ts';
export { SDK_CASES } from './sdk-cases.ts';
