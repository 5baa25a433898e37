import type { Bytes } from '@boxyard/sandbox-core';

/** A picture of the whole screen, which may be smaller than the screen itself. */
export interface Screenshot {
  readonly png: Bytes;
  readonly width: number;
  readonly height: number;
  /** Of the screen itself: in these pixels the pointer is moved. */
  readonly nativeWidth: number;
  readonly nativeHeight: number;
}
