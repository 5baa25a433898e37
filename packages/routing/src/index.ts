export { untilRead } from './held-stream.ts';
export type { PointerReader, PointerSource } from './pointer-cache.ts';
export { POINTER_TRUST_MS, PointerCache, SettledPointer } from './pointer-cache.ts';
export type { OpenedBox } from './route-stop.ts';
export type { RoutedBoxOptions } from './routed-box.ts';
export { RoutedBox } from './routed-box.ts';
