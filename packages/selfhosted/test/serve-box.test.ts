import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeResponse } from '@boxyard/agent-proto';
import {
  AgentEventSchema,
  ErrorCode,
  GoingOfflineReason,
  HelloSchema,
  OpState,
} from '@boxyard/agent-proto/messages';
import { FolderFiles } from '@boxyard/providers-local';
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import { fromBinary } from '@bufbuild/protobuf';
import { expect, onTestFinished, test } from 'vitest';
import type { AuditEntry } from '../src/server/index.ts';
import { servedMachine } from './served-machine.ts';

const bytesOf = (content: string) => new Uint8Array(Buffer.from(content));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const NEVER = new AbortController().signal;

test('a command with one reply, files and a ping are answered as the protocol says', async () => {
  const { ask, box, server } = servedMachine(new MemoryBox());
  await box.files.write('a', bytesOf('content'));
  const pong = await ask({ case: 'ping', value: { nonce: 7n } });
  expect(pong.result).toMatchObject({ case: 'ping', value: { nonce: 7n } });
  const ran = await ask({ case: 'exec', value: { script: 'cat a; exit 3', timeoutMs: 9000 } });
  expect(ran.result).toMatchObject({ case: 'exec', value: { exitCode: 3 } });
  const read = await ask({ case: 'fsRead', value: { path: 'a', offset: 3n } });
  expect(read.result).toMatchObject({ case: 'fsRead', value: { totalSize: 7n } });
  const appended = await ask({ case: 'fsWrite', value: { path: 'a', content: bytesOf('!'), append: true } });
  expect(appended.result).toMatchObject({ case: 'fsWrite', value: { bytesWritten: 1n } });
  expect(text(await box.files.read('a'))).toBe('content!');
  const missing = await ask({ case: 'fsRemove', value: { path: 'missing' } });
  expect(missing.error?.code).toBe(ErrorCode.NOT_FOUND);
  const absent = await ask({ case: 'fsStat', value: { path: 'missing' } });
  expect(absent.result).toMatchObject({ case: 'fsStat', value: { exists: false } });
  const unlimited = await ask({ case: 'exec', value: { command: ['sleep', '1'] } });
  expect(unlimited.error?.code).toBe(ErrorCode.PROTOCOL);
  await server.close();
});

test('what is added to a file of the machine is added where it lies, on terms it is written anew', async () => {
  const path = await mkdtemp(join(tmpdir(), 'boxyard-append-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const roots = [{ path, files: new FolderFiles({ root: path }) }];
  const { ask, server } = servedMachine(new MemoryBox(), { roots });
  const file = join(path, 'log');
  await writeFile(file, 'one');
  const { ino } = await stat(file);
  const add = (content: string, terms?: { readonly expectedSha256: string }) =>
    ask({ case: 'fsWrite', value: { path: file, content: bytesOf(content), append: true, terms } });
  expect((await add(' two')).result).toMatchObject({ case: 'fsWrite', value: { bytesWritten: 4n } });
  expect([await readFile(file, 'utf8'), (await stat(file)).ino]).toEqual(['one two', ino]);
  const sha256 = createHash('sha256').update('one two three').digest('hex');
  expect((await add(' four', { expectedSha256: sha256 })).error?.detail.box_code).toBe('invalid');
  expect((await add(' three', { expectedSha256: sha256 })).error).toBe(undefined);
  expect(await readFile(file, 'utf8')).toBe('one two three');
  await server.close();
});

test('what cannot be read and what is not known is answered too', async () => {
  const { ask, wire, server } = servedMachine(new MemoryBox());
  expect((await ask({ case: 'updateMayProceed', value: {} })).error?.code).toBe(ErrorCode.UNSUPPORTED);
  const heard: Uint8Array[] = [];
  const garbage = new Uint8Array([255, 255, 255, 255]);
  await new Promise<void>((resolve) => {
    wire.deliver(garbage, (reply) => {
      heard.push(reply);
      resolve();
    });
  });
  expect(decodeResponse(heard[0] ?? new Uint8Array())).toMatchObject({
    requestId: '',
    error: { code: ErrorCode.PROTOCOL },
  });
  await server.close();
});

test('without consent nothing is touched', async () => {
  const audited: AuditEntry[] = [];
  const policy = { wholeMachine: false, audit: (entry: AuditEntry) => audited.push(entry) };
  const { ask, box, server } = servedMachine(new MemoryBox(), policy);
  const refused = await Promise.all([
    ask({ case: 'exec', value: { command: ['touch', 'x'], timeoutMs: 1000 } }),
    ask({ case: 'fsWrite', value: { path: 'x' } }),
    ask({ case: 'fsRead', value: { path: 'x' } }),
    ask({ case: 'opStart', value: { op: { case: 'exec', value: { command: ['touch', 'x'] } } } }),
    ask({ case: 'ptyOpen', value: {} }),
    ask({ case: 'desktopInput', value: {} }),
  ]);
  expect(refused.map(({ error }) => error?.code)).toEqual(refused.map(() => ErrorCode.CONSENT_REQUIRED));
  expect(await box.files.list('')).toEqual([]);
  expect(audited.map(({ outcome }) => outcome)).toEqual(refused.map(() => 'refused'));
  expect(audited[0]).toMatchObject({ op: 'exec', subject: 'touch x', code: 'CONSENT_REQUIRED' });
  await server.close();
});

test('where only reading is allowed nothing changes and nothing runs', async () => {
  const served = servedMachine(new MemoryBox(), { readOnly: true });
  await served.box.files.write('a', bytesOf('a'));
  const box = served.open();
  expect(text(await box.files.read('a'))).toBe('a');
  await expect(box.files.write('a', bytesOf('b'))).rejects.toMatchObject({ code: 'denied', started: 'no' });
  await expect(box.exec({ program: { script: 'rm a' } })).rejects.toMatchObject({ code: 'denied' });
  await expect(box.files.remove('a')).rejects.toMatchObject({ code: 'denied' });
  expect(text(await served.box.files.read('a'))).toBe('a');
  await box.close();
  await served.server.close();
});

test('a lower epoch of a session is fenced, of another session and without a scope it is not', async () => {
  const { ask, server } = servedMachine(new MemoryBox());
  const mkdir = (path: string) => ({ case: 'fsMkdir', value: { path } }) as const;
  const outcomes = [
    await ask(mkdir('a'), { fenceScope: 'session-a', epoch: 5 }),
    await ask(mkdir('b'), { fenceScope: 'session-a', epoch: 4 }),
    await ask(mkdir('c'), { fenceScope: 'session-b', epoch: 1 }),
    await ask(mkdir('d'), { epoch: 0 }),
    await ask({ case: 'fsStat', value: { path: 'a' } }, { fenceScope: 'session-a', epoch: 4 }),
  ];
  expect(outcomes.map(({ error }) => error?.code)).toEqual([
    undefined,
    ErrorCode.FENCED,
    undefined,
    undefined,
    undefined,
  ]);
  expect(outcomes[1]?.error?.detail).toMatchObject({ op_epoch: '4', held_epoch: '5' });
  await server.close();
});

test('a request that is heard again is answered again and not done again', async () => {
  const { ask, box, server } = servedMachine(new MemoryBox());
  const once = () => ask({ case: 'fsMkdir', value: { path: 'once' } }, { requestId: 'same' });
  const [first, second] = await Promise.all([once(), once()]);
  expect([first?.error, second?.error]).toEqual([undefined, undefined]);
  await box.files.remove('once');
  expect((await once()).error).toBeUndefined();
  expect(await box.files.stat('once')).toBeNull();
  const elsewhere = await ask({ case: 'fsMkdir', value: { path: 'other' } }, { onlyProcess: randomUUID() });
  expect(elsewhere.error).toMatchObject({ detail: { box_code: 'outcome-unknown' } });
  expect(await box.files.stat('other')).toBeNull();
  await server.close();
});

test('a reply that does not fit says how large it is, and a file that does not fit is not read', async () => {
  const { ask, box, server } = servedMachine(new MemoryBox(), {}, { maxPayload: 64 * 1024 });
  await box.files.write('large', new Uint8Array(100_000));
  const read = await ask({ case: 'fsRead', value: { path: 'large' } });
  expect(read.error).toMatchObject({
    code: ErrorCode.PAYLOAD_TOO_LARGE,
    detail: { op: 'fsRead', encoded_bytes: '100000', max_payload: '65536' },
  });
  const ran = await ask({ case: 'exec', value: { command: ['cat', 'large'], timeoutMs: 9000 } });
  expect(ran.error).toMatchObject({ code: ErrorCode.PAYLOAD_TOO_LARGE, detail: { op: 'exec' } });
  const whole = await ask({ case: 'fsRead', value: { path: 'large', offset: 99_990n } });
  expect(whole.result).toMatchObject({ case: 'fsRead', value: { totalSize: 100_000n } });
  await server.close();
});

test('other allowed folders are reached by absolute paths, and nothing else is', async () => {
  const other = new MemoryBox();
  const served = servedMachine(new MemoryBox(), { roots: [{ path: '/srv/data', files: other.files }] });
  const box = served.open();
  expect(box.roots).toEqual(['/srv/data']);
  const data = box.files.at('/srv/data');
  await data.write('folder/file', bytesOf('beside'), { createParents: true });
  expect(text(await other.files.read('folder/file'))).toBe('beside');
  expect((await data.list('folder')).map(({ path }) => path)).toEqual(['folder/file']);
  expect(text(await box.files.at('/srv/data/folder').read('file'))).toBe('beside');
  const own = box.files.at(box.workspaceRoot);
  await own.write('mine', bytesOf('mine'));
  expect(text(await box.files.read('mine'))).toBe('mine');
  for (const root of ['/srv/database', '/etc', '/']) {
    await expect(box.files.at(root).read('passwd')).rejects.toMatchObject({ code: 'denied', started: 'no' });
  }
  expect(() => box.files.at('/srv/data/../../etc')).toThrow(expect.objectContaining({ code: 'invalid' }));
  expect(() => box.files.at('relative')).toThrow(expect.objectContaining({ code: 'invalid' }));
  await box.close();
  await served.server.close();
});

test('while stopping nothing new begins, it is said, and what runs may end', async () => {
  const served = servedMachine(new MemoryBox(), { heartbeatMs: 0 });
  const box = served.open();
  const running = await box.spawn({ program: { script: 'read go' }, stdin: 'open' });
  const drained = served.server.drain(GoingOfflineReason.USER_STOP, NEVER);
  const refused = await served.ask({ case: 'exec', value: { command: ['echo'], timeoutMs: 1000 } });
  expect(refused.error).toMatchObject({ code: ErrorCode.DRAINING, retryable: true });
  const query = await served.ask({ case: 'opQuery', value: { opId: running.id } });
  expect(query.result).toMatchObject({ case: 'opStatus', value: { state: OpState.RUNNING } });
  await running.closeStdin();
  await drained;
  const [event] = served.wire.published.map(({ payload }) => fromBinary(AgentEventSchema, payload));
  expect(event?.event).toMatchObject({
    case: 'goingOffline',
    value: { reason: GoingOfflineReason.USER_STOP },
  });
  await box.close();
  await served.server.close();
});

test('the hello says what there is, and beats tell the last sample without waiting for the next', async () => {
  let samples = 0;
  const { server, wire } = servedMachine(new MemoryBox(), {
    heartbeatMs: 5,
    metrics: async () => {
      // The second sample never comes.
      if (++samples === 2) await new Promise(() => undefined);
      return { cpuPercent: 12.5 } as never;
    },
  });
  server.announce();
  const events = () => wire.published.filter(({ kind }) => kind === 'events');
  await expect.poll(() => events().length, { timeout: 30_000 }).toBeGreaterThan(4);
  const beats = events().map(({ payload }) => fromBinary(AgentEventSchema, payload).event);
  expect(beats.map((beat) => (beat.case === 'heartbeat' ? beat.value.seq : 0n)).slice(0, 3)).toEqual([
    1n,
    2n,
    3n,
  ]);
  expect(beats.at(-1)).toMatchObject({ case: 'heartbeat', value: { metrics: { cpuPercent: 12.5 } } });
  const [hello] = wire.published.filter(({ kind }) => kind === 'hello');
  const said = fromBinary(HelloSchema, hello?.payload ?? new Uint8Array());
  expect(said).toMatchObject({ ...wire.machine, workspaceRoot: '/workspace' });
  expect(said.capabilities).toMatchObject({ opStream: true, pty: false, desktop: false });
  expect(Object.keys(said.capabilities?.box?.lacks ?? {}).sort()).toEqual(['ports', 'terminal']);
  await server.close();
});

test('a ping and a cancel do not wait for work, and each session has its turn', async () => {
  const memory = new MemoryMachine();
  const { ask, server } = servedMachine(new MemoryBox(memory), { maxConcurrent: 1, maxWaiting: 3 });
  memory.freeze();
  const stat = (fenceScope: string) => ask({ case: 'fsStat', value: { path: 'x' } }, { fenceScope });
  const order: string[] = [];
  const noted = (scope: string) => stat(scope).then(() => order.push(scope));
  const asked = [noted('busy'), noted('busy'), noted('busy'), noted('other')];
  await expect
    .poll(async () => (await stat('late')).error?.code, { timeout: 30_000 })
    .toBe(ErrorCode.DRAINING);
  const pong = await ask({ case: 'ping', value: { nonce: 1n } });
  expect(pong.result.case).toBe('ping');
  memory.thaw();
  await Promise.all(asked);
  expect(order).toEqual(['busy', 'busy', 'other', 'busy']);
  await server.close();
});

test('a command that ends before it has read its input is no failure, and a deadline ends one that goes on', async () => {
  const served = servedMachine(new MemoryBox());
  const box = served.open();
  for (let round = 0; round < 5; round++) {
    const result = await box.exec({ program: { script: 'exit 3' }, stdin: bytesOf('unread') });
    expect(result.exitCode).toBe(3);
  }
  const exec = { script: 'sleep 600' };
  const op = { case: 'exec', value: exec } as const;
  await served.ask(
    { case: 'opStart', value: { op, deadlineMs: BigInt(Date.now() + 100) } },
    { requestId: 'until' },
  );
  await expect
    .poll(async () => (await served.ask({ case: 'opQuery', value: { opId: 'until' } })).result, {
      timeout: 30_000,
    })
    .toMatchObject({ case: 'opStatus', value: { state: OpState.COMPLETE, exit: { timedOut: true } } });
  await box.close();
  await served.server.close();
});
