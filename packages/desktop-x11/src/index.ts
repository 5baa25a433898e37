export type { PointerButton, PointerPlace } from './pointer-place.ts';
export type { Screenshot } from './screenshot.ts';
export { type ScreenshotOptions, X11Desktop, type X11DesktopOptions, type X11Screen } from './x11-desktop.ts';
