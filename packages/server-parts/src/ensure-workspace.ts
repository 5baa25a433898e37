import { SandboxError, type WorkspaceRecord, type WorkspaceStore } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';

/** The workspace of this name, made if there is none. */
export async function ensureWorkspace(workspaces: WorkspaceStore, slug: string): Promise<WorkspaceRecord> {
  const found = await workspaces.find(slug);
  if (found) return found;
  const workspace = { id: uuidv7(), slug, createdAt: new Date() };
  const made = await unlessThere(workspaces.create(workspace));
  return made ? workspace : ((await workspaces.find(slug)) ?? workspace);
}

/**
 * False when it was there: another server on the same database may be starting too, and what it made a moment before
 * us is as good.
 */
export async function unlessThere(creation: Promise<void>): Promise<boolean> {
  try {
    await creation;
    return true;
  } catch (error) {
    if (SandboxError.hasCode(error, 'conflict')) return false;
    throw error;
  }
}
