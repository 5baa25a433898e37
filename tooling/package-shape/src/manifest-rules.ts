import { isDeepStrictEqual } from 'node:util';
import type { Rule } from './rule.ts';
import type { Manifest } from './workspace-package.ts';

interface Field {
  readonly field: string;
  readonly expected: string;
  holds(value: unknown, folder: string): boolean;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';

const FIELDS: readonly Field[] = [
  {
    field: 'name',
    expected: '"@boxyard/" and the name of its folder',
    holds: (value, folder) => value === `@boxyard/${folder}`,
  },
  {
    field: 'version',
    expected: 'a semantic version',
    holds: (value) => typeof value === 'string' && /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(value),
  },
  { field: 'description', expected: 'one sentence', holds: isText },
  { field: 'license', expected: '"Apache-2.0"', holds: (value) => value === 'Apache-2.0' },
  { field: 'type', expected: '"module"', holds: (value) => value === 'module' },
  {
    field: 'engines',
    expected: '{"node": ">=22"}',
    holds: (value) => isDeepStrictEqual(value, { node: '>=22' }),
  },
  { field: 'files', expected: '["dist"]', holds: (value) => isDeepStrictEqual(value, ['dist']) },
  {
    field: 'sideEffects',
    expected: 'false, or the list of files that have some',
    holds: (value) => value === false || Array.isArray(value),
  },
];

const fields: Rule = {
  name: 'manifest-fields',
  why: 'Registries, bundlers and users read these; a missing one is noticed after publishing.',
  check: ({ manifest, folder }) =>
    FIELDS.filter(({ field, holds }) => !holds(manifest[field], folder)).map(
      ({ field, expected }) => `package.json: "${field}" must be ${expected}.`,
    ),
};

const scripts: Rule = {
  name: 'scripts',
  why: 'turbo skips a package without the script, silently.',
  check: ({ manifest }) =>
    ['build', 'typecheck', 'test']
      .filter((script) => !isText(manifest.scripts?.[script]))
      .map((script) => `package.json: add the script "${script}".`),
};

const PACKAGE_JSON_DOOR = './package.json';

function doors({ exports }: Manifest): readonly [string, unknown][] {
  return Object.entries(exports ?? {}).filter(([door]) => door !== PACKAGE_JSON_DOOR);
}

const closedExports: Rule = {
  name: 'closed-exports',
  why: 'What is not exported can change freely; the source condition is what lets tests run without a build.',
  check: ({ manifest, files }) => {
    const wrong: string[] = [];
    if (manifest.exports?.['.'] === undefined) wrong.push('package.json: exports needs the front door ".".');
    if (manifest.exports?.[PACKAGE_JSON_DOOR] !== PACKAGE_JSON_DOOR)
      wrong.push(`package.json: exports needs "${PACKAGE_JSON_DOOR}".`);
    for (const [door, target] of doors(manifest)) {
      if (door.includes('*')) {
        wrong.push(`package.json: exports "${door}" opens a whole folder: name each door.`);
        continue;
      }
      const source = (target as Record<string, unknown> | null)?.['@boxyard/source'];
      const stem = typeof source === 'string' ? /^\.\/src\/(.+)\.tsx?$/.exec(source)?.[1] : undefined;
      if (stem === undefined || !files.has((source as string).slice(2))) {
        wrong.push(`package.json: exports "${door}" needs "@boxyard/source" with a file of src.`);
        continue;
      }
      // The order is part of it: the first condition that fits is taken.
      const expected = [
        ['@boxyard/source', source],
        ['types', `./dist/${stem}.d.ts`],
        ['default', `./dist/${stem}.js`],
      ];
      if (!isDeepStrictEqual(Object.entries(target as object), expected))
        wrong.push(
          `package.json: exports "${door}" must be ${JSON.stringify(Object.fromEntries(expected))}, in this order.`,
        );
    }
    return wrong;
  },
};

const publishedExports: Rule = {
  name: 'published-exports',
  why: 'Sources are not in the tarball: a published source condition would lead nowhere.',
  check: ({ manifest }) => {
    const wrong: string[] = [];
    if (manifest.publishConfig?.access !== 'public')
      wrong.push('package.json: publishConfig.access must be "public".');
    const expected = Object.fromEntries(
      Object.entries(manifest.exports ?? {}).map(([door, target]) => [door, withoutSource(target)]),
    );
    if (!isDeepStrictEqual(manifest.publishConfig?.exports, expected))
      wrong.push('package.json: publishConfig.exports must be exports without "@boxyard/source".');
    return wrong;
  },
};

function withoutSource(target: unknown): unknown {
  if (typeof target !== 'object' || target === null) return target;
  return Object.fromEntries(Object.entries(target).filter(([condition]) => condition !== '@boxyard/source'));
}

export const MANIFEST_RULES: readonly Rule[] = [fields, scripts, closedExports, publishedExports];
