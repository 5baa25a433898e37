import { pack } from 'tar-stream';

export interface TarEntry {
  readonly name: string;
  readonly mode: number;
  /** Owner and group. */
  readonly owner: number;
  /** A folder when absent. */
  readonly content?: string | Buffer;
}

/** A few entries as one small tar in memory, as the engine takes them. */
export async function tarOfEntries(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, mode, owner, content } of entries) {
    const header = { name, mode, uid: owner, gid: owner };
    if (content === undefined) tar.entry({ ...header, type: 'directory' });
    else tar.entry({ ...header, type: 'file' }, content);
  }
  tar.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of tar) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}
