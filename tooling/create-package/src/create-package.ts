import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { floorOf } from '@tooling/package-shape';
import { withFloorRow } from './floor-row.ts';
import { packageFiles } from './package-files.ts';
import { packageNames } from './package-name.ts';

export interface CreatePackageOptions {
  /** The repository. */
  readonly root: string;
  readonly name: string;
  /** Needed for a name that the table of floors does not know yet. */
  readonly floor?: number;
  readonly description?: string;
}

/** Makes `packages/<name>` and, for a name without a place, its row in the table of floors. Returns the folder. */
export function createPackage({ root, name, floor, description }: CreatePackageOptions): string {
  const names = packageNames(name);
  const directory = join(root, 'packages', name);
  if (existsSync(directory)) throw new Error(`${directory} exists already: choose another name.`);

  if (floorOf(name) === undefined) {
    if (floor === undefined)
      throw new Error(`'${name}' has no place on a floor yet: say --floor N (see docs/architecture.md).`);
    const table = join(root, 'tooling/package-shape/src/floors.ts');
    writeFileSync(table, withFloorRow(readFileSync(table, 'utf8'), name, floor));
  }
  for (const [path, text] of packageFiles(names, description ?? `The ${name} of Boxyard.`)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}
