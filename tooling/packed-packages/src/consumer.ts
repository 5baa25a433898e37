import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type PackedPackage, unpackPackage } from './packed-package.ts';

/** What one process loaded when it imported the doors of a package. */
export interface LoadedDoors {
  readonly exitCode: number | null;
  readonly stderr: string;
  /** URLs of what was loaded and specifiers of what was asked for. */
  readonly graph: readonly string[];
}

/**
 * A folder in which packed packages lie as after an installation: each sees what its published manifest declares
 * and nothing else. Third-party packages come from the `node_modules` of the sources, so no network is needed.
 */
export class Consumer {
  readonly #root: string;

  /** `root` must lie outside of the repository: Node looks for `node_modules` in every folder above. */
  constructor(root: string) {
    this.#root = root;
  }

  #directoryOf(name: string): string {
    return join(this.#root, name.replace('/', '+'));
  }

  /** Adds a package; `sourceDirectory` is where its third-party packages are installed. */
  add(packed: PackedPackage, sourceDirectory: string): void {
    const directory = this.#directoryOf(packed.name);
    unpackPackage(packed, directory);
    const { dependencies, peerDependencies, optionalDependencies } = packed.manifest;
    for (const name of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
      const target = name.startsWith('@boxyard/')
        ? this.#directoryOf(name)
        : installedAt(sourceDirectory, name);
      // A package for another platform is not installed at a user either.
      if (target === null) continue;
      const link = join(directory, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link);
    }
  }

  /** Imports every door of an added package in a process of its own. */
  importDoors({ name, manifest }: PackedPackage): LoadedDoors {
    const doors = Object.keys(manifest.exports ?? {})
      .filter((door) => door !== './package.json')
      .map((door) => name + door.slice(1));
    const graphFile = join(this.#root, `${name.replace('/', '+')}.graph`);
    rmSync(graphFile, { force: true });
    const hook = new URL('./record-graph.ts', import.meta.url).href;
    const script = doors.map((door) => `await import(${JSON.stringify(door)});`).join('\n');
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', hook, '--input-type=module', '--eval', script],
      {
        cwd: this.#directoryOf(name),
        encoding: 'utf8',
        timeout: 60_000,
        env: { ...process.env, NODE_OPTIONS: '', BOXYARD_MODULE_GRAPH_FILE: graphFile },
      },
    );
    const graph = existsSync(graphFile) ? readFileSync(graphFile, 'utf8').trim().split('\n') : [];
    return { exitCode: status, stderr, graph };
  }
}

/** Where Node would find the package from there: its own `node_modules` first, then those above. */
function installedAt(directory: string, name: string): string | null {
  const candidate = join(directory, 'node_modules', name);
  if (existsSync(candidate)) return realpathSync(candidate);
  const parent = dirname(directory);
  return parent === directory ? null : installedAt(parent, name);
}

/** Entries of a graph that belong to an agent SDK, wherever and under whatever layout it is installed. */
export function agentSdkEntries(graph: readonly string[]): readonly string[] {
  return graph.filter((entry) => /(^asked |[/+])@openai[/+]/.test(entry));
}
