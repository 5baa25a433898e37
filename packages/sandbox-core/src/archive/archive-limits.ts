/** What an archive may hold. Bounds a hostile one; far above what a workspace needs. */
export interface ArchiveLimits {
  readonly maxEntries: number;
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  readonly maxPathBytes: number;
}

export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = {
  maxEntries: 1_000_000,
  maxFileBytes: 16 * 1024 ** 3,
  maxTotalBytes: 64 * 1024 ** 3,
  // PATH_MAX of Linux.
  maxPathBytes: 4096,
};
