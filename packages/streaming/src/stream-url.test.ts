import { expect, test } from 'vitest';
import { streamUrl } from './stream-url.ts';

test.each([
  [{ host: 'box.example', port: 443, tls: true }, 'wss://box.example/'],
  [{ host: 'box.example', port: 80 }, 'ws://box.example/'],
  [{ host: 'box.example', port: 443 }, 'ws://box.example:443/'],
  [{ host: '::1', port: 6080, path: '/stream', query: 'a=1&b=%20' }, 'ws://[::1]:6080/stream?a=1&b=%20'],
  [{ host: '127.0.0.1', port: 8080, tls: true, path: 'x', query: '?k=v' }, 'wss://127.0.0.1:8080/x?k=v'],
  [{ host: 'box.example', port: 80, protocol: 'http', query: '' }, 'http://box.example/'],
] as const)('%j is %s', (endpoint, url) => {
  expect(streamUrl(endpoint)).toBe(url);
});
