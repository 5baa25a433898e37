import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the part of the heap where objects begin at the size that it has now, 1 or 2 MB, where it would grow to 32.
 * The memory behind the buffers that output passes through is freed when that part is looked through. With a large one
 * this is so seldom that the whole heap is collected over them, again and again: more work than carrying the output.
 * An agent that waits needs less memory too. A V8 that does not know the flag says so on stderr and goes on.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
