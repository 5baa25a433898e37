export { type Host, thisHost } from './host.ts';
export { installParts } from './install-parts.ts';
export { installCommand, isPresent, missingParts } from './missing-parts.ts';
export { type NeedsOptions, needs, needsOn } from './needs.ts';
export { type PartName, SYSTEM_PARTS, type SystemPart } from './parts.ts';
export { provideNeededParts } from './provide-needed-parts.ts';
