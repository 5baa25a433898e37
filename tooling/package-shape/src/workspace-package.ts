import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export type PackageKind = 'package' | 'app';

/** The part of a package.json that the rules read; absent or of another kind is for the rules to say. */
export interface Manifest {
  readonly name?: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly publishConfig?: { readonly access?: string; readonly exports?: unknown };
  readonly scripts?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A package as the rules see it: its kind, its folder's name and its text files by path. */
export interface WorkspacePackage {
  readonly kind: PackageKind;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, string>;
}

/** Sources of the package: what it ships and its tests. */
export function sourcePaths({ files }: WorkspacePackage): readonly string[] {
  return [...files.keys()].filter((path) => /\.tsx?$/.test(path));
}

/** Tests, benches, and what only they use, which lives in `test/`: none of it reaches a user. */
export function isTestPath(path: string): boolean {
  return /(^|\/)test\/|\.(test|bench)\.tsx?$|^[^/]+\.config\.ts$/.test(path);
}

export function packageOf(kind: PackageKind, folder: string, files: ReadonlyMap<string, string>) {
  const manifest = JSON.parse(files.get('package.json') ?? '{}') as Manifest;
  return { kind, folder, manifest, files } satisfies WorkspacePackage;
}

/** Reads a package from disk. */
export function readPackage(kind: PackageKind, directory: string): WorkspacePackage {
  const paths = globSync(['package.json', 'README.md', '*.ts', '*.yaml', '{src,test}/**/*.{ts,tsx}'], {
    cwd: directory,
  });
  const files = new Map<string, string>();
  // A dotted name is a file that another test makes and removes while this one reads.
  for (const path of paths.sort())
    if (!basename(path).startsWith('.')) files.set(path, readFileSync(join(directory, path), 'utf8'));
  return packageOf(kind, basename(directory), files);
}

/** Every package and app of the repository. */
export function readWorkspace(root: string): readonly WorkspacePackage[] {
  const read = (kind: PackageKind, parent: string) =>
    globSync(`${parent}/*/package.json`, { cwd: root })
      .sort()
      .map((path) => readPackage(kind, join(root, path, '..')));
  return [...read('package', 'packages'), ...read('app', 'apps')];
}
