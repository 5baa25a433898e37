import { readFile } from 'node:fs/promises';
import { SETTINGS } from '@boxyard/config';
import { METRICS } from '@boxyard/server-parts';
import { beforeAll, expect, test } from 'vitest';
import { createProgram } from '../src/cli/program.ts';

let page: string;
beforeAll(async () => {
  page = await readFile(new URL('../../../docs/operate.md', import.meta.url), 'utf8');
});

/** The page names the queue's schema too, which is written like a metric. */
const SCHEMAS = ['boxyard_jobs'];

const named = (pattern: RegExp) => [...new Set([...page.matchAll(pattern)].map(([, name]) => name!))];

test('every metric of docs/operate.md is one that the server tells', () => {
  // The one name of this form that is none: the schema of the queue.
  const names = named(/\b((?:boxyard|process|nodejs)_(?!jobs\b)[a-z0-9_]+)/g).map((name) =>
    name.replace(/_count$/, ''),
  );
  expect(names.length).toBeGreaterThan(10);
  const known = (name: string) => Object.hasOwn(METRICS, name) || SCHEMAS.includes(name);
  expect(names.filter((name) => !known(name))).toEqual([]);
});

test('every label of a metric in its alerts takes the value that they wait for', () => {
  const selectors = [...page.matchAll(/\b([a-z0-9_]+)\{(\w+)="(\w+)"\}/g)];
  expect(selectors.length).toBeGreaterThan(3);
  for (const [selector, name, label, value] of selectors) {
    const { labels = {} } = METRICS[name as keyof typeof METRICS] as {
      labels?: Record<string, readonly string[]>;
    };
    expect(labels[label!], selector).toContain(value);
  }
});

test('every setting of docs/operate.md exists', () => {
  const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
  const names = named(/\b(BOXYARD_[A-Z_]+)/g);
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

test('every command of docs/operate.md exists', () => {
  const known = createProgram({}, '0.0.0').commands.map((command) => command.name());
  const commands = named(/(?:`|^ {4}|\s)boxyard ([a-z]+)\b(?! have| has)/gm);
  expect(commands).toEqual(expect.arrayContaining(['up', 'canary']));
  expect(commands.filter((command) => !known.includes(command))).toEqual([]);
});
