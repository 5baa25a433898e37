import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { deadLinks } from './document-links.ts';

const root = resolve(import.meta.dirname, '../../..');
const documents = globSync(['*.md', 'docs/**/*.md', '{packages,apps}/*/README.md'], { cwd: root }).sort();

test('the root README is among the documents', () => expect(documents).toContain('README.md'));

test.each(documents)('every link of %s leads somewhere', (path) => {
  expect(deadLinks(root, path, readFileSync(join(root, path), 'utf8'))).toEqual([]);
});

test('a dead link is seen, from where the document stands', () => {
  const text =
    '[a](README.md) [b](../README.md#top) [c](https://example.com/x) [d](#here)\n```ts\n[e](nothing.md)\n```\n';
  expect(deadLinks(root, 'README.md', text)).toEqual(['../README.md']);
  expect(deadLinks(root, 'docs/architecture.md', text)).toEqual(['README.md']);
});
