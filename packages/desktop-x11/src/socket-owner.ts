// Anybody on a machine may make a socket where X servers have theirs, while there is none. Such a one would be told
// what is typed, and could say anything.
import { stat } from 'node:fs/promises';

const ROOT = 0;

/** @throws Error for a socket that is not there, or is of somebody who has no business with our screen. */
export async function checkSocketOwner(socketPath: string, authorityFile: string): Promise<void> {
  const { uid } = await stat(socketPath);
  // Whoever keeps the display's cookie runs the display: so root may use the screen of the person who signed in.
  const keeper = await stat(authorityFile).catch(() => null);
  if (isTrustedOwner(uid, process.getuid?.() ?? ROOT, keeper?.uid ?? null)) return;
  throw new Error(`its socket belongs to the user ${uid}, who is neither root nor ours`);
}

export function isTrustedOwner(owner: number, own: number, keeper: number | null): boolean {
  return owner === ROOT || owner === own || owner === keeper;
}
