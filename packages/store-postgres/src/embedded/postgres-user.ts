/** PostgreSQL refuses to run as root, so root's server runs it as somebody who may do nothing else. */
import { readFile, stat } from 'node:fs/promises';
import { SandboxError } from '@boxyard/sandbox-core';

export interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/**
 * Who runs PostgreSQL; null when we are not root and run it ourselves. A cluster that is there keeps its owner,
 * whatever users the machine has got or lost since.
 */
export async function choosePostgresUser(clusterDir: string): Promise<PostgresUser | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(clusterDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` };
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const wanted of ['postgres', 'nobody']) {
    const fields = users
      .split('\n')
      .map((line) => line.split(':'))
      .find(([name]) => name === wanted);
    const uid = Number(fields?.[2]);
    const gid = Number(fields?.[3]);
    if (fields !== undefined && uid > 0 && gid > 0) return { uid, gid, name: wanted };
  }
  throw new SandboxError(
    'configuration',
    'The embedded PostgreSQL cannot run as root and there is no user `postgres` or `nobody`. Add one, start as another user, or set BOXYARD_DATABASE_URL.',
    { started: 'no' },
  );
}
