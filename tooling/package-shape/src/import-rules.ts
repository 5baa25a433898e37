import { floorOf, mayImport } from './floors.ts';
import { outlineOf, packageNameOf } from './module-imports.ts';
import type { Rule } from './rule.ts';
import { isTestPath, sourcePaths, type WorkspacePackage } from './workspace-package.ts';

/** The repository's root declares these for everybody's tests and builds. */
const ROOT_TOOLS = new Set(['vitest', 'tsup', 'vite']);

/** Package name → the files that import it. */
type ImportedPackages = ReadonlyMap<string, readonly string[]>;

function importedPackages(pkg: WorkspacePackage, isWanted: (path: string) => boolean): ImportedPackages {
  const found = new Map<string, string[]>();
  for (const path of sourcePaths(pkg).filter(isWanted)) {
    for (const specifier of outlineOf(path, pkg.files.get(path) ?? '').imports) {
      const name = packageNameOf(specifier);
      if (name === null || name === pkg.manifest.name) continue;
      found.set(name, [...(found.get(name) ?? []), path]);
    }
  }
  return found;
}

const isShipped = (path: string): boolean => !isTestPath(path);

const declaredImports: Rule = {
  name: 'declared-imports',
  why: 'An undeclared package is there by luck in this repository and missing at a user.',
  check: (pkg) => {
    const { dependencies, peerDependencies, optionalDependencies, devDependencies } = pkg.manifest;
    const atRuntime = { ...dependencies, ...peerDependencies, ...optionalDependencies };
    const inTests = { ...atRuntime, ...devDependencies };
    const undeclared = (imported: ImportedPackages, declared: object, field: string) =>
      [...imported]
        .filter(([name]) => !(name in declared))
        .map(([name, [path]]) => `${path}: imports '${name}': declare it in ${field}.`);
    const ofTests = [...importedPackages(pkg, isTestPath)].filter(([name]) => !ROOT_TOOLS.has(name));
    return [
      ...undeclared(importedPackages(pkg, isShipped), atRuntime, 'dependencies'),
      ...undeclared(new Map(ofTests), inTests, 'devDependencies'),
    ];
  },
};

const usedDeclarations: Rule = {
  name: 'used-declarations',
  why: 'Every user installs what is declared, whether it is used or not.',
  check: (pkg) => {
    const { dependencies = {}, devDependencies = {} } = pkg.manifest;
    const shipped = importedPackages(pkg, isShipped);
    const all = importedPackages(pkg, () => true);
    // Types of an imported package are used without being named: @types/tar-stream, @types/scope__name.
    const isUsed = (name: string, imported: ImportedPackages) =>
      imported.has(name) ||
      imported.has(name.replace(/^@types\/(?:(.+)__)?/, (_, scope) => (scope ? `@${scope}/` : '')));
    // A tool is started by its name, from a script or from another tool's file.
    const started = [...Object.values(pkg.manifest.scripts ?? {}), ...toolFiles(pkg)].join('\n');
    const isStarted = (name: string) => started.split(/[^\w-]+/).includes(name.replace(/^@.*\//, ''));
    return [
      ...Object.keys(dependencies)
        .filter((name) => !isUsed(name, shipped))
        .map((name) =>
          all.has(name)
            ? `package.json: only tests import '${name}': move it to devDependencies.`
            : `package.json: nothing imports '${name}': remove it from dependencies.`,
        ),
      ...Object.keys(devDependencies)
        .filter((name) => !isUsed(name, all) && !isStarted(name))
        .map((name) => `package.json: nothing imports '${name}': remove it from devDependencies.`),
    ];
  },
};

function toolFiles({ files }: WorkspacePackage): readonly string[] {
  return [...files].filter(([path]) => path.endsWith('.yaml')).map(([, text]) => text);
}

const floors: Rule = {
  name: 'floors',
  why: 'The floors of docs/architecture.md: without them everything ends up importing everything.',
  check: (pkg) => {
    const row = floorOf(pkg.folder);
    if (row === undefined)
      return [`'${pkg.folder}' has no row in tooling/package-shape/src/floors.ts: add one.`];
    const { dependencies, peerDependencies, optionalDependencies } = pkg.manifest;
    const declared = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
    const imported = importedPackages(pkg, isShipped);
    const wrong = [...new Set([...declared, ...imported.keys()])]
      .filter((name) => name.startsWith('@boxyard/') && !mayImport(row, name))
      .map((name) => `${pkg.folder} may not import '${name}': see docs/architecture.md.`);
    for (const [name, paths] of imported) {
      if (row.providersOnlyIn === undefined || !name.startsWith('@boxyard/providers-')) continue;
      for (const path of paths)
        if (path !== row.providersOnlyIn)
          wrong.push(`${path}: imports '${name}': only ${row.providersOnlyIn} may import providers.`);
    }
    return wrong;
  },
};

const noAgentSdk: Rule = {
  name: 'no-agent-sdk',
  why: 'A box must not need an agent SDK: whoever declares one brings the agent loop into its users.',
  check: ({ manifest, folder }) => {
    if (floorOf(folder)?.agentSdk) return [];
    const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifest;
    return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies })
      .filter((name) => name.startsWith('@openai/'))
      .map((name) => `package.json: '${name}' is not for ${folder}: use @boxyard/agents-bridge above it.`);
  },
};

export const IMPORT_RULES: readonly Rule[] = [declaredImports, usedDeclarations, floors, noAgentSdk];
