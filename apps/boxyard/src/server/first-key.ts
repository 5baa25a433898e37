import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hashToken, newToken } from '@boxyard/api';
import { PERMISSIONS } from '@boxyard/contracts';
import {
  type KeyStore,
  SandboxError,
  type WorkspaceRecord,
  type WorkspaceStore,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { readDataFile, writeDataFile } from './data-file.ts';

const DEFAULT_WORKSPACE = 'default';

/** The workspace that exists without anybody making it. */
export const ensureDefaultWorkspace = (workspaces: WorkspaceStore): Promise<WorkspaceRecord> =>
  ensureWorkspace(workspaces, DEFAULT_WORKSPACE);

/** The workspace of this name, made if there is none. */
export async function ensureWorkspace(workspaces: WorkspaceStore, slug: string): Promise<WorkspaceRecord> {
  const found = await workspaces.find(slug);
  if (found) return found;
  const workspace = { id: uuidv7(), slug, createdAt: new Date() };
  const made = await unlessThere(workspaces.create(workspace));
  return made ? workspace : ((await workspaces.find(slug)) ?? workspace);
}

/** Another server on the same database may be starting too; what it made a moment before us is as good. */
async function unlessThere(creation: Promise<void>): Promise<boolean> {
  try {
    await creation;
    return true;
  } catch (error) {
    if (SandboxError.hasCode(error, 'conflict')) return false;
    throw error;
  }
}

/**
 * The operator's key. It is made at the first start and kept in `<data>/token` (0600), so that the command line
 * of the same user finds it; a preset one wins and is never written down.
 */
export async function ensureFirstKey(
  dataDir: string,
  preset: string | undefined,
  keys: KeyStore,
  workspace: WorkspaceRecord,
): Promise<string> {
  const token = preset ?? (await readDataFile(join(dataDir, 'token'))) ?? newToken();
  const hash = hashToken(token);
  const known = await keys.findBySecret(hash);
  if (!known) {
    const key = {
      id: uuidv7(),
      workspaceId: workspace.id,
      name: 'first key',
      secretSha256: hash,
      permissions: PERMISSIONS,
      createdAt: new Date(),
      expiresAt: null,
      revokedAt: null,
    };
    await unlessThere(keys.create(key));
  }
  if (preset === undefined) await writeDataFile(join(dataDir, 'token'), token);
  return token;
}

/** The key that environment values are sealed with: given, or made once and kept beside the data (0600). */
export async function ensureSecretKey(dataDir: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const file = join(dataDir, 'secret-key');
  const kept = await readDataFile(file);
  if (kept !== null) return kept;
  const made = randomBytes(32).toString('base64');
  await writeDataFile(file, made);
  return made;
}
