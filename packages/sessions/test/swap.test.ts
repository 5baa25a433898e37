import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SwapSandboxRequest } from '@boxyard/contracts';
import { available, type Box, type PackOptions, type Provider, SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { secondBackend } from './second-backend.ts';
import { openStage, run, type SessionsStage } from './sessions-stage.ts';

const holder = (kind: 'request' | 'turn' | 'process' = 'request') => ({
  kind,
  id: uuidv7(),
  subject: 'test',
});
const create = (stage: SessionsStage, body: object = {}) =>
  stage.service.create(stage.workspaceId, stage.request(body));
const get = (stage: SessionsStage, sessionId: string) => stage.service.get(stage.workspaceId, sessionId);
const swap = (stage: SessionsStage, sessionId: string, target: unknown, more: object = {}) =>
  stage.service.swap(stage.workspaceId, sessionId, SwapSandboxRequest.parse({ target, ...more }), {
    holder: holder(),
  });
const eventsOf = async ({ store }: SessionsStage, sessionId: string, type: string) =>
  (await store.events.read(sessionId, { after: 0, limit: 1000 }))
    .filter((event) => event.type === type)
    .map(({ data }) => data);
const groupsOf = ({ dataDir }: SessionsStage) => readdir(join(dataDir, 'boxes'));

describe('a session', () => {
  test('goes to the box of another group and back home, and finds the files of each', async () => {
    const stage = await openStage();
    const [session, other] = [await create(stage), await create(stage)];
    await run(stage, session.id, 'echo mine >file');
    await run(stage, other.id, 'echo theirs >file');
    const groupId = other.sandboxGroupId;
    expect(await swap(stage, session.id, { groupId }, { expectedEpoch: 0 })).toEqual({
      activeSandboxId: groupId,
      activeEpoch: 1,
    });
    expect(await run(stage, session.id, 'cat file; echo both >>file')).toBe('theirs\n');
    expect(await run(stage, other.id, 'cat file')).toBe('theirs\nboth\n');
    expect(await get(stage, session.id)).toMatchObject({
      sandboxGroupId: session.sandboxGroupId,
      activeSandboxId: groupId,
      activeEpoch: 1,
      liveness: 'warm',
    });
    expect(await swap(stage, session.id, 'home')).toEqual({ activeSandboxId: null, activeEpoch: 2 });
    expect(await run(stage, session.id, 'cat file')).toBe('mine\n');
    expect(await eventsOf(stage, session.id, 'sandbox.swapped')).toEqual([
      { from: null, to: groupId, activeEpoch: 1 },
      { from: groupId, to: null, activeEpoch: 2 },
    ]);
    const { items } = await stage.service.list(stage.workspaceId, { limit: 10 });
    expect(items.find(({ id }) => id === session.id)).toMatchObject({
      activeSandboxId: null,
      activeEpoch: 2,
    });
  });

  test('stays where it is when it is sent there, and is told nothing of it', async () => {
    const stage = await openStage();
    const session = await create(stage);
    const home = { activeSandboxId: null, activeEpoch: 0 };
    expect(await swap(stage, session.id, 'home', { expectedEpoch: 7 })).toEqual(home);
    expect(await swap(stage, session.id, { groupId: session.sandboxGroupId }, { carry: true })).toEqual(home);
    expect(await eventsOf(stage, session.id, 'sandbox.swapped')).toEqual([]);
    // Nothing was opened for it.
    expect((await get(stage, session.id)).liveness).toBe('cold');
  });

  test('gets a new box with its own environment, which goes with it', async () => {
    const stage = await openStage();
    const session = await create(stage, { environment: { TOKEN: 'canary' } });
    const { activeSandboxId } = await swap(stage, session.id, { backend: 'local' });
    expect(activeSandboxId).not.toBe(session.sandboxGroupId);
    expect(await run(stage, session.id, 'printf %s "$TOKEN"; touch file')).toBe('canary');
    await swap(stage, session.id, 'home');
    expect(await run(stage, session.id, 'ls')).toBe('');
    await swap(stage, session.id, { groupId: activeSandboxId });
    expect(await run(stage, session.id, 'ls')).toBe('file\n');
    await stage.service.pause(stage.workspaceId, session.id, { force: true });
    expect(await run(stage, session.id, 'ls')).toBe('file\n');
    await stage.service.delete(stage.workspaceId, session.id);
    expect(await groupsOf(stage)).toEqual([]);
    expect(await stage.store.sessions.getGroup(stage.workspaceId, activeSandboxId!)).toBeNull();
  });

  test('keeps the box of another session alive when that is deleted', async () => {
    const stage = await openStage();
    const [session, other] = [await create(stage), await create(stage)];
    await run(stage, other.id, 'echo theirs >file');
    await swap(stage, session.id, { groupId: other.sandboxGroupId });
    await stage.service.delete(stage.workspaceId, other.id);
    expect(await run(stage, session.id, 'cat file')).toBe('theirs\n');
    await stage.service.delete(stage.workspaceId, session.id);
    expect(await groupsOf(stage)).toEqual([]);
  });
});

describe('a swap that cannot be', () => {
  test('changes nothing and says why', async () => {
    const stage = await openStage();
    const [session, other] = [await create(stage), await create(stage)];
    const groupId = other.sandboxGroupId;
    const refusals: readonly [unknown, object, object][] = [
      [{ groupId: uuidv7() }, {}, { code: 'not-found' }],
      [{ machineId: uuidv7() }, {}, { code: 'not-found' }],
      [{ backend: 'modal' }, {}, { code: 'unsupported' }],
      [{ backend: 'local', image: 'debian' }, {}, { code: 'unsupported' }],
      [{ groupId }, { expectedEpoch: 3 }, { code: 'fenced', started: 'no' }],
      [{ groupId }, { carry: true }, { code: 'conflict', started: 'no' }],
    ];
    for (const [target, more, error] of refusals)
      await expect(swap(stage, session.id, target, more)).rejects.toMatchObject(error);
    await expect(swap(stage, uuidv7(), 'home')).rejects.toMatchObject({ code: 'not-found' });
    expect(await get(stage, session.id)).toMatchObject({ activeSandboxId: null, activeEpoch: 0 });
    expect(await get(stage, other.id)).toMatchObject({ liveness: 'cold' });
    expect(await stage.store.sessions.abandonedGroups(10)).toEqual([]);
  });

  test('because the target does not open leaves no group and no box behind', async () => {
    const stage = await openStage((local) => ({
      docker: { ...secondBackend(local, (box) => box), create: refuse },
    }));
    const session = await create(stage);
    await run(stage, session.id, 'echo mine >file');
    await expect(swap(stage, session.id, { backend: 'docker' })).rejects.toMatchObject({ code: 'quota' });
    expect(await get(stage, session.id)).toMatchObject({ activeSandboxId: null, activeEpoch: 0 });
    expect(await groupsOf(stage)).toEqual([session.sandboxGroupId]);
    const groups = await stage.store.sql`SELECT id FROM box_groups`;
    expect(groups).toEqual([{ id: session.sandboxGroupId }]);
    expect(await run(stage, session.id, 'cat file')).toBe('mine\n');
  });

  test('of two that race from one epoch is one', async () => {
    const stage = await openStage();
    const session = await create(stage);
    await run(stage, session.id, 'true');
    const answers = await Promise.allSettled(
      [1, 2].map(() => swap(stage, session.id, { backend: 'local' }, { expectedEpoch: 0 })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = answers.find((answer) => answer.status === 'rejected');
    expect(lost?.reason).toMatchObject({ code: 'fenced', started: 'no' });
    const { activeSandboxId, activeEpoch } = await get(stage, session.id);
    expect(activeEpoch).toBe(1);
    expect((await groupsOf(stage)).sort()).toEqual([session.sandboxGroupId, activeSandboxId!].sort());
  });
});

const refuse: Provider['create'] = async () => {
  throw new SandboxError('quota', 'The provider has no room. Ask for more.', { started: 'no' });
};

describe('what runs', () => {
  test('in the box that was left goes on, is reached by its handle and keeps its box', async () => {
    const stage = await openStage();
    const session = await create(stage);
    await using turn = await stage.boxes.open(stage.workspaceId, session.id, holder('turn'), {
      mutates: true,
      onSwap: 'follow',
    });
    await turn.box.exec({ program: { script: 'echo home >where' } });
    const server = await turn.box.spawn({ program: { script: 'cat >got' }, stdin: 'open' });
    const { activeSandboxId } = await swap(stage, session.id, { backend: 'local' });
    // The turn is there already: nobody else would keep the new box.
    const kept = async (groupId: string) =>
      (await stage.leases.inspect(groupId))?.holders.map(({ kind }) => kind) ?? [];
    expect(await kept(activeSandboxId!)).toContain('turn');
    expect(turn.group.id).toBe(activeSandboxId);
    await turn.box.exec({ program: { script: 'echo away >where' } });
    expect(await turn.journal.record([{ type: 'git.changed', data: { path: '' } }])).toBe(
      await stage.store.events.revision(activeSandboxId!),
    );
    expect(await kept(session.sandboxGroupId)).toContain('turn');
    await server.write(new TextEncoder().encode('to the old box'));
    await server.closeStdin();
    expect((await server.exited()).exitCode).toBe(0);
    await server.forget();
    await vi.waitFor(async () => expect(await kept(session.sandboxGroupId)).not.toContain('turn'), {
      timeout: 30_000,
    });
    expect(await run(stage, session.id, 'cat where')).toBe('away\n');
    await swap(stage, session.id, 'home');
    expect(await run(stage, session.id, 'cat where got')).toBe('home\nto the old box');
  });

  test('at another server that has not heard of the swap is refused by the box, and done in the new one', async () => {
    const stage = await openStage();
    const session = await create(stage);
    await run(stage, session.id, 'true');
    const elsewhere = stage.otherServer();
    await using request = await elsewhere.open(stage.workspaceId, session.id, holder());
    await using command = await elsewhere.open(stage.workspaceId, session.id, holder('process'), {
      onSwap: 'stay',
    });
    expect(request.group.id).toBe(session.sandboxGroupId);
    const { activeSandboxId } = await swap(stage, session.id, { backend: 'local' });
    await expect(command.box.exec({ program: { script: 'touch stray' } })).rejects.toMatchObject({
      code: 'fenced',
      started: 'no',
    });
    await request.box.files.write('written', new TextEncoder().encode('x'));
    expect(request.group.id).toBe(activeSandboxId);
    expect(await run(stage, session.id, 'ls')).toBe('written\n');
    await swap(stage, session.id, 'home');
    expect(await run(stage, session.id, 'ls')).toBe('');
  });
});

describe('a workspace that is carried along', () => {
  test('arrives exactly, over what was there, and stays where it was', async () => {
    const stage = await openStage();
    const session = await create(stage);
    await run(stage, session.id, 'mkdir -p dir && echo 1 >dir/file && ln -s dir/file link && chmod 750 dir');
    const answer = await swap(stage, session.id, { backend: 'local' }, { carry: true });
    expect(answer).toMatchObject({ activeEpoch: 1, receipt: { kind: 'EXACT' } });
    expect(await run(stage, session.id, 'cat link; stat -c %a dir; echo 2 >dir/file; touch new')).toBe(
      '1\n750\n',
    );
    const back = await swap(stage, session.id, 'home', { carry: true, expectedEpoch: 1 });
    expect(back.receipt).toEqual({ kind: 'EXACT' });
    expect(await run(stage, session.id, 'cat link; rm new; ls')).toBe('2\ndir\nlink\n');
    const told = await eventsOf(stage, session.id, 'sandbox.swapped');
    expect(told.map(({ receipt }) => receipt)).toEqual([{ kind: 'EXACT' }, { kind: 'EXACT' }]);
    // The copy that was left is as it was.
    await swap(stage, session.id, { groupId: answer.activeSandboxId });
    expect(await run(stage, session.id, 'ls')).toBe('dir\nlink\nnew\n');
  });

  test.each([
    { meanwhile: 'is only told meanwhile', script: null, kind: 'EXACT' },
    { meanwhile: 'is made meanwhile', script: 'echo newer >file', kind: 'STALE' },
    { meanwhile: 'removes a file meanwhile', script: 'rm file', kind: 'STALE' },
  ])('and a change that $meanwhile makes the receipt $kind', async ({ script, kind }) => {
    let meanwhile = async () => {};
    const watchful = (box: Box): Box => {
      const { archives } = box.capabilities;
      if (!archives.available) throw new Error(archives.reason);
      const { use } = archives;
      const unpack: typeof use.unpack = async (...call) => {
        const report = await use.unpack(...call);
        await meanwhile();
        return report;
      };
      const watched = available({ pack: (options?: PackOptions) => use.pack(options), unpack });
      return { ...box, capabilities: { ...box.capabilities, archives: watched } };
    };
    const stage = await openStage((local) => ({ docker: secondBackend(local, watchful) }));
    const session = await create(stage);
    await run(stage, session.id, 'echo mine >file');
    meanwhile = async () => {
      if (script !== null) await run(stage, session.id, script);
      await using home = await stage.boxes.open(stage.workspaceId, session.id, holder());
      const change = { path: 'file', kind: 'modified', isDir: false, sizeBytes: null } as const;
      await home.journal.record([{ type: 'fs.changed', data: { changes: [change], source: 'watch' } }]);
    };
    const { receipt } = await swap(stage, session.id, { backend: 'docker' }, { carry: true });
    expect(receipt).toMatchObject({ kind });
    expect(await run(stage, session.id, 'cat file')).toBe('mine\n');
  });

  test('of a session with a source is not cloned a second time', async () => {
    const stage = await openStage();
    const repository = await mkdtemp(join(tmpdir(), 'boxyard-repository-'));
    onTestFinished(() => rm(repository, { recursive: true, force: true }));
    const session = await create(stage);
    await run(
      stage,
      session.id,
      `git init -q ${repository} && cd ${repository} && echo 1 >file && git add . && git -c user.name=t -c user.email=t@t commit -qm first`,
    );
    const cloned = await create(stage, { source: { git: { url: `file://${repository}` } } });
    expect(await run(stage, cloned.id, 'cat file; echo 2 >file')).toBe('1\n');
    await swap(stage, cloned.id, { backend: 'local' }, { carry: true });
    expect(await run(stage, cloned.id, 'cat file; git status --short')).toBe('2\n M file\n');
    await swap(stage, cloned.id, { backend: 'local' });
    expect(await run(stage, cloned.id, 'cat file')).toBe('1\n');
  });

  test('changes nothing when it does not arrive', async () => {
    let damage = true;
    const spoil = (box: Box): Box => {
      const { archives } = box.capabilities;
      if (!archives.available) throw new Error(archives.reason);
      const { use } = archives;
      const unpack: typeof use.unpack = async (archive, options) => {
        if (!damage) return use.unpack(archive, options);
        await archive.cancel();
        throw new SandboxError('quota', 'The disk of the box is full. Free some space.');
      };
      const spoilt = available({ pack: (options?: PackOptions) => use.pack(options), unpack });
      return { ...box, capabilities: { ...box.capabilities, archives: spoilt } };
    };
    const stage = await openStage((local) => ({ docker: secondBackend(local, spoil) }));
    const session = await create(stage);
    await run(stage, session.id, 'echo mine >file');
    await expect(swap(stage, session.id, { backend: 'docker' }, { carry: true })).rejects.toMatchObject({
      code: 'quota',
    });
    expect(await get(stage, session.id)).toMatchObject({ activeSandboxId: null, activeEpoch: 0 });
    expect(await groupsOf(stage)).toEqual([session.sandboxGroupId]);
    expect(await run(stage, session.id, 'cat file')).toBe('mine\n');
    damage = false;
    const { receipt } = await swap(stage, session.id, { backend: 'docker' }, { carry: true });
    expect(receipt).toEqual({ kind: 'EXACT' });
    expect(await run(stage, session.id, 'cat file')).toBe('mine\n');
  });
});
