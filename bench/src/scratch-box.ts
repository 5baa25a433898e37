import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import type { Box, ChangeJournal } from '@boxyard/sandbox-core';

export interface ScratchBox extends AsyncDisposable {
  readonly box: Box;
  readonly root: string;
}

/** A real local box in a folder that goes with it. */
export async function openScratchBox(): Promise<ScratchBox> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-'));
  const provider = localProvider({ dataDir });
  const box = await provider.create({
    tag: { deployment: 'bench', group: 'bench', epoch: 1 },
    environment: {},
  });
  return {
    box,
    root: box.workspaceRoot,
    [Symbol.asyncDispose]: async () => {
      await provider.destroy(box.ref);
      await box.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A journal that costs nothing: what is measured with it is the service alone. */
export const silentJournal: ChangeJournal = {
  groupId: 'bench',
  revision: async () => 0,
  record: async () => 0,
};
