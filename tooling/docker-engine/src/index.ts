export { type BaseImage, IMAGE_NAMES, provideImage } from './base-images.ts';
export { pause, unpause } from './pausing.ts';
export { type SharedEngine, type SharedEngineOptions, sharedTestEngine } from './shared-engine.ts';
export { startTestEngine, type TestEngine, type TestEngineOptions } from './test-engine.ts';
