import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { OpenApiDocument } from './openapi-document.ts';
import { renderFrontDoor } from './render-front-door.ts';
import { renderRouteGroups } from './render-route-groups.ts';
import { renderRouteTable } from './render-route-table.ts';
import { renderSchemas } from './render-schemas.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CLIENT = 'packages/client/src/';

export interface GeneratedFile {
  /** From the repository's root. */
  readonly path: string;
  readonly file: URL;
  readonly text: string;
}

/** Everything below `generated/` of the client, and its index, formatted as they are committed. */
export async function generatedFiles(document: OpenApiDocument): Promise<readonly GeneratedFile[]> {
  const schemas = await renderSchemas(document);
  const groups = renderRouteGroups(document);
  const index = await readFile(new URL(`../../../${CLIENT}index.ts`, import.meta.url), 'utf8');
  const rendered = {
    'generated/schemas.ts': schemas,
    'generated/route-table.ts': renderRouteTable(document),
    'generated/route-groups.ts': groups,
    'index.ts': renderFrontDoor(index, schemas, groups),
  };
  return Promise.all(
    Object.entries(rendered).map(async ([name, text]) => {
      const path = CLIENT + name;
      return { path, file: new URL(`../../../${path}`, import.meta.url), text: await formatted(path, text) };
    }),
  );
}

function formatted(path: string, text: string): Promise<string> {
  const arguments_ = ['check', '--write', `--stdin-file-path=${path}`];
  return new Promise((resolve, reject) => {
    const child = execFile(
      fileURLToPath(new URL('../../../node_modules/.bin/biome', import.meta.url)),
      arguments_,
      { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) =>
        error
          ? reject(new Error(`${path} cannot be formatted:\n${stderr}`, { cause: error }))
          : resolve(stdout),
    );
    child.stdin?.end(text);
  });
}
