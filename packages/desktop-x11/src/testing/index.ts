export { openTestWindow, type TestWindow, type TestWindowOptions, type WindowInput } from './test-window.ts';
