/**
 * What a frame costs beside its data, in every window and every bound: many frames of one byte are no cheaper than
 * the memory they take.
 */
export const FRAME_OVERHEAD_BYTES = 64;

/** What a frame of so many bytes counts. */
export const frameCost = (dataBytes: number): number => dataBytes + FRAME_OVERHEAD_BYTES;
