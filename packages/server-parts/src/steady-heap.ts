// V8 lets what has outlived its request lie until the old generation is some four times what lives, and keeps the
// pages afterwards. Under load a server that needs 60 MB came to hold 300 that way, and was still growing after five
// minutes, which nobody can tell from a leak.
import { setFlagsFromString } from 'node:v8';

/** Of what lives. Collecting at this much costs some 30 ms each few seconds under full load, most of it beside the work. */
const GARBAGE_PERCENT = 50;

/** Bounds the garbage of the whole process: for the main program of a server, once it is up, and for no library. */
export function keepHeapSteady(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
}
