import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { SandboxError } from '@boxyard/sandbox-core';
import { type BrokenBox, overridden, unless, withFiles } from './broken-box.ts';

const conflict = () => new SandboxError('conflict', 'It exists already; choose another name.');

export const BROKEN_FILES: readonly BrokenBox[] = [
  {
    wrong: 'a stream ignores its range',
    breaks: 'files.ranges',
    wrap: (box) =>
      withFiles(box, (files) => ({
        open: async (path, options) => {
          await (await files.open(path, options)).stream.cancel();
          return files.open(path);
        },
      })),
  },
  {
    wrong: 'a negative offset counts from 0',
    breaks: 'files.bad-ranges',
    wrap: (box) =>
      withFiles(box, (files) => ({
        read: (path, options = {}) =>
          files.read(path, (options.offset ?? 0) < 0 ? { ...options, offset: 0 } : options),
      })),
  },
  {
    wrong: 'a read over its bound is cut',
    breaks: 'files.max-bytes',
    wrap: (box) =>
      withFiles(box, (files) => ({
        read: async (path, { maxBytes, ...options } = {}) =>
          (await files.read(path, options)).slice(0, maxBytes),
      })),
  },
  {
    wrong: 'nothing has an empty version',
    breaks: 'files.version',
    wrap: (box) =>
      withFiles(box, (files) => ({
        version: async (path, options) => (await files.version(path, options)) ?? '',
      })),
  },
  {
    wrong: 'large files are digested as small ones are',
    breaks: 'files.version-large',
    wrap: (box) =>
      withFiles(box, (files) => ({
        version: async (path, options) => {
          const version = await files.version(path, options);
          if (version?.startsWith('st-') !== true) return version;
          return `sha256-${createHash('sha256')
            .update(await files.read(path))
            .digest('hex')}`;
        },
      })),
  },
  {
    wrong: 'the version is compared before and not while writing',
    breaks: 'files.if-version-race',
    wrap: (box) =>
      withFiles(box, (files) => ({
        write: async (path, content, { ifVersion, ...options } = {}) => {
          if (ifVersion !== undefined && (await files.version(path)) !== ifVersion) {
            throw new SandboxError('precondition-failed', 'It has changed; read it again.');
          }
          return files.write(path, content, options);
        },
      })),
  },
  {
    wrong: 'absence is looked at before and not while writing',
    breaks: 'files.if-absent-race',
    wrap: (box) =>
      withFiles(box, (files) => ({
        write: async (path, content, { ifAbsent, ...options } = {}) => {
          if (ifAbsent === true && (await files.stat(path)) !== null) throw conflict();
          return files.write(path, content, options);
        },
      })),
  },
  {
    wrong: 'the digest of the content is not compared',
    breaks: 'files.digest',
    wrap: (box) =>
      withFiles(box, (files) => ({
        write: (path, content, { expectedSha256: _, ...options } = {}) => files.write(path, content, options),
      })),
  },
  {
    wrong: 'a write resets the mode',
    breaks: 'files.mode',
    wrap: (box) =>
      withFiles(box, (files) => ({
        write: (path, content, options) => files.write(path, content, { mode: 0o644, ...options }),
      })),
  },
  {
    wrong: 'parents are always made',
    breaks: 'files.parents',
    wrap: (box) =>
      withFiles(box, (files) => ({
        write: (path, content, options) => files.write(path, content, { ...options, createParents: true }),
      })),
  },
  {
    wrong: 'hidden names are not listed',
    breaks: 'files.odd-names',
    wrap: (box) =>
      withFiles(box, (files) => ({
        list: async (...args) => (await files.list(...args)).filter((entry) => !entry.name.startsWith('.')),
      })),
  },
  {
    wrong: 'a list does not say where links lead',
    breaks: 'files.list',
    wrap: (box) =>
      withFiles(box, (files) => ({
        list: async (...args) => (await files.list(...args)).map(({ target: _, ...entry }) => entry),
      })),
  },
  {
    wrong: 'what is not there is listed as empty',
    breaks: 'files.list-errors',
    wrap: (box) =>
      withFiles(box, (files) => ({ list: (...args) => unless('not-found', files.list(...args), () => []) })),
  },
  {
    wrong: 'the target of a move is looked at before and not while moving',
    breaks: 'files.move-race',
    wrap: (box) =>
      withFiles(box, (files) => ({
        move: async (from, to, options) => {
          if (options?.overwrite !== true && (await files.stat(to).catch(() => null)) !== null)
            throw conflict();
          await files.move(from, to, { ...options, overwrite: true });
        },
      })),
  },
  {
    wrong: 'full folders are removed without being asked for',
    breaks: 'files.remove',
    wrap: (box) =>
      withFiles(box, (files) => ({
        remove: (path, options) => files.remove(path, { ...options, recursive: true }),
      })),
  },
  {
    wrong: 'removing nothing recursively is fine',
    breaks: 'files.remove-refused',
    wrap: (box) =>
      withFiles(box, (files) => ({
        remove: (path, options) => {
          const removed = files.remove(path, options);
          return options?.recursive === true ? unless('not-found', removed, () => undefined) : removed;
        },
      })),
  },
  {
    wrong: 'making a folder recursively hides that a file has the name',
    breaks: 'files.mkdir',
    wrap: (box) =>
      withFiles(box, (files) => ({
        mkdir: (path, options) => {
          const made = files.mkdir(path, options);
          return options?.recursive === true ? unless('conflict', made, () => undefined) : made;
        },
      })),
  },
  {
    wrong: 'a file is read in two halves',
    breaks: 'files.atomic',
    wrap: (box) =>
      withFiles(box, (files) => ({
        read: async (path, options = {}) => {
          const size = (await files.stat(path))?.sizeBytes ?? 0;
          if (size < 200_000 || options.offset !== undefined) return files.read(path, options);
          const half = Math.floor(size / 2);
          const first = await files.read(path, { ...options, length: half });
          const second = await files.read(path, { ...options, offset: half });
          return new Uint8Array(Buffer.concat([first, second]));
        },
      })),
  },
  {
    wrong: 'what is missing is called retryable',
    breaks: 'files.errors',
    wrap: (box) =>
      withFiles(box, (files) => ({
        read: (...args) =>
          unless('not-found', files.read(...args), () => {
            throw new SandboxError('not-found', 'It does not exist; list its folder.', { retryable: true });
          }),
      })),
  },
];

export const BROKEN_CONFINEMENT: readonly BrokenBox[] = [
  {
    wrong: 'a link that leads out has no version instead of being denied',
    breaks: 'confinement.link-out-file',
    wrap: (box) =>
      withFiles(box, (files) => ({
        version: (path, options) => {
          const version = files.version(path, options);
          return path.includes('/') ? version : unless('denied', version, () => null);
        },
      })),
  },
  {
    wrong: 'a cwd is normalised before it is judged',
    breaks: 'confinement.dots',
    wrap: (box) =>
      overridden(box, {
        exec: (request, options) =>
          box.exec(
            request.cwd === undefined ? request : { ...request, cwd: posix.normalize(request.cwd) },
            options,
          ),
      }),
  },
  {
    wrong: 'absolute paths of the workspace are taken for relative ones',
    breaks: 'confinement.absolute',
    wrap: (box) =>
      withFiles(box, (files) => ({
        read: (path, options) => {
          const prefix = `${box.workspaceRoot}/`;
          return files.read(path.startsWith(prefix) ? path.slice(prefix.length) : path, options);
        },
      })),
  },
  {
    wrong: 'a path ends at NUL',
    breaks: 'confinement.nul',
    wrap: (box) =>
      withFiles(box, (files) => ({ stat: (path, options) => files.stat(path.split('\0')[0]!, options) })),
  },
  {
    wrong: 'a backslash separates',
    breaks: 'confinement.backslash',
    wrap: (box) =>
      withFiles(box, (files) => ({
        write: (path, content, options) => files.write(path.replaceAll('\\', '/'), content, options),
      })),
  },
  {
    wrong: 'a cwd may not be a link, not even inside',
    breaks: 'confinement.link-inside',
    wrap: (box) =>
      overridden(box, {
        exec: async (request, options) => {
          const entry = request.cwd === undefined ? null : await box.files.stat(request.cwd);
          if (entry?.kind === 'symlink')
            throw new SandboxError('denied', 'The cwd is a link; name a folder.');
          return box.exec(request, options);
        },
      }),
  },
];
