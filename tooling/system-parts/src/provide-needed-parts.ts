import { type Host, thisHost } from './host.ts';
import { installParts } from './install-parts.ts';
import { installCommand, isPresent } from './missing-parts.ts';
import { SYSTEM_PARTS, type SystemPart } from './parts.ts';

/** Lists every part, installs what the present tests need, and answers with what of that is still missing. */
export function provideNeededParts(
  host: Host = thisHost(),
  parts: readonly SystemPart[] = SYSTEM_PARTS,
  print: (line: string) => void = console.log,
): readonly SystemPart[] {
  const stillMissing = installParts(
    parts.filter((part) => part.neededBy.length > 0),
    host,
  );
  for (const part of parts) {
    const state = isPresent(part, host) ? 'present' : 'missing';
    const use = part.neededBy.length > 0 ? `needed by ${part.neededBy.join(', ')}` : 'not needed by any test';
    print(`  ${state}  ${part.title} (${use})`);
  }
  if (stillMissing.length > 0) print(`To get what is missing: ${installCommand(stillMissing, host)}`);
  return stillMissing;
}
