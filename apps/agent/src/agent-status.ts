import { type AgentState, readState } from './agent-state.ts';
import { configFiles } from './config-folder.ts';
import { readEnrollment } from './enrollment-file.ts';
import { isLocked } from './instance-lock.ts';

/** What can be said about the agent of a config folder without disturbing it. */
export interface AgentStatus {
  readonly configFolder: string;
  readonly enrolled: boolean;
  readonly server: string | null;
  readonly agentId: string | null;
  readonly running: boolean;
  /** Of a running one. */
  readonly connectedTo: string | null;
  readonly since: string | null;
}

export async function agentStatus(folder: string): Promise<AgentStatus> {
  const files = configFiles(folder);
  const enrollment = await readEnrollment(files.enrollment);
  // A folder that is not there is locked by nobody.
  const running = await isLocked(folder).catch(() => false);
  const state: AgentState | null = running ? await readState(files.state) : null;
  return {
    configFolder: folder,
    enrolled: enrollment !== null,
    server: enrollment?.server ?? null,
    agentId: enrollment?.agentId ?? null,
    running,
    connectedTo: state?.connectedTo ?? null,
    since: state?.since ?? null,
  };
}

export function renderStatus(status: AgentStatus): string {
  const { configFolder, enrolled, server, agentId, running, connectedTo, since } = status;
  const lines = [
    `config    ${configFolder}`,
    `enrolled  ${enrolled ? `${agentId} at ${server}` : 'no'}`,
    `running   ${running ? 'yes' : 'no'}`,
  ];
  if (running)
    lines.push(`connected ${connectedTo === null ? `no, since ${since}` : `${connectedTo}, since ${since}`}`);
  return `${lines.join('\n')}\n`;
}
