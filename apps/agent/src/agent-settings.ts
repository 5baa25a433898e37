// What the owner of the machine allows and wishes: from `settings.json`, and flags that win over it.
import { resolve } from 'node:path';
import { z } from 'zod';
import { readIfThere } from './config-folder.ts';
import { PlainError } from './plain-error.ts';

const absolute = z.string().startsWith('/', 'must be an absolute path');

export const AgentSettings = z.strictObject({
  /** Where relative paths begin and commands run. The home folder when absent. */
  workspaceRoot: absolute.optional(),
  /** Folders whose files may be asked for besides the workspace. The whole machine when absent. */
  roots: z.array(absolute).optional(),
  /** Files can be looked at, nothing else. */
  readOnly: z.boolean().optional(),
  /** Ports of this machine that may be reached. None when absent. */
  ports: z.array(z.int().min(1).max(65_535)).optional(),
  /** Whether its screen may be seen, or used as well. Neither when absent. */
  screen: z.enum(['view', 'control']).optional(),
  /** Which X display is its screen. The one of the environment when absent. */
  display: z.string().min(1).optional(),
  /** Where the cookie of the display is. As the environment says when absent, else `.Xauthority` in the home folder. */
  displayAuthority: absolute.optional(),
  /** Also answers a server that knows no agent instances. */
  legacySubject: z.boolean().optional(),
  /** How long running work gets after SIGTERM. */
  drainMs: z.int().min(0).optional(),
});
export type AgentSettings = z.infer<typeof AgentSettings>;

/** @throws PlainError that says what is wrong in the file. */
export async function readSettings(file: string, flags: AgentSettings): Promise<AgentSettings> {
  const text = await readIfThere(file);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  if (text === null) return AgentSettings.parse(given);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PlainError(`${file} is no JSON. Correct or remove it.`, { cause });
  }
  const parsed = AgentSettings.safeParse(json);
  if (parsed.success) return { ...parsed.data, ...given };
  const [issue] = parsed.error.issues;
  throw new PlainError(
    `${file}: ${issue?.path.join('.') || 'it'} ${issue?.message ?? 'is wrong'}. Correct it.`,
  );
}

/** A path as it was typed. */
export const typedPath = (path: string): string => resolve(path);
