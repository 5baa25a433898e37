import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, startServer } from '@boxyard/boxyard';
import type { OpenApiDocument } from './openapi-document.ts';

/** What a real server answers to `GET /v1/openapi.json`, as text. */
export async function readServedDocument(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-document-'));
  try {
    const server = await startServer({
      env: { BOXYARD_DATA_DIR: dataDir, BOXYARD_PORT: '0' },
      version: '0.0.0',
      log: () => createLogger('silent'),
    });
    try {
      return await (await fetch(new URL('/v1/openapi.json', server.url))).text();
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}

export const parseDocument = (text: string): OpenApiDocument => JSON.parse(text) as OpenApiDocument;
