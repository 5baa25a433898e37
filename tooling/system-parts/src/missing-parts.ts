import { findProgram, type Host, thisHost } from './host.ts';
import { SYSTEM_PARTS, type SystemPart } from './parts.ts';

export function isPresent(part: SystemPart, host: Host = thisHost()): boolean {
  return part.programs.some((program) => findProgram(program, host.path) !== null);
}

export function missingParts(
  host: Host = thisHost(),
  parts: readonly SystemPart[] = SYSTEM_PARTS,
): readonly SystemPart[] {
  return parts.filter((part) => !isPresent(part, host));
}

/** The one line that a person types to get these parts. */
export function installCommand(parts: readonly SystemPart[], host: Host = thisHost()): string {
  if (!host.isDebian)
    return `install with your package manager: ${parts.map((part) => part.title).join(', ')}`;
  const sudo = host.isRoot ? '' : 'sudo ';
  return `${sudo}apt-get install -y --no-install-recommends ${parts.map((part) => part.debianPackage).join(' ')}`;
}
