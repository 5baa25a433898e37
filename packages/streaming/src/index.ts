export { type StreamEndpoint, streamUrl } from './stream-url.ts';
