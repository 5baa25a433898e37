import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createPackageFromTarballData } from '@arethetypeswrong/core';
import type { Manifest } from '@tooling/package-shape';

/** A package as a user gets it. */
export interface PackedPackage {
  readonly name: string;
  readonly manifest: Manifest;
  readonly tarball: Uint8Array<ArrayBuffer>;
}

/** Packs the package in `directory` as publishing would: by pnpm, which rewrites its manifest. */
export function packPackage(directory: string, destination: string): PackedPackage {
  const { name } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
  if (name === undefined) throw new Error(`${directory}/package.json has no name: add one.`);
  const file = join(destination, `${name.replace('@', '').replace('/', '-')}.tgz`);
  // Not the pnpm on PATH: the version that packs is the version that publishes.
  const pnpm = join(import.meta.dirname, '../../../node_modules/.bin/pnpm');
  const { status, stdout, stderr, error } = spawnSync(pnpm, ['pack', '--out', file], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0)
    throw new Error(`pnpm pack failed in ${directory}: ${error?.message ?? ''}${stdout}${stderr}`);
  const tarball = new Uint8Array(readFileSync(file));
  const contents = createPackageFromTarballData(tarball);
  const manifest = JSON.parse(contents.readFile(`/node_modules/${name}/package.json`)) as Manifest;
  return { name, manifest, tarball };
}

/** Puts the files of a tarball into a folder, which then is the package as it would lie in `node_modules`. */
export function unpackPackage({ name, tarball }: PackedPackage, directory: string): void {
  const contents = createPackageFromTarballData(tarball);
  const prefix = `/node_modules/${name}/`;
  for (const path of contents.listFiles()) {
    if (!path.startsWith(prefix)) continue;
    const target = join(directory, path.slice(prefix.length));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, contents.readFile(path));
  }
}
