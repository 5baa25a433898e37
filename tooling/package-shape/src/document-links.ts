import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Links of a Markdown text that lead to a file of the repository, and do not. `path` is relative to `root`. */
export function deadLinks(root: string, path: string, markdown: string): readonly string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target?.replace(/#.*$/, '') ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(root, dirname(path), target)));
}
