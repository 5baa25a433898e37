import { readFileSync } from 'node:fs';

/** Of an installed package, by its manifest; read at start, so that a release changes one place. */
export const packageVersion = (manifest: URL): string =>
  (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
