/// <reference path="./x11-library.d.ts" />
import { SandboxError } from '@boxyard/sandbox-core';
import type { XTest } from 'x11';
import type { X11Connection } from './x11-connection.ts';

/** What sends pointer and keys. @throws SandboxError `unsupported` where the server takes them from nobody. */
export function inputOf({ input }: X11Connection): XTest {
  if (input !== null) return input;
  throw new SandboxError(
    'unsupported',
    'The X server takes no input from programs: it lacks XTEST. It can only be looked at.',
    { started: 'no' },
  );
}
