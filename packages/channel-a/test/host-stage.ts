/** What tests of hosts stand on: one real box for a file, and for each test a fresh record and book of holders. */
import type { Box } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { SessionRef } from '../src/open-box.ts';
import { BoxOpener } from './box-opener.ts';
import { openTestBox, type TestBox } from './local-box.ts';
import { MemoryStore } from './memory-store.ts';

export interface HostStage {
  readonly session: SessionRef;
  readonly box: Box;
  readonly store: MemoryStore;
  readonly opener: BoxOpener;
}

/** Call it before a file's own hooks: its host is closed first, and then nobody may hold the box any more. */
export function useHostStage(): HostStage {
  const session: SessionRef = { sessionId: uuidv7(), groupId: uuidv7(), workspaceId: uuidv7() };
  let test: TestBox;
  let store: MemoryStore;
  let opener: BoxOpener;
  beforeAll(async () => {
    test = await openTestBox();
  });
  afterAll(async () => {
    await test[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    store = new MemoryStore();
    opener = new BoxOpener(test.box);
  });
  afterEach(() => {
    expect(opener.held).toEqual([]);
  });
  return {
    session,
    get box() {
      return test.box;
    },
    get store() {
      return store;
    },
    get opener() {
      return opener;
    },
  };
}
