import { SandboxError } from '@boxyard/sandbox-core';

const SEGMENT = /^[A-Za-z0-9._-]{1,200}$/;

/** The segments of a key. Throws `invalid` for one that could name anything but a file below the store. */
export function keySegments(key: string): readonly string[] {
  const segments = key.split('/');
  for (const segment of segments) {
    if (SEGMENT.test(segment) && segment !== '.' && segment !== '..' && !isUnfinished(segment)) continue;
    throw new SandboxError(
      'invalid',
      `The blob key ${JSON.stringify(key.slice(0, 200))} is refused. Use segments of A-Z, a-z, 0-9, ".", "_", "-" joined by "/".`,
      { started: 'no' },
    );
  }
  return segments;
}

const UNFINISHED = '.unfinished-';

/** The name of a blob that is being written. No key can name it. */
export function unfinishedName(id: string): string {
  return `${UNFINISHED}${id}`;
}

export function isUnfinished(name: string): boolean {
  return name.startsWith(UNFINISHED);
}
