import { ErrorCode } from '@boxyard/agent-proto/messages';
import { MemoryBox } from '@boxyard/sandbox-conformance';
import { expect, test } from 'vitest';
import { servedMachine } from './served-machine.ts';

test('a command with one reply, files and a ping are answered as the protocol says', async () => {
  const { ask, box, server } = servedMachine(new MemoryBox());
  await box.files.write('a', new TextEncoder().encode('content'));
  const pong = await ask({ case: 'ping', value: { nonce: 7n } });
  expect(pong.result).toMatchObject({ case: 'ping', value: { nonce: 7n } });
  const ran = await ask({ case: 'exec', value: { script: 'cat a; exit 3', timeoutMs: 9000 } });
  expect(ran.result).toMatchObject({ case: 'exec', value: { exitCode: 3 } });
  const read = await ask({ case: 'fsRead', value: { path: 'a', offset: 3n } });
  expect(read.result).toMatchObject({ case: 'fsRead', value: { totalSize: 7n } });
  const missing = await ask({ case: 'fsRemove', value: { path: 'missing' } });
  expect(missing.error?.code).toBe(ErrorCode.NOT_FOUND);
  await server.close();
});

test('without consent nothing is touched', async () => {
  const { ask, box, server } = servedMachine(new MemoryBox(), { wholeMachine: false });
  const refused = await Promise.all([
    ask({ case: 'exec', value: { command: ['touch', 'x'], timeoutMs: 1000 } }),
    ask({ case: 'fsWrite', value: { path: 'x' } }),
    ask({ case: 'fsRead', value: { path: 'x' } }),
    ask({ case: 'opStart', value: { op: { case: 'exec', value: { command: ['touch', 'x'] } } } }),
    ask({ case: 'desktopInput', value: {} }),
  ]);
  expect(refused.map(({ error }) => error?.code)).toEqual(refused.map(() => ErrorCode.CONSENT_REQUIRED));
  expect(await box.files.list('')).toEqual([]);
  await server.close();
});
