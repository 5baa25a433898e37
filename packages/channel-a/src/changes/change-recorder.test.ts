import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  FsDeleteRequest,
  FsMoveRequest,
  FsWriteRequest,
  SessionEvent,
  TerminalExecRequest,
} from '@boxyard/contracts';
import {
  available,
  type Box,
  createRedactor,
  type FileChange,
  SandboxError,
  unavailable,
  type WatchOptions,
} from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoxOpener } from '../../test/box-opener.ts';
import { openTestBox, type TestBox } from '../../test/local-box.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import { FileService } from '../files/file-service.ts';
import type { SessionRef } from '../open-box.ts';
import { OpHost } from '../ops/op-host.ts';
import type { FsChange } from './change-events.ts';
import { ChangeRecorder } from './change-recorder.ts';

let test: TestBox;
let store: MemoryStore;
let opener: BoxOpener;
let recorder: ChangeRecorder;
let session: SessionRef;

beforeEach(async () => {
  test = await openTestBox();
  store = new MemoryStore();
  opener = new BoxOpener(test.box);
  recorder = new ChangeRecorder({ events: store.events, openBox: opener.open });
  session = { sessionId: uuidv7(), groupId: test.groupId, workspaceId: uuidv7() };
});
afterEach(async () => {
  await recorder.close();
  expect(opener.held).toEqual([]);
  await test[Symbol.asyncDispose]();
});

const open = () => opener.open(session, { kind: 'process', id: uuidv7() });
const run = (script: string, box: Box = test.box) => box.exec({ program: { script } });
const told = () =>
  store
    .told('fs.changed')
    .flatMap(({ changes, source }) => (changes as FsChange[]).map((change) => ({ ...change, source })));
const paths = () => told().map(({ path }) => path);
/** What comes after this one file is seen was seen after it. */
const seen = async (path: string) => {
  await writeFile(join(test.box.workspaceRoot, path), 'x');
  await eventually(`${path} to be told`, () => paths().includes(path));
};
/** A slow machine may need longer than a command waits; what is changed until then is told as a folder. */
const standing = async () => {
  let probe = 0;
  await eventually('the watch to stand', async () => {
    await writeFile(join(test.box.workspaceRoot, `probe${probe++}`), 'x');
    return paths().some((path) => path.startsWith('probe'));
  });
};

describe('what is changed while a box is held', () => {
  it('is told to every session of the box, with sizes, and grows the revision', async () => {
    await using opened = await open();
    using _ = recorder.hold(session, opened.epoch, 'agent');
    await standing();
    await run(
      'mkdir src && printf 12345 > src/made && printf 1 > kept && mkdir node_modules && touch node_modules/x',
    );
    await eventually('the changes', () => paths().includes('kept'));
    expect(told()).toContainEqual({
      path: 'src/made',
      kind: 'created',
      isDir: false,
      sizeBytes: 5,
      source: 'agent',
    });
    expect(told()).toContainEqual({
      path: 'src',
      kind: 'created',
      isDir: true,
      sizeBytes: null,
      source: 'agent',
    });
    const before = store.revision;
    expect(before).toBeGreaterThan(0);
    await run('printf 22 >> kept; rm src/made');
    await eventually('the end of a file', () => told().some(({ kind }) => kind === 'deleted'));
    await eventually('the longer file', () =>
      told().some(({ path, kind, sizeBytes }) => path === 'kept' && kind === 'modified' && sizeBytes === 3),
    );
    expect(store.revision).toBeGreaterThan(before);
    expect(paths()).not.toContain('node_modules/x');
    for (const event of store.logged) {
      expect(event.sessionId).toBe(test.groupId);
      SessionEvent.parse({ ...event, at: event.at.toISOString(), payload: event.data });
    }
  });

  it('is `watch` when no command runs, and one event for a command that runs between', async () => {
    await using opened = await open();
    using _ = recorder.hold(session, opened.epoch, 'watch');
    await standing();
    await seen('by-somebody');
    expect(new Set(told().map(({ source }) => source))).toEqual(new Set(['watch']));
  });

  it('that changes a repository is told as its change and not file by file', async () => {
    await run('git init -q repo && cd repo && git config user.email a@b && git config user.name a');
    await using opened = await open();
    using _ = recorder.hold(session, opened.epoch, 'agent');
    await standing();
    await run('cd repo && touch file && git add . && git commit -qm one');
    await eventually('the change of the repository', () =>
      store.told('git.changed').some(({ path }) => path === 'repo'),
    );
    await seen('last');
    expect(paths()).toContain('repo/file');
    expect(paths().filter((path) => path.includes('.git'))).toEqual([]);
  });

  it('is told as a folder where it is too much, and nothing is left out', async () => {
    await using opened = await open();
    using _ = recorder.hold(session, opened.epoch, 'agent');
    await standing();
    await run('mkdir -p many/deep; cd many/deep; seq 1 3000 | xargs touch');
    // How much is seen at once, and so how much is told one by one, is up to the machine.
    await eventually('each of the files', () => {
      const seen = new Set(paths());
      const folders = told().filter(({ kind, isDir }) => isDir && kind === 'modified');
      return (
        folders.some(({ path }) => `many/deep/`.startsWith(path)) ||
        Array.from({ length: 3000 }, (_, i) => `many/deep/${i + 1}`).every((path) => seen.has(path))
      );
    });
    for (const { changes } of store.told('fs.changed')) {
      expect((changes as FsChange[]).length).toBeLessThanOrEqual(501);
    }
  });

  it('shortly before the hold was let go is told after it', async () => {
    {
      await using opened = await open();
      using _ = recorder.hold(session, opened.epoch, 'agent');
      await standing();
      await run('touch late');
    }
    await eventually('the last change', () => paths().includes('late'));
    expect(told().find(({ path }) => path === 'late')).toMatchObject({ source: 'agent' });
  });
});

describe('a command that runs through the API', () => {
  it('costs a third statement when it changes files, and none when it does not', async () => {
    const host = new OpHost({
      ops: store.ops,
      events: store.events,
      openBox: opener.open,
      hostId: uuidv7(),
      redactorFor: () => createRedactor([]),
      recorder,
    });
    const exec = (command: string) => host.exec(session, TerminalExecRequest.parse({ command }));
    await eventually('the first file', async () => {
      await exec('touch first');
      return paths().includes('first');
    });
    await seen('last');
    // A slow machine may see the changes of one command in more than one batch.
    const batches = () => store.told('fs.changed').length;
    const [statements, told] = [store.statements, batches()];
    await exec('true');
    await exec('touch a b c');
    await eventually('the files', () => paths().includes('c'));
    expect(store.statements - statements).toBe(4 + batches() - told);
    expect(batches() - told).toBeLessThan(5);
    const later = store.told('fs.changed').slice(told);
    expect(new Set(later.map(({ source }) => source))).toEqual(new Set(['agent']));
    await host.close();
  });
});

describe('what the API changes itself', () => {
  it('is told once, and what a command does to the same file is told too', async () => {
    const journal = store.journal(test.groupId);
    const files = new FileService({ box: test.box, journal, recorder });
    await using opened = await open();
    using _ = recorder.hold(session, opened.epoch, 'agent');
    await standing();
    await files.write(FsWriteRequest.parse({ path: 'mine', content: 'one' }));
    await files.write(FsWriteRequest.parse({ path: 'folder/mine', content: 'one' }));
    await files.move(FsMoveRequest.parse({ path: 'folder', newPath: 'moved' }));
    await files.delete(FsDeleteRequest.parse({ path: 'moved', recursive: true }));
    await seen('marker');
    const repeated = told().filter(
      ({ path, source }) => source !== 'write' && path !== 'marker' && !path.startsWith('probe'),
    );
    expect(repeated).toEqual([]);

    await files.write(FsWriteRequest.parse({ path: 'both', content: 'one' }));
    await run('echo more >> both');
    await eventually('the change of the command', () =>
      told().some(({ path, source }) => path === 'both' && source === 'agent'),
    );
  });
});

describe('where changes cannot be seen', () => {
  it('a command is followed by one change of the whole workspace', async () => {
    const blind: Box = Object.create(test.box, {
      capabilities: { value: { ...test.box.capabilities, watch: unavailable('no watch here') } },
    });
    opener = new BoxOpener(blind);
    recorder = new ChangeRecorder({ events: store.events, openBox: opener.open });
    {
      await using opened = await open();
      using hold = recorder.hold(session, opened.epoch, 'agent');
      await hold.ready();
      await run('touch unseen', test.box);
    }
    await eventually('the change', () => told().length > 0);
    expect(told()).toEqual([{ path: '', kind: 'modified', isDir: true, sizeBytes: null, source: 'agent' }]);
  });

  it('because the box was taken away, nothing is told', async () => {
    for (const taken of [false, true]) {
      const given = Promise.withResolvers<void>();
      const { files } = test.box;
      let lost = false;
      const watching: Box = Object.create(test.box, {
        files: {
          value: {
            ...files,
            stat: (path: string) =>
              lost ? Promise.reject(new SandboxError('fenced', 'It moved on. Open it.')) : files.stat(path),
          },
        },
        capabilities: {
          value: {
            ...test.box.capabilities,
            watch: available({
              async *watch(_path: string, { signal, onReady }: WatchOptions): AsyncGenerator<FileChange> {
                onReady?.();
                yield { kind: 'deleted', path: 'kept', isDir: false };
                given.resolve();
                await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
              },
            }),
          },
        },
      });
      opener = new BoxOpener(watching);
      recorder = new ChangeRecorder({ events: store.events, openBox: opener.open });
      const opened = await open();
      const hold = recorder.hold(session, opened.epoch, 'agent');
      await given.promise;
      hold[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      lost = taken;
      await recorder.close();
      expect(paths()).toEqual(taken ? [] : ['kept']);
      store.logged.length = 0;
    }
  });
});
