import { SandboxError } from './sandbox-error.ts';

/** @throws SandboxError `invalid` for what is no TCP port. */
export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return;
  throw new SandboxError('invalid', `${port} is no port. Use a whole number from 1 to 65535.`, {
    started: 'no',
  });
}
