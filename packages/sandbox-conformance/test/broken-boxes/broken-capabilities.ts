import { DEFAULT_ARCHIVE_LIMITS } from '@boxyard/sandbox-core';
import { type BrokenBox, unless, withUse } from './broken-box.ts';

export const BROKEN_WATCH: readonly BrokenBox[] = [
  {
    wrong: 'everything below is always watched',
    breaks: 'watch.flat',
    wrap: (box) =>
      withUse(box, 'watch', (use) => ({
        watch: (path, { signal }) => use.watch(path, { signal, recursive: true }),
      })),
  },
  {
    wrong: 'only the folder itself is ever watched',
    breaks: 'watch.deep',
    waitMs: 500,
    wrap: (box) =>
      withUse(box, 'watch', (use) => ({
        watch: (path, { signal }) => use.watch(path, { signal, recursive: false }),
      })),
  },
  {
    wrong: 'folders are told as files',
    breaks: 'watch.relative',
    wrap: (box) =>
      withUse(box, 'watch', (use) => ({
        async *watch(path, options) {
          for await (const change of use.watch(path, options)) yield { ...change, isDir: false };
        },
      })),
  },
  {
    wrong: 'watching what is not there ends without a word',
    breaks: 'watch.refused',
    wrap: (box) =>
      withUse(box, 'watch', (use) => ({
        async *watch(path, options) {
          try {
            yield* use.watch(path, options);
          } catch (error) {
            if ((error as { code?: string }).code !== 'not-found') throw error;
          }
        },
      })),
  },
];

const usable = (limits: object | undefined): boolean =>
  Object.values(limits ?? {}).every((limit) => Number.isSafeInteger(limit) && limit >= 0);

export const BROKEN_ARCHIVES: readonly BrokenBox[] = [
  {
    wrong: 'replacing a folder leaves what is extra',
    breaks: 'archives.round-trip',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        unpack: (archive, options) =>
          use.unpack(archive, options.path === undefined ? options : { ...options, mode: 'merge' }),
      })),
  },
  {
    wrong: 'merging removes what is not in the archive',
    breaks: 'archives.merge',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        unpack: (archive, options) => use.unpack(archive, { ...options, mode: 'replace' }),
      })),
  },
  {
    wrong: 'the manifest is in no order',
    breaks: 'archives.manifest',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        pack: async (options) => {
          const { stream, manifest } = await use.pack(options);
          const reversed = manifest.then((each) => ({ ...each, entries: [...each.entries].reverse() }));
          reversed.catch(() => undefined);
          return { stream, manifest: reversed };
        },
      })),
  },
  {
    wrong: 'limits are not enforced',
    breaks: 'archives.limits',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        unpack: (archive, options) =>
          use.unpack(
            archive,
            usable(options.limits) ? { ...options, limits: DEFAULT_ARCHIVE_LIMITS } : options,
          ),
      })),
  },
  {
    wrong: 'limits that are none count as none',
    breaks: 'archives.bad-limits',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        unpack: (archive, options) =>
          use.unpack(
            archive,
            usable(options.limits) ? options : { ...options, limits: DEFAULT_ARCHIVE_LIMITS },
          ),
      })),
  },
  {
    wrong: 'links that lead out are refused also where they are allowed',
    breaks: 'archives.outward-links',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        unpack: (archive, options) => use.unpack(archive, { ...options, allowOutwardLinks: false }),
      })),
  },
  {
    wrong: 'a folder that is not there is packed as another one',
    breaks: 'archives.folders',
    wrap: (box) =>
      withUse(box, 'archives', (use) => ({
        pack: (options) => unless('not-found', use.pack(options), () => use.pack()),
      })),
  },
];
