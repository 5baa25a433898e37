import { SandboxError } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { commandReport, failureBanner, parseBanner, writeBanner } from './banner.ts';

const at = () => performance.now();

test.each([
  { exitCode: 7, sessionId: null, output: 'hi\n' },
  { exitCode: null, sessionId: 3, output: 'so far' },
  { exitCode: null, sessionId: null, output: '' },
  { exitCode: 0, sessionId: null, output: 'Process exited with code 9\nOutput:\nnot a banner' },
])('what is written is read back: %j', (said) => {
  const report = parseBanner(writeBanner(commandReport({ ...said, startedAtMs: at() })));
  expect(report).toMatchObject({ ...said, originalTokenCount: null });
});

test('output that is cut tells how much there was', () => {
  const output = 'word '.repeat(1000);
  const written = writeBanner(
    commandReport({ output, startedAtMs: at(), exitCode: 0, sessionId: null, maxOutputTokens: 20 }),
  );
  expect(parseBanner(written)).toMatchObject({ exitCode: 0, originalTokenCount: 1250 });
});

test.each([
  '',
  'hello',
  'Output:\nhello',
  'Process exited with code 0\nOutput:\nhi',
  'x\nWall time: 1 seconds\nOutput:\n',
])('%j is no banner', (text) => expect(parseBanner(text)).toBeNull());

test('banners of other sessions are read: no chunk id, a negative code, no output', () => {
  expect(parseBanner('Wall time: 12 seconds\nProcess exited with code -1\nOutput:')).toEqual({
    wallTimeSeconds: 12,
    exitCode: -1,
    sessionId: null,
    originalTokenCount: null,
    output: '',
  });
});

test.each([
  ['no', 'Nothing was run.'],
  ['unknown', 'It may have been run'],
] as const)('a failure that had begun: %s', (started, words) => {
  const error = new SandboxError('unreachable', 'The box does not answer.', { started });
  const text = failureBanner('exec_command', error, at());
  expect(text).toContain('exec_command failed: The box does not answer.');
  expect(text).toContain('unreachable, trying again may help');
  expect(text).toContain(words);
});
