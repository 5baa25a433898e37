import { SandboxError } from '@boxyard/sandbox-core';

/** The `stage` of a `timeout` that came before the work: the box was not there in time. */
export const BOX_OPEN_STAGE = 'box.open';

/** Whatever the box was wanted for has not begun, whichever step of getting it took too long. */
export const openInTime = <T>(opening: Promise<T>): Promise<T> =>
  opening.catch((error: unknown) => {
    if (!SandboxError.hasCode(error, 'timeout')) throw error;
    throw new SandboxError(
      'timeout',
      'The box is not ready yet; it is being made meanwhile. Try again in a moment.',
      { stage: BOX_OPEN_STAGE, started: 'no', retryable: true, cause: error },
    );
  });
