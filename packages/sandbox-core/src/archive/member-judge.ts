import { checkRelativePath } from '../jail/relative-path.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { ArchiveLimits } from './archive-limits.ts';
import { AGAIN_MARK } from './archive-marks.ts';
import type { TarHeader } from './tar-members.ts';

interface JudgedBase {
  readonly path: string;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

export type JudgedMember =
  | (JudgedBase & { readonly kind: 'dir' })
  | (JudgedBase & { readonly kind: 'symlink'; readonly target: string })
  /** Another name of an earlier file of the same archive. */
  | (JudgedBase & { readonly kind: 'hardlink'; readonly target: string })
  /** `again`: takes the place of the member before it, which has the same path. */
  | (JudgedBase & { readonly kind: 'file'; readonly sizeBytes: number; readonly again: boolean });

type Seen = 'dir' | 'implied' | 'file' | 'symlink' | 'hardlink';

/** Decides for each member of an archive, by its header and by what came before, whether it may be made. */
export class MemberJudge {
  readonly #limits: ArchiveLimits;
  readonly #allowOutwardLinks: boolean;
  readonly #seen = new Map<string, Seen>();
  #lastPath: string | null = null;
  #members = 0;
  #totalBytes = 0;

  constructor(limits: ArchiveLimits, allowOutwardLinks: boolean) {
    this.#limits = limits;
    this.#allowOutwardLinks = allowOutwardLinks;
  }

  /** Null for the archive's own root, which is there already. Throws `invalid` or `too-large`. */
  judge(header: TarHeader): JudgedMember | null {
    this.#members += 1;
    const { maxEntries, maxPathBytes } = this.#limits;
    if (this.#members > maxEntries) throw tooLarge(`it holds more than ${maxEntries} members`);
    if (Buffer.byteLength(header.name) > maxPathBytes) throw tooLarge(`a path is over ${maxPathBytes} bytes`);
    const path = memberPath(header.name);
    if (path === '') {
      if (header.type !== 'directory') throw refused(header.name, 'it takes the place of the folder itself');
      return null;
    }
    const judged = this.#kind(header, path);
    this.#parents(path, header.name);
    const before = this.#seen.get(path);
    const again = judged.kind === 'file' && judged.again;
    const completesImplied = before === 'implied' && judged.kind === 'dir';
    if (before !== undefined && !completesImplied && !(again && before === 'file')) {
      throw refused(header.name, 'the archive holds it twice');
    }
    this.#seen.set(path, judged.kind);
    this.#lastPath = path;
    return judged;
  }

  #kind(header: TarHeader, path: string): JudgedMember {
    const base = { path, mode: header.mode & 0o7777, mtimeNs: mtimeOf(header) };
    if (header.type !== 'file' && header.type !== 'contiguous-file' && header.size !== 0) {
      throw refused(header.name, 'it brings content that its kind has none of');
    }
    switch (header.type) {
      case 'file':
      case 'contiguous-file': {
        this.#size(header);
        // Only straight after itself: anywhere else it would be a second file in the first one's name.
        const again = header.pax.comment === AGAIN_MARK && this.#lastPath === path;
        return { ...base, kind: 'file', sizeBytes: header.size, again };
      }
      case 'directory':
        return { ...base, kind: 'dir' };
      case 'symlink':
        this.#linkTarget(header, path);
        return { ...base, kind: 'symlink', target: header.linkname };
      case 'link': {
        const target = memberPath(header.linkname);
        const first = this.#seen.get(target);
        if (first !== 'file' && first !== 'hardlink')
          throw refused(header.name, 'it is a link to no earlier file');
        return { ...base, kind: 'hardlink', target };
      }
      default:
        throw refused(
          header.name,
          `it is neither file, folder nor link but ${header.type ?? 'of an unknown kind'}`,
        );
    }
  }

  #size(header: TarHeader): void {
    const { maxFileBytes, maxTotalBytes } = this.#limits;
    if (header.size > maxFileBytes) throw tooLarge(`a file is over ${maxFileBytes} bytes`);
    this.#totalBytes += header.size;
    if (this.#totalBytes > maxTotalBytes)
      throw tooLarge(`its files are over ${maxTotalBytes} bytes together`);
  }

  /** By text: what is really followed is confined anew by whoever follows it. */
  #linkTarget(header: TarHeader, path: string): void {
    const target = header.linkname;
    if (target === '' || target.includes('\0')) throw refused(header.name, 'it is a link to nothing');
    if (Buffer.byteLength(target) > this.#limits.maxPathBytes)
      throw tooLarge('the target of a link is too long');
    if (this.#allowOutwardLinks) return;
    let depth = path.split('/').length - 1;
    for (const name of target.split('/')) {
      if (name === '' || name === '.') continue;
      depth += name === '..' ? -1 : 1;
      if (depth < 0) break;
    }
    if (target.startsWith('/') || depth < 0) throw refused(header.name, 'it is a link that leads out');
  }

  #parents(path: string, name: string): void {
    for (let cut = path.indexOf('/'); cut !== -1; cut = path.indexOf('/', cut + 1)) {
      const parent = path.slice(0, cut);
      const seen = this.#seen.get(parent);
      if (seen === undefined) this.#seen.set(parent, 'implied');
      else if (seen !== 'dir' && seen !== 'implied')
        throw refused(name, 'it goes through a member that is no folder');
    }
  }
}

function memberPath(name: string): string {
  try {
    return checkRelativePath(name);
  } catch (error) {
    throw refused(name, 'its path leaves the folder or is malformed', error);
  }
}

function mtimeOf(header: TarHeader): bigint {
  const exact = /^(-?)(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(header.pax.mtime ?? '');
  if (exact === null) {
    const seconds = header.mtime.getTime() / 1000;
    return Number.isFinite(seconds) ? BigInt(Math.trunc(seconds)) * 1_000_000_000n : 0n;
  }
  const [, sign, seconds = '0', fraction = ''] = exact;
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -ns : ns;
}

function refused(name: string, why: string, cause?: unknown): SandboxError {
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
  return new SandboxError(
    'invalid',
    `The archive is refused for its member ${shown}: ${why}. Nothing was replaced; leave it out.`,
    { cause },
  );
}

function tooLarge(why: string): SandboxError {
  return new SandboxError(
    'too-large',
    `The archive is refused: ${why}. Nothing was replaced; send less at once.`,
  );
}
