import { defineConfig } from 'tsup';

// Types come from tsc: TypeScript 7 has no compiler API for tsup to call.
export default defineConfig({
  entry: ['src/index.ts', 'src/testing/index.ts'],
  format: ['esm'],
  platform: 'node',
  target: 'node22',
  dts: false,
  clean: true,
  sourcemap: true,
});
