import { outlineOf } from './module-imports.ts';
import { typescriptBlocks } from './readme.ts';
import type { Rule } from './rule.ts';
import { sourcePaths } from './workspace-package.ts';

const MAX_SOURCE_LINES = 400;
/** Made by a program from one source, and read there. */
const GENERATED = /(^|\/)generated\//;
const NAMES_THAT_SAY_NOTHING = /^(utils?|helpers?|common|types?|misc|shared)$/;

const readme: Rule = {
  name: 'readme',
  why: 'The README is the front door for people; its one snippet is run by a test.',
  check: ({ kind, files, manifest }) => {
    const text = files.get('README.md');
    if (text === undefined) return ['README.md is missing.'];
    // An app is started, not imported, so only packages must show how to import them.
    if (kind === 'app') return [];
    const wrong: string[] = [];
    const blocks = typescriptBlocks(text).length;
    if (blocks !== 1) wrong.push(`README.md: needs exactly one ts block, has ${blocks}.`);
    const install = /npm (?:i|install|add) [^\n]*(@boxyard\/[\w-]+)/.exec(text)?.[1];
    if (install !== manifest.name) wrong.push(`README.md: needs the line "npm install ${manifest.name}".`);
    return wrong;
  },
};

const frontDoor: Rule = {
  name: 'front-door',
  why: 'Code in index.ts is found by nobody and cannot be imported from inside without a cycle.',
  check: (pkg) =>
    sourcePaths(pkg)
      .filter((path) => /^src\/(.*\/)?index\.tsx?$/.test(path))
      .filter((path) => !outlineOf(path, pkg.files.get(path) ?? '').onlyNamedReexports)
      .map((path) => `${path}: must hold named re-exports and nothing else, at least one.`),
};

const noStarExports: Rule = {
  name: 'no-star-export',
  why: 'A star publishes whatever is added to a file, and names can collide silently.',
  check: (pkg) =>
    sourcePaths(pkg).flatMap((path) =>
      outlineOf(path, pkg.files.get(path) ?? '')
        .starExports.filter((specifier) => !GENERATED.test(specifier))
        .map((specifier) => `${path}: name what is exported from '${specifier}'.`),
    ),
};

const tellingNames: Rule = {
  name: 'telling-names',
  why: 'Such files collect what belongs elsewhere; a newcomer finds a file by guessing its name.',
  check: (pkg) =>
    sourcePaths(pkg)
      .filter((path) =>
        path.split('/').some((part) => NAMES_THAT_SAY_NOTHING.test(part.replace(/(\.test)?\.tsx?$/, ''))),
      )
      .map((path) => `${path}: name it after the one concept that it holds.`),
};

const shortFiles: Rule = {
  name: 'short-files',
  why: 'One concept a file: what is longer holds several.',
  check: (pkg) =>
    sourcePaths(pkg).flatMap((path) => {
      if (GENERATED.test(path)) return [];
      const lines = (pkg.files.get(path) ?? '').trimEnd().split('\n').length;
      return lines > MAX_SOURCE_LINES
        ? [`${path}: has ${lines} lines; split it by concept (at most ${MAX_SOURCE_LINES}).`]
        : [];
    }),
};

const parses: Rule = {
  name: 'parses',
  why: 'The other rules can say nothing about a file that does not parse.',
  check: (pkg) =>
    sourcePaths(pkg).flatMap((path) =>
      outlineOf(path, pkg.files.get(path) ?? '').syntaxErrors.map((message) => `${path}: ${message}`),
    ),
};

export const SOURCE_RULES: readonly Rule[] = [
  parses,
  readme,
  frontDoor,
  noStarExports,
  tellingNames,
  shortFiles,
];
