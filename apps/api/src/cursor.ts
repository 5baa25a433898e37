import { ApiError } from './problem.ts';

/** Cursors are opaque to callers: only what a former answer gave is understood. */
export const encodeCursor = (position: string): string => Buffer.from(`c1:${position}`).toString('base64url');

/** @throws ApiError `invalid` for anything that `encodeCursor` did not make. */
export function decodeCursor(cursor: string, position: RegExp): string {
  const [version, value] = Buffer.from(cursor, 'base64url').toString('utf8').split(/:(.*)/s);
  if (version !== 'c1' || value === undefined || !position.test(value)) {
    throw new ApiError('invalid', 'The cursor was not given by this server. Begin without one.');
  }
  return value;
}
