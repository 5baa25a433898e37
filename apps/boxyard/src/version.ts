import { packageVersion } from '@boxyard/server-parts';

export const VERSION: string = packageVersion(new URL('../package.json', import.meta.url));
