// What keeps a box from being made, in words that say what to do.
import { SandboxError } from '@boxyard/sandbox-core';

export function nameTaken(id: string): SandboxError {
  return new SandboxError(
    'conflict',
    `Making the box was refused: the container ${id} has its name and other labels. Remove or rename that one.`,
    { started: 'no' },
  );
}

export function noDiskLimit(driver: string, cause?: unknown): SandboxError {
  return new SandboxError(
    'unsupported',
    `A box with a limit of its disk cannot be made: the engine's storage ${driver} has no quota here. Leave diskMb out, or use overlay2 on xfs with pquota, btrfs or zfs.`,
    { started: 'no', stage: 'create', cause },
  );
}

export function notAllowed(image: string, allowed: Iterable<string>): SandboxError {
  return new SandboxError(
    'unsupported',
    `A box of the image ${JSON.stringify(image)} cannot be made here. Use one of: ${[...allowed].join(', ')}.`,
    { started: 'no', stage: 'create' },
  );
}
