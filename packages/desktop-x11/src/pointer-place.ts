export type PointerButton = 'left' | 'middle' | 'right';

export interface PointerPlace {
  /** In pixels of the screen itself, from its left edge. */
  readonly x: number;
  /** From its upper edge. */
  readonly y: number;
}
