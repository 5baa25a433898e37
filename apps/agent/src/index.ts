export { type AgentSettings, readSettings } from './agent-settings.ts';
export { type AgentStatus, agentStatus } from './agent-status.ts';
export { configFolder } from './config-folder.ts';
export { type EnrollOptions, enrollMachine } from './enroll-machine.ts';
export { PlainError } from './plain-error.ts';
export { type RunAgentOptions, runAgent } from './run-agent.ts';
