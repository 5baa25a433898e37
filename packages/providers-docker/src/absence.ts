// Whether a box is not there any more, asked when something about it has failed. Only the engine that made it can
// prove that: another one at the same socket knows nothing of it.
import { setTimeout as delay } from 'node:timers/promises';
import { type BoxRef, SandboxError } from '@boxyard/sandbox-core';
import type { ContainerState, Engine } from './engine.ts';

/**
 * Removing a container takes the engine moments, in which nothing works in it any more. It calls it running until it
 * has killed it, so what is not removed after this is taken for what the engine says.
 */
const MOST_REMOVING_MS = 3000;
const LOOK_MS = 50;

/** Null when the box is proven absent. @throws SandboxError `unreachable` when the engine is another one. */
export async function findBox(engine: Engine, ref: BoxRef): Promise<ContainerState | null> {
  const found = await engine.find(ref.instance);
  if (found !== null) return found;
  const here = await engine.state();
  if (here.id === ref.resume.engine) return null;
  throw new SandboxError(
    'unreachable',
    `The box ${ref.instance} is of another Docker Engine than the one at ${engine.socketPath}. Start that one, or name its socket.`,
    { started: 'no' },
  );
}

/** What to throw in place of `error`: `gone` when the box is absent, or about to be. */
export async function errorOfBox(engine: Engine, ref: BoxRef, error: unknown): Promise<unknown> {
  const end = performance.now() + MOST_REMOVING_MS;
  try {
    while (true) {
      const found = await findBox(engine, ref);
      if (found === null) return goneBox(ref, error);
      if (found.status === 'paused' || performance.now() > end) return error;
      await delay(LOOK_MS);
    }
  } catch (another) {
    // That the engine says nothing is no better reason than the first.
    return SandboxError.hasCode(error, 'gone') ? another : error;
  }
}

export function goneBox(ref: BoxRef, cause?: unknown): SandboxError {
  return new SandboxError('gone', `The box ${ref.instance} does not exist any more. Make another.`, {
    started: 'no',
    cause,
  });
}
