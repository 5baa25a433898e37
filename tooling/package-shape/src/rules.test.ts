import { expect, test } from 'vitest';
import { ALL_RULES } from './all-rules.ts';
import { checkPackage } from './rule.ts';
import { type PackageKind, packageOf } from './workspace-package.ts';

const exports = {
  '.': { '@boxyard/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
  './package.json': './package.json',
};
const publishConfig = {
  access: 'public',
  exports: {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './package.json': './package.json',
  },
};
const manifest = {
  name: '@boxyard/leases',
  version: '0.1.0',
  description: 'Who keeps a box alive.',
  license: 'Apache-2.0',
  type: 'module',
  engines: { node: '>=22' },
  sideEffects: false,
  exports,
  files: ['dist'],
  scripts: { build: 'tsup', typecheck: 'tsc', test: 'vitest run' },
  dependencies: { '@boxyard/sandbox-core': 'workspace:^', 'tar-stream': 'catalog:' },
  devDependencies: { 'fast-check': 'catalog:', '@types/tar-stream': 'catalog:' },
  optionalDependencies: { '@vendor/linux-x64': 'catalog:' },
  publishConfig,
};
const files = {
  'README.md': '# Leases\n\n    npm install @boxyard/leases\n\n```ts\nimport "@boxyard/leases";\n```\n',
  'src/index.ts': "export { lease } from './lease.ts';\nexport type { Lease } from './lease.ts';\n",
  'src/lease.ts':
    "import type { Box } from '@boxyard/sandbox-core';\nimport { pack } from 'tar-stream';\nimport fs from 'node:fs';\n",
  'src/lease.test.ts': "import { test } from 'vitest';\nimport fc from 'fast-check';\nimport './lease.ts';\n",
  'tsup.config.ts': "import { defineConfig } from 'tsup';\nexport default defineConfig({});\n",
};

interface Change {
  kind?: PackageKind;
  folder?: string;
  manifest?: Record<string, unknown>;
  files?: Record<string, string | undefined>;
}

/** A package that keeps every rule, but for what is changed. */
function violationsOf(change: Change): { rules: string[]; messages: string } {
  const all = {
    ...files,
    'package.json': JSON.stringify({ ...manifest, ...change.manifest }),
    ...change.files,
  };
  const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const pkg = packageOf(change.kind ?? 'package', change.folder ?? 'leases', new Map(present));
  const violations = checkPackage(pkg, ALL_RULES);
  return {
    rules: [...new Set(violations.map(({ rule }) => rule))],
    messages: violations.map(({ message }) => message).join('\n'),
  };
}

const plus = (extra: string): Record<string, string> => ({ 'src/more.ts': extra });

const broken: readonly [rule: string, what: string, message: RegExp, change: Change][] = [
  [
    'manifest-fields',
    'name of another folder',
    /"name"/,
    {
      manifest: { name: '@boxyard/lease' },
      files: { 'README.md': files['README.md'].replaceAll('@boxyard/leases', '@boxyard/lease') },
    },
  ],
  ['manifest-fields', 'no version', /"version"/, { manifest: { version: undefined } }],
  ['manifest-fields', 'an empty description', /"description"/, { manifest: { description: ' ' } }],
  ['manifest-fields', 'another licence', /"license"/, { manifest: { license: 'MIT' } }],
  ['manifest-fields', 'CommonJS', /"type"/, { manifest: { type: 'commonjs' } }],
  ['manifest-fields', 'an old Node', /"engines"/, { manifest: { engines: { node: '>=18' } } }],
  ['manifest-fields', 'sources in the tarball', /"files"/, { manifest: { files: ['dist', 'src'] } }],
  [
    'manifest-fields',
    'no word about side effects',
    /"sideEffects"/,
    { manifest: { sideEffects: undefined } },
  ],
  ['scripts', 'no build', /"build"/, { manifest: { scripts: { typecheck: 'tsc', test: 'vitest' } } }],
  [
    'closed-exports',
    'no front door',
    /front door/,
    {
      manifest: {
        exports: { './package.json': './package.json' },
        publishConfig: { access: 'public', exports: { './package.json': './package.json' } },
      },
    },
  ],
  [
    'closed-exports',
    'an open folder',
    /whole folder/,
    {
      manifest: {
        exports: { ...exports, './*': './dist/*' },
        publishConfig: { access: 'public', exports: { ...publishConfig.exports, './*': './dist/*' } },
      },
    },
  ],
  [
    'closed-exports',
    'types after default',
    /in this order/,
    {
      manifest: {
        exports: {
          ...exports,
          '.': {
            '@boxyard/source': './src/index.ts',
            default: './dist/index.js',
            types: './dist/index.d.ts',
          },
        },
      },
    },
  ],
  [
    'closed-exports',
    'a source that is not there',
    /a file of src/,
    {
      manifest: { exports: { ...exports, '.': { ...exports['.'], '@boxyard/source': './src/main.ts' } } },
    },
  ],
  [
    'published-exports',
    'the source condition published',
    /without "@boxyard\/source"/,
    {
      manifest: { publishConfig: { access: 'public', exports } },
    },
  ],
  [
    'published-exports',
    'not public',
    /access/,
    { manifest: { publishConfig: { exports: publishConfig.exports } } },
  ],
  ['parses', 'a syntax error', /src\/more\.ts/, { files: plus('const = 1;') }],
  ['readme', 'none', /missing/, { files: { 'README.md': undefined } }],
  ['readme', 'none in an app', /missing/, { kind: 'app', files: { 'README.md': undefined } }],
  [
    'readme',
    'two snippets',
    /has 2/,
    {
      files: { 'README.md': `${files['README.md']}\n\`\`\`ts\nlet a;\n\`\`\`\n` },
    },
  ],
  [
    'readme',
    'no install line',
    /npm install/,
    {
      files: { 'README.md': files['README.md'].replace('npm install', 'get') },
    },
  ],
  [
    'front-door',
    'code in index.ts',
    /src\/index\.ts/,
    {
      files: { 'src/index.ts': `${files['src/index.ts']}export const version = 1;\n` },
    },
  ],
  ['front-door', 'nothing in index.ts', /at least one/, { files: { 'src/index.ts': 'export {};\n' } }],
  [
    'no-star-export',
    'everything of a file',
    /'\.\/lease\.ts'/,
    { files: plus("export * from './lease.ts';") },
  ],
  ['no-star-export', 'a namespace', /'\.\/lease\.ts'/, { files: plus("export * as all from './lease.ts';") }],
  ['telling-names', 'utils', /src\/utils\.ts/, { files: { 'src/utils.ts': 'export const a = 1;' } }],
  [
    'telling-names',
    'a folder of helpers',
    /helpers/,
    { files: { 'src/helpers/a.ts': 'export const a = 1;' } },
  ],
  ['short-files', '401 lines', /401 lines/, { files: plus('// line\n'.repeat(401)) }],
  [
    'declared-imports',
    'an undeclared package',
    /'zod'.* dependencies/,
    { files: plus("import { z } from 'zod';") },
  ],
  ['declared-imports', 'an undeclared type', /'zod'/, { files: plus("type S = import('zod').Schema;") }],
  ['declared-imports', 'an undeclared lazy import', /'zod'/, { files: plus("await import('zod/v4');") }],
  ['declared-imports', 'an undeclared re-export', /'zod'/, { files: plus("export { z } from 'zod';") }],
  ['declared-imports', 'an undeclared resolve', /'zod'/, { files: plus("import.meta.resolve('zod');") }],
  [
    'declared-imports',
    'an undeclared require',
    /'zod'/,
    {
      files: plus("const load = createRequire(import.meta.url);\nload.resolve('zod');"),
    },
  ],
  [
    'declared-imports',
    'an undeclared require in one go',
    /'zod'/,
    {
      files: plus("createRequire(import.meta.url).resolve('zod/package.json');"),
    },
  ],
  [
    'declared-imports',
    'a tool of tests in what ships',
    /'vitest'/,
    { files: plus("import { test } from 'vitest';") },
  ],
  [
    'declared-imports',
    'a development dependency in what ships',
    /'fast-check'.* dependencies/,
    {
      files: plus("import fc from 'fast-check';"),
    },
  ],
  [
    'declared-imports',
    'undeclared in a test',
    /'zod'.* devDependencies/,
    {
      files: { 'test/stand-in.ts': "import { z } from 'zod';" },
    },
  ],
  [
    'used-declarations',
    'a dependency that nothing imports',
    /remove it from dependencies/,
    {
      manifest: { dependencies: { ...manifest.dependencies, zod: 'catalog:' } },
    },
  ],
  [
    'used-declarations',
    'a dependency that only tests import',
    /move it/,
    {
      manifest: {
        dependencies: { ...manifest.dependencies, 'fast-check': 'catalog:' },
        devDependencies: { '@types/tar-stream': 'catalog:' },
      },
    },
  ],
  [
    'used-declarations',
    'a development dependency that nothing imports',
    /devDependencies/,
    {
      manifest: { devDependencies: { ...manifest.devDependencies, zod: 'catalog:' } },
    },
  ],
  [
    'floors',
    'no row',
    /has no row/,
    {
      folder: 'attic',
      manifest: { name: '@boxyard/attic' },
      files: { 'README.md': files['README.md'].replaceAll('leases', 'attic') },
    },
  ],
  [
    'floors',
    'a room that looks into another',
    /may not import '@boxyard\/channel-a'/,
    {
      manifest: { dependencies: { ...manifest.dependencies, '@boxyard/channel-a': 'workspace:^' } },
      files: plus("import type { FileService } from '@boxyard/channel-a';"),
    },
  ],
  [
    'floors',
    'a provider outside of compose.ts',
    /only src\/compose\.ts/,
    {
      kind: 'app',
      folder: 'api',
      manifest: {
        name: '@boxyard/api',
        dependencies: { ...manifest.dependencies, '@boxyard/providers-local': 'workspace:^' },
      },
      files: plus("import { localProvider } from '@boxyard/providers-local';"),
    },
  ],
  [
    'no-agent-sdk',
    'an agent SDK under a box',
    /@boxyard\/agents-bridge/,
    {
      manifest: { dependencies: { ...manifest.dependencies, '@openai/agents': 'catalog:' } },
      files: plus("import { Agent } from '@openai/agents';"),
    },
  ],
];

test('a package that keeps every rule has no violation', () => {
  expect(violationsOf({})).toEqual({ rules: [], messages: '' });
});

test.each(broken)('%s: %s', (rule, _what, message, change) => {
  const { rules, messages } = violationsOf(change);
  expect(rules).toEqual([rule]);
  expect(messages).toMatch(message);
});

test('every rule is seen failing', () => {
  const seen = new Set(broken.map(([rule]) => rule));
  expect(ALL_RULES.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
});
