import { SandboxError } from '@boxyard/sandbox-core';

/** Of cat, mv, ln, rm, rmdir, mkdir, chmod and readlink what an image has. */
export type FewTools = ReadonlySet<string>;

/** @throws SandboxError `unsupported` that names what is missing. */
export function needTools(tools: FewTools, names: readonly string[], doing: string): void {
  const missing = names.filter((name) => !tools.has(name));
  if (missing.length === 0) return;
  throw new SandboxError(
    'unsupported',
    `${doing} is not possible: the image of the box lacks ${missing.join(', ')}. Choose another image.`,
    { started: 'no' },
  );
}
