import { join } from 'node:path';
import { hashToken, newToken } from '@boxyard/api';
import { PERMISSIONS } from '@boxyard/contracts';
import type { KeyStore, WorkspaceRecord, WorkspaceStore } from '@boxyard/sandbox-core';
import { ensureWorkspace, readDataFile, unlessThere, writeFirstDataFile } from '@boxyard/server-parts';
import { v7 as uuidv7 } from 'uuid';

const DEFAULT_WORKSPACE = 'default';

/** The workspace that exists without anybody making it. */
export const ensureDefaultWorkspace = (workspaces: WorkspaceStore): Promise<WorkspaceRecord> =>
  ensureWorkspace(workspaces, DEFAULT_WORKSPACE);

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
  const token = preset ?? (await keptToken(join(dataDir, 'token')));
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
  return token;
}

/** Servers that share the folder and start together get the same. */
const keptToken = async (file: string): Promise<string> =>
  (await readDataFile(file)) ?? writeFirstDataFile(file, newToken());
