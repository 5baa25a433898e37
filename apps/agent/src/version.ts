import { readFileSync } from 'node:fs';

/** Of the installed package; read at start, so that a release changes one place. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
