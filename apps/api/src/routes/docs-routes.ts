import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { RouteTable } from '../define-route.ts';
import { notFound } from '../gate.ts';
import { createOpenApiDocument } from '../openapi-document.ts';
import type { ApiServices } from '../services.ts';

/** The files of the reader's page that are served; nothing else of the package is. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

const STARTER = 'start.js';

// Everything comes from this server; the page needs inline styles and data: images, and no other host.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Boxyard API</title>
<link rel="stylesheet" href="/v1/docs/swagger-ui.css">
<main id="api"></main>
<noscript>This page needs scripts. The document itself is at <a href="/v1/openapi.json">/v1/openapi.json</a>.</noscript>
<script src="/v1/docs/swagger-ui-bundle.js"></script>
<script src="/v1/docs/${STARTER}"></script>
</html>
`;

// The key that a reader types in stays in the page's memory: it is forgotten with the page.
const START = `SwaggerUIBundle({ url: '/v1/openapi.json', dom_id: '#api', deepLinking: true, persistAuthorization: false });\n`;

export function addDocsRoutes(routes: RouteTable, { version }: ApiServices): void {
  let document: string | undefined;
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

  routes.add(
    {
      route: 'GET /v1/openapi.json',
      tag: 'server',
      name: 'document',
      summary: 'This document',
      status: 200,
      rawAnswer: 'application/json',
    },
    async (_, c) => {
      document ??= JSON.stringify(createOpenApiDocument(routes.declared, version));
      return c.body(document, 200, { 'content-type': 'application/json' });
    },
  );

  routes.add(
    {
      route: 'GET /v1/docs',
      tag: 'server',
      name: 'docs',
      summary: 'A page to read and try the API',
      status: 200,
      rawAnswer: 'text/html',
    },
    async (_, c) => c.html(PAGE, 200, { 'content-security-policy': POLICY }),
  );

  routes.add(
    {
      route: 'GET /v1/docs/:asset',
      tag: 'server',
      name: 'docsAsset',
      summary: 'A file of that page',
      status: 200,
      rawAnswer: ['text/css', 'text/javascript'],
    },
    async (_, c) => {
      const asset = c.req.param('asset') ?? '';
      if (asset === STARTER) return c.body(START, 200, { 'content-type': 'text/javascript; charset=utf-8' });
      const type = ASSETS[asset];
      if (type === undefined) throw notFound('page');
      const bytes = await readFile(join(folder, asset));
      return c.body(bytes, 200, { 'content-type': type, 'cache-control': 'max-age=3600' });
    },
  );
}
