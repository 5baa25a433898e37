// What a running agent tells `boxyard-agent status`.
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { readIfThere } from './config-folder.ts';

export const AgentState = z.object({
  pid: z.int(),
  startedAt: z.string(),
  /** Null while there is none. */
  connectedTo: z.string().nullable(),
  since: z.string(),
});
export type AgentState = z.infer<typeof AgentState>;

/** Small and only informative: a torn one is read as none. */
export function writeState(file: string, state: AgentState): void {
  writeFileSync(file, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}

export async function readState(file: string): Promise<AgentState | null> {
  const text = await readIfThere(file);
  try {
    return text === null ? null : AgentState.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
