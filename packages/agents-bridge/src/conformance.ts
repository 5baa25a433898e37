export type {
  AgentsSessionCase,
  AgentsSessionCaseContext,
  AgentsSessionFacts,
  AgentsSessionSubject,
} from './conformance/agents-session-case.ts';
export { runAgentsSessionCase } from './conformance/agents-session-case.ts';
export type { DescribeAgentsSessionOptions } from './conformance/describe-agents-session.ts';
export { AGENTS_SESSION_CASES, describeAgentsSession } from './conformance/describe-agents-session.ts';
