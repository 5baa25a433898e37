import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { afterEach, beforeEach, describe } from 'vitest';
import { describeFileLoss } from './describe-file-loss.ts';

describe('local boxes', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boxyard-file-loss-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

  describeFileLoss(() => ({
    provider: localProvider({ dataDir: folder }),
    folder,
    // What ends a local box is that its folder is gone.
    kill: ({ instance }) => rm(join(folder, 'boxes', instance), { recursive: true, force: true }),
  }));
});
