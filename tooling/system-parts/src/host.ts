import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What detection and installation read from the machine; tests hand in a machine of their own making. */
export interface Host {
  /** The value of PATH. */
  readonly path: string;
  readonly isRoot: boolean;
  /** Whether apt-get is the way to install here. */
  readonly isDebian: boolean;
}

export function thisHost(): Host {
  return {
    // Servers live in sbin, which a plain user's PATH often leaves out.
    path: [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter),
    isRoot: process.getuid?.() === 0,
    isDebian: /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readOsRelease()),
  };
}

/** The full path of an executable file of that name, or null. */
export function findProgram(name: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return null;
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    // Absent on macOS and Windows, which are then simply not Debian.
    return '';
  }
}
