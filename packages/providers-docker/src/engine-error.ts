import { isGoneError, SandboxError } from '@boxyard/sandbox-core';

const field = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;

/** The HTTP status of an engine's answer; null for what is no answer. */
export function statusOf(error: unknown): number | null {
  const status = field(error, 'statusCode');
  return typeof status === 'number' ? status : null;
}

/** What the engine said, without the client's own words around it. */
export function textOf(error: unknown): string {
  const message = field(field(error, 'json'), 'message');
  if (typeof message === 'string') return message.trim();
  return error instanceof Error ? error.message : String(error);
}

/** Whether the engine says that there is no such container; no word of an image, a network or a file counts. */
export function isNoContainer(error: unknown): boolean {
  return statusOf(error) === 404 && isGoneError('docker', error);
}

export const isNotRunning = (error: unknown) =>
  statusOf(error) === 409 && /is not running|is restarting/i.test(textOf(error));

export const isPaused = (error: unknown) => statusOf(error) === 409 && /is paused/i.test(textOf(error));

const NO_ENGINE = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTSOCK']);

/** Anything that the engine or the way to it threw, as one of ours. SandboxErrors pass. */
export function engineError(error: unknown, what: string, socketPath: string): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  const status = statusOf(error);
  const code = field(error, 'code');
  if (status === null && typeof code === 'string' && NO_ENGINE.has(code)) {
    const why =
      code === 'EACCES'
        ? 'this user may not use its socket. Join the group of the socket'
        : 'nothing answers';
    return new SandboxError(
      'unreachable',
      `${what} failed: at ${socketPath} ${why}; start the Docker Engine, or name its socket in BOXYARD_DOCKER_SOCKET or DOCKER_HOST.`,
      { cause: error, started: 'no', stage: 'engine' },
    );
  }
  if (isNoContainer(error)) {
    return new SandboxError('gone', `${what} failed: the box does not exist any more. Make another.`, {
      cause: error,
      started: 'no',
    });
  }
  if (status === 400) {
    return new SandboxError('invalid', `${what} was refused by the engine: ${textOf(error)}. Correct it.`, {
      cause: error,
      started: 'no',
    });
  }
  return new SandboxError(
    'unreachable',
    `${what} failed in the engine: ${textOf(error)}. Look at its log, then try again.`,
    { cause: error },
  );
}
