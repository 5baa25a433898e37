import { createHash } from 'node:crypto';
import type { TerminalExecRequest } from '@boxyard/contracts';

/**
 * SHA-256 of what a request asks to be run: the same id with another digest is another command. How long the
 * caller waits for the answer and how much of it is wanted are not part of the command.
 */
export function execDigest(request: TerminalExecRequest): string {
  const { opId: _, waitMs: __, maxOutputBytes: ___, ...command } = request;
  return createHash('sha256').update(canonicalJson(command)).digest('hex');
}

/** The same text whatever the order of the members. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
