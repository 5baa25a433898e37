/** What PostgreSQL and its driver throw, in the one error family. */
import { SandboxError } from '@boxyard/sandbox-core';
import postgres from 'postgres';

/** The server refused before it changed anything, and the same statement may succeed later. */
const TRY_LATER = new Set(['40001', '40P01', '53300', '55P03', '57P03']);

/** Nothing was sent, so nothing was started. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'CONNECT_TIMEOUT',
  'CONNECTION_ENDED',
]);

/**
 * Turns any failure of a statement into a SandboxError. Neither parameters nor PostgreSQL's `detail`, which
 * quotes stored values, go along.
 */
export function databaseError(error: unknown): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  if (error instanceof postgres.PostgresError) return refusedByServer(error);
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new SandboxError(
    'unreachable',
    `The database did not answer (${code ?? reason}). Check that it runs and that BOXYARD_DATABASE_URL leads to it.`,
    { started: code !== undefined && NOT_CONNECTED.has(code) ? 'no' : 'unknown', cause: plain(error) },
  );
}

/** Whether a connection that was open, or opening, is not any more. */
export function lostConnection(error: unknown): boolean {
  if (error instanceof postgres.PostgresError)
    return error.code.startsWith('57P') || error.code.startsWith('08');
  const code = codeOf(error);
  return code !== undefined && (code === 'CONNECT_TIMEOUT' || !NOT_CONNECTED.has(code));
}

function refusedByServer(error: postgres.PostgresError): SandboxError {
  const { code } = error;
  const options = { started: 'no' as const, cause: plain(error) };
  if (code === '57014') {
    return new SandboxError('timeout', 'The database ended a statement that took too long. Try again.', {
      ...options,
      retryable: true,
    });
  }
  if (TRY_LATER.has(code)) {
    return new SandboxError('unreachable', `The database is busy (${code}). Try again.`, options);
  }
  if (code.startsWith('22')) {
    return new SandboxError(
      'invalid',
      `The database cannot hold a value (${error.message}). Send another one.`,
      options,
    );
  }
  if (code.startsWith('23')) {
    return new SandboxError(
      'conflict',
      `The database has it already or misses what it belongs to (${error.message}). Look at what is there.`,
      options,
    );
  }
  if (code.startsWith('28') || code === '3D000' || code === '42501') {
    return new SandboxError(
      'configuration',
      `The database does not let us in or do our work (${error.message}). Check BOXYARD_DATABASE_URL and what its user may do.`,
      options,
    );
  }
  if (code.startsWith('08') || code.startsWith('57P')) {
    return new SandboxError('unreachable', `The database went away (${error.message}). Try again.`, {
      ...options,
      started: 'unknown',
    });
  }
  return new SandboxError(
    'unreachable',
    `The database refused a statement (${code}: ${error.message}). Look at its log.`,
    { ...options, retryable: false },
  );
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function plain(error: unknown): Error {
  const copy = new Error(error instanceof Error ? error.message : String(error));
  copy.name = codeOf(error) ?? 'Error';
  if (error instanceof Error && error.stack !== undefined) copy.stack = error.stack;
  return copy;
}
