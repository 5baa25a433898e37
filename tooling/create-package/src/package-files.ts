import type { PackageNames } from './package-name.ts';

const door = { types: './dist/index.d.ts', default: './dist/index.js' };

// Text and not JSON.stringify: these must come out as the formatter leaves them.
const TSCONFIG = `{
  "extends": "../../tsconfig.base.json",
  "include": ["src", "test"]
}
`;
const TSCONFIG_BUILD = `{
  "extends": "./tsconfig.json",
  "compilerOptions": {
    "noEmit": false,
    "emitDeclarationOnly": true,
    "declaration": true,
    "rootDir": "src",
    "outDir": "dist",
    "customConditions": []
  },
  "include": ["src"],
  "exclude": ["**/*.test.ts"]
}
`;
const TSUP_CONFIG = `import { defineConfig } from 'tsup';

// Types come from tsc: TypeScript 7 has no compiler API for tsup to call.
export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm'],
  platform: 'node',
  target: 'node22',
  dts: false,
  clean: true,
  sourcemap: true,
});
`;

/** The files of a new package, by path: small, and already keeping every rule of package-shape. */
export function packageFiles(names: PackageNames, description: string): ReadonlyMap<string, string> {
  const { folder, camel, pascal } = names;
  const name = `@boxyard/${folder}`;
  const manifest = {
    name,
    version: '0.1.0',
    description,
    license: 'Apache-2.0',
    type: 'module',
    engines: { node: '>=22' },
    sideEffects: false,
    exports: {
      '.': { '@boxyard/source': './src/index.ts', ...door },
      './package.json': './package.json',
    },
    files: ['dist'],
    scripts: {
      build: 'tsup && tsc -p tsconfig.build.json',
      typecheck: 'tsc -p tsconfig.json',
      test: `vitest run --root ../.. --project ${name}`,
    },
    publishConfig: { access: 'public', exports: { '.': door, './package.json': './package.json' } },
  };

  return new Map([
    ['package.json', `${JSON.stringify(manifest, null, 2)}\n`],
    ['tsconfig.json', TSCONFIG],
    ['tsconfig.build.json', TSCONFIG_BUILD],
    ['tsup.config.ts', TSUP_CONFIG],
    [
      'src/index.ts',
      `export type { ${pascal}Options } from './${folder}.ts';
export { ${camel} } from './${folder}.ts';
`,
    ],
    [
      `src/${folder}.ts`,
      `/** Options of {@link ${camel}}. */
export interface ${pascal}Options {
  /** What it is called in messages. */
  readonly label: string;
}

/** Says which ${folder} this is. Put the first concept of the package in its place. */
export function ${camel}({ label }: ${pascal}Options): string {
  return \`${folder}: \${label}\`;
}
`,
    ],
    [
      `src/${folder}.test.ts`,
      `import { expect, test } from 'vitest';
import { ${camel} } from './${folder}.ts';

test('the label is part of the answer', () => {
  expect(${camel}({ label: 'first' })).toBe('${folder}: first');
});
`,
    ],
    [
      'README.md',
      `# ${name}

${description}

    npm install ${name}

\`\`\`ts
import assert from 'node:assert/strict';
import { ${camel} } from '${name}';

assert.equal(${camel}({ label: 'first' }), '${folder}: first');
\`\`\`

| option | meaning |
|---|---|
| \`label\` | what it is called in messages |
`,
    ],
  ]);
}
