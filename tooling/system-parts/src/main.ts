import { provideNeededParts } from './provide-needed-parts.ts';

if (provideNeededParts().length > 0) process.exitCode = 1;
