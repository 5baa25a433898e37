// A display by its name, as DISPLAY has it. Only those of this machine: `localhost:10` of an `ssh -X` is the screen of
// whoever signed in from elsewhere, and what is typed would cross the network in the clear.
import { SandboxError } from '@boxyard/sandbox-core';

export interface DisplayName {
  /** As it was given, for instance `:0`. */
  readonly name: string;
  readonly number: number;
  readonly screen: number;
  /** The socket that its X server listens on. */
  readonly socketPath: string;
}

/** @throws SandboxError `unsupported` for a display of another machine, and for what names none. */
export function parseDisplayName(name: string): DisplayName {
  const parts = /^(?:unix|[^:/]*\/unix)?:(\d{1,5})(?:\.(\d{1,3}))?$/.exec(name);
  if (parts === null) {
    throw new SandboxError(
      'unsupported',
      `${JSON.stringify(name)} is no X display of this machine. Name one as :0.`,
      { started: 'no' },
    );
  }
  const number = Number(parts[1]);
  return { name, number, screen: Number(parts[2] ?? 0), socketPath: `/tmp/.X11-unix/X${number}` };
}
