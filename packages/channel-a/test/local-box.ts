/** A real box on this machine for a test, gone with everything in it when the test lets go of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import type { Box, Provider } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';

export interface TestBox extends AsyncDisposable {
  readonly box: Box;
  readonly provider: Provider;
  readonly groupId: string;
  /** Holds the provider's folders; the workspace is somewhere below. */
  readonly dataDir: string;
}

export async function openTestBox(): Promise<TestBox> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-channel-a-'));
  const groupId = uuidv7();
  const provider = localProvider({ dataDir });
  const box = await provider.create({
    tag: { deployment: 'test', group: groupId, epoch: 1 },
    environment: {},
  });
  return {
    box,
    provider,
    groupId,
    dataDir,
    async [Symbol.asyncDispose]() {
      await box.close();
      await provider.destroy(box.ref);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
