import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

// For the workers and the hundreds of programs that they start from source: what each has to compile takes half of its
// start otherwise.
process.env.NODE_COMPILE_CACHE ??= resolve('node_modules/.cache/node-compile');

// Tests run from source: without this condition every test would need a build first. `import` and `require` are left to
// who imports: they would be forced upon CommonJS packages, which then get ES modules from `require`.
const conditions = ['@boxyard/source', 'module', 'node'];

// Their tests leave nothing behind in modules or on globals. One process takes many of their files, and what these stand
// on, a PostgreSQL among it, is loaded and started once; each file of the others has a process of its own.
const SHARE_PROCESSES: ReadonlySet<string> = new Set([
  '@boxyard/agent-proto',
  '@boxyard/api',
  '@boxyard/channel-a',
  '@boxyard/contracts',
  '@boxyard/fleet',
  '@boxyard/leases',
  '@boxyard/sandbox-core',
  '@boxyard/selfhosted',
  '@boxyard/server-parts',
  '@boxyard/sessions',
  '@boxyard/store-postgres',
  '@boxyard/streaming',
]);

const projects = globSync('{packages/*,apps/*,tooling/*,bench}/package.json').map((manifest) => {
  const root = manifest.slice(0, -'/package.json'.length);
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string };
  return { extends: true as const, root, test: { name, root, isolate: !SHARE_PROCESSES.has(name) } };
});

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects,
    include: ['{src,test}/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    // Real processes, databases and servers share two cores: a deadline here only says that something hangs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The test run lists every test that passed only on its second try, so a shaky one is seen, not hidden.
    retry: process.env.CI === 'true' ? 1 : 0,
    // One more than the cores of a small machine: much of what runs here waits for a process, a timer or a disk.
    maxWorkers: 3,
  },
});
