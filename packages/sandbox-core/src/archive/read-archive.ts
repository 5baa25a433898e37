import { createHash } from 'node:crypto';
import type { Bytes } from '../call-options.ts';
import { throwIfAborted } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from './archive-limits.ts';
import type { ArchiveManifest, ManifestEntry } from './archive-manifest.ts';
import { ARCHIVE_MARK, MANIFEST_MARK } from './archive-marks.ts';
import { compareManifests } from './compare-manifests.ts';
import { type JudgedMember, MemberJudge } from './member-judge.ts';
import { parseManifest } from './parse-manifest.ts';
import { type TarMember, tarMembers } from './tar-members.ts';

/** A member that was judged and found harmless. Its content must be read before the next one is asked for. */
export type ArchiveMember = JudgedMember & { readonly content: AsyncIterable<Bytes> };

export interface ReadArchiveOptions {
  readonly limits?: ArchiveLimits | undefined;
  /** See `UnpackOptions.allowOutwardLinks`. */
  readonly allowOutwardLinks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReadArchive {
  /** Computed from the bytes that were handed out. */
  readonly manifest: ArchiveManifest;
  /** Whether the archive brought its own manifest, which then agreed. */
  readonly hadManifest: boolean;
}

/**
 * Reads a tar, gzipped or not, and hands every judged member to `take`, in order. Only once this resolves is the
 * archive known to be whole: what `take` made before belongs beside the real place until then.
 *
 * @throws SandboxError `invalid` for an archive that is corrupt, cut off, lacks what its manifest names, or
 * holds a member that escapes, repeats or is no file, folder or link; `too-large` beyond the limits.
 */
export async function readArchive(
  archive: ReadableStream<Bytes>,
  options: ReadArchiveOptions,
  take: (member: ArchiveMember) => Promise<void>,
): Promise<ReadArchive> {
  const limits = checkedLimits(options.limits ?? DEFAULT_ARCHIVE_LIMITS);
  const judge = new MemberJudge(limits, options.allowOutwardLinks ?? false);
  const received = new Map<string, ManifestEntry>();
  let isOurs = false;
  let own: ArchiveManifest | null = null;

  for await (const member of tarMembers(archive, options.signal)) {
    const mark = member.header.pax.comment;
    if (own !== null) throw damaged('something follows its manifest');
    if (mark === MANIFEST_MARK) {
      own = await parseManifest(member.content, member.header.size);
      continue;
    }
    if (mark === ARCHIVE_MARK) isOurs = true;
    const judged = judge.judge(member.header);
    if (judged === null) continue;
    received.set(judged.path, await handOver(judged, member, received, take));
    throwIfAborted(options.signal, 'Unpacking');
  }

  if (isOurs && own === null) throw damaged('INCOMPLETE, its manifest is missing');
  const entries = [...received.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest: ArchiveManifest = { version: 1, entries };
  if (own !== null) {
    const archived = own.entries.filter((entry) => entry.omitted !== true);
    const result = compareManifests({ version: 1, entries: archived }, manifest);
    if (result.kind === 'INCOMPLETE') {
      const some = result.missing.slice(0, 5).map((path) => JSON.stringify(path));
      throw damaged(
        `INCOMPLETE, ${result.missing.length} of its members are missing or different: ${some.join(', ')}`,
      );
    }
  }
  return { manifest, hadManifest: own !== null };
}

async function handOver(
  judged: JudgedMember,
  member: TarMember,
  received: ReadonlyMap<string, ManifestEntry>,
  take: (member: ArchiveMember) => Promise<void>,
): Promise<ManifestEntry> {
  const { path, kind } = judged;
  switch (kind) {
    case 'file': {
      const hash = createHash('sha256');
      await take({ ...judged, content: hashed(member.content, hash) });
      return { path, kind, mode: judged.mode, sizeBytes: judged.sizeBytes, sha256: hash.digest('hex') };
    }
    case 'hardlink': {
      await take({ ...judged, content: nothing() });
      // The judge has seen the file that it is another name of.
      return { ...(received.get(judged.target) as ManifestEntry), path };
    }
    case 'symlink': {
      await take({ ...judged, content: nothing() });
      const sha256 = createHash('sha256').update(judged.target).digest('hex');
      return { path, kind, mode: 0o777, sizeBytes: Buffer.byteLength(judged.target), sha256 };
    }
    case 'dir':
      await take({ ...judged, content: nothing() });
      return { path, kind, mode: judged.mode, sizeBytes: 0 };
  }
}

async function* hashed(
  content: AsyncIterable<Bytes>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Bytes> {
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* nothing(): AsyncGenerator<Bytes> {}

function checkedLimits(limits: ArchiveLimits): ArchiveLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new SandboxError(
      'invalid',
      `The archive limit ${name} is ${value}. Give a whole number from 0 on.`,
      {
        started: 'no',
      },
    );
  }
  return limits;
}

function damaged(why: string): SandboxError {
  return new SandboxError('invalid', `The archive is damaged: ${why}. Nothing was replaced; get it again.`);
}
