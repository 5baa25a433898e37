import { expect, test } from 'vitest';
import { openStage, run } from './sessions-stage.ts';

test('a session makes no box until it is opened, and shows its lease then', async () => {
  const stage = await openStage();
  const { service, workspaceId, request } = stage;
  const made = await service.create(workspaceId, request({ metadata: { a: '1' } }));
  expect(made).toMatchObject({ liveness: 'cold', leaseEpoch: 0, metadata: { a: '1' }, restored: null });
  expect(await run(stage, made.id, 'echo here')).toBe('here\n');
  expect(await service.get(workspaceId, made.id)).toMatchObject({ liveness: 'warm', leaseEpoch: 1 });
  expect(await service.create(workspaceId, request({ start: true }))).toMatchObject({ liveness: 'warm' });
});

test('a pause keeps the files and the next operation finds them', async () => {
  const stage = await openStage();
  const { service, workspaceId, request } = stage;
  const { id } = await service.create(workspaceId, request());
  await run(stage, id, 'echo kept >file');
  expect((await service.pause(workspaceId, id, { force: false })).liveness).toBe('cold');
  expect(await run(stage, id, 'cat file')).toBe('kept\n');
});

test('values of the environment are in the box and nowhere in the record', async () => {
  const stage = await openStage();
  const { service, workspaceId, request, store } = stage;
  const made = await service.create(workspaceId, request({ environment: { TOKEN: 'canary-value' } }));
  expect(made.environmentNames).toEqual(['TOKEN']);
  expect(await run(stage, made.id, 'echo "$TOKEN"')).toBe('canary-value\n');
  const tables = await store.sql<{ schema: string; name: string }[]>`
    SELECT schemaname AS schema, tablename AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
  `;
  expect(tables.length).toBeGreaterThan(5);
  for (const { schema, name } of tables) {
    const rows = await store.sql`SELECT * FROM ${store.sql(schema)}.${store.sql(name)}`;
    expect(JSON.stringify(rows), name).not.toContain('canary-value');
  }
});

test('a session joins a box as it is, and the box goes with the last of its sessions', async () => {
  const stage = await openStage();
  const { service, workspaceId, request, store } = stage;
  const first = await service.create(workspaceId, request());
  await run(stage, first.id, 'echo shared >file');
  const sandbox = { groupId: first.sandboxGroupId };
  const second = await service.create(workspaceId, request({ sandbox }));
  await service.delete(workspaceId, first.id);
  expect(await run(stage, second.id, 'cat file')).toBe('shared\n');
  await service.delete(workspaceId, second.id);
  await service.delete(workspaceId, second.id);
  await expect(service.get(workspaceId, second.id)).rejects.toMatchObject({ code: 'not-found' });
  expect(await store.sessions.getGroup(workspaceId, first.sandboxGroupId)).toBeNull();
});

test('a session cannot join a box and say how it is made, nor a box that is not there', async () => {
  const { service, workspaceId, request } = await openStage();
  const { sandboxGroupId } = await service.create(workspaceId, request());
  const joining = { sandbox: { groupId: sandboxGroupId }, environment: { A: '1' } };
  await expect(service.create(workspaceId, request(joining))).rejects.toMatchObject({ code: 'invalid' });
  const other = { sandbox: { groupId: '01890000-0000-7000-8000-000000000000' } };
  await expect(service.create(workspaceId, request(other))).rejects.toMatchObject({ code: 'not-found' });
  const limited = { resources: { memoryMb: 100 } };
  await expect(service.create(workspaceId, request(limited))).rejects.toMatchObject({ code: 'unsupported' });
  await expect(service.create(workspaceId, request({ backend: 'modal' }))).rejects.toMatchObject({
    code: 'invalid',
  });
});
