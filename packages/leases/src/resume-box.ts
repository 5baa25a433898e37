import { type Box, type BoxRef, bounded, type Provider, type ResumeBoxOptions } from '@boxyard/sandbox-core';

/** Resumes within the deadline whatever the provider does; a handle that comes too late is closed. */
export async function resumeBox(provider: Provider, ref: BoxRef, options: ResumeBoxOptions): Promise<Box> {
  let opening: Promise<Box> | null = null;
  try {
    return await bounded(options, `Resuming box ${ref.instance}`, (signal, call) => {
      opening = provider.resume(ref, { ...options, ...call.left(), signal });
      return opening;
    });
  } catch (error) {
    closeLate(opening);
    throw error;
  }
}

function closeLate(opening: Promise<Box> | null): void {
  opening?.then((box) => box.close()).catch(() => {});
}
