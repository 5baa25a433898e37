import { readFile } from 'node:fs/promises';
import {
  createClient,
  ROUTES,
  type ServerGroups,
  type SessionGroups,
  type WorkspaceGroups,
} from '@boxyard/client';
import { beforeAll, expect, test } from 'vitest';
import { generatedFiles } from './generated-files.ts';
import { type OpenApiDocument, routesOf } from './openapi-document.ts';
import { parseDocument, readServedDocument } from './served-document.ts';

let document: OpenApiDocument;
beforeAll(async () => {
  document = parseDocument(await readServedDocument());
});

/** Calls every method of every group and notes which requests were made of it. */
async function requestsOfAllMethods(): Promise<readonly string[]> {
  const requests: string[] = [];
  const client = createClient({
    url: 'http://boxyard.invalid',
    workspace: 'x',
    maxAttempts: 1,
    fetch: async (input, init) => {
      requests.push(`${init?.method} ${new URL(String(input)).pathname}`);
      return new Response(null, { status: 599 });
    },
  });
  const owners: readonly (ServerGroups | WorkspaceGroups | SessionGroups)[] = [
    client.api.server,
    client.api.workspace,
    client.session('x').api,
  ];
  for (const group of owners.flatMap((owner) => Object.values(owner) as object[])) {
    const prototype = Object.getPrototypeOf(group) as Record<
      string,
      (...given: string[]) => Promise<unknown>
    >;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name !== 'constructor') await prototype[name]!.call(group, 'x', 'x').catch(() => {});
    }
  }
  return requests;
}

const served = (of: OpenApiDocument) =>
  routesOf(of).map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, 'x')}`);

test('every route of the served document has a method, and every method has a route', async () => {
  expect([...new Set(await requestsOfAllMethods())].sort()).toEqual(served(document).sort());
  expect(Object.keys(ROUTES).sort()).toEqual(
    routesOf(document)
      .map((route) => route.operation.operationId)
      .sort(),
  );
});

test('a route that has no method yet is seen', async () => {
  const more: OpenApiDocument = {
    ...document,
    paths: {
      ...document.paths,
      '/v1/workspaces/{ws}/sessions/{sid}/new': Object.values(document.paths)[0]!,
    },
  };
  expect(await requestsOfAllMethods()).not.toEqual(expect.arrayContaining(served(more)));
});

test('the committed client is what the served document makes of it', async () => {
  for (const { path, file, text } of await generatedFiles(document)) {
    expect(await readFile(file, 'utf8'), `${path}: run \`pnpm run docs\` and commit the outcome`).toBe(text);
  }
});
