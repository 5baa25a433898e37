import { describe, expect, test } from 'vitest';
import { SandboxError } from '../sandbox-error.ts';
import { isGoneError } from './gone.ts';

const http = (status: number, message: string) => Object.assign(new Error(message), { status });

describe('an error proves a box gone', () => {
  test.each([
    http(404, 'Not Found'),
    http(404, ''),
    http(404, 'Sandbox not found'),
    Object.assign(new Error('request failed'), { response: { status: 404 } }),
    new Error('Sandbox sb-123 not found'),
    new Error('The sandbox "i4zbyzmr" was not found'),
    new Error('container 4f2a was terminated'),
    new Error('Sandbox sb-9 has been terminated'),
    new Error('devbox dbx_31 is no longer running'),
    new Error('Sandbox with ID abc-1 does not exist'),
    new Error('the instance no longer exists'),
    new Error('Error response from daemon: No such container: boxyard-1'),
    Object.assign(new Error('bad request'), { code: 'SANDBOX_NOT_FOUND' }),
    new Error('wrapped', { cause: http(404, 'sandbox gone') }),
    'sandbox x-1 is terminated',
    new SandboxError('gone', 'The box is gone. Open it again.'),
  ])('%s', (error) => {
    expect(isGoneError('docker', error)).toBe(true);
  });
});

describe('an error does not prove a box gone', () => {
  test.each([
    http(404, 'image debian:12 not found'),
    http(404, 'App boxyard does not exist'),
    http(404, 'No such image: x'),
    http(404, 'path /workspace/a not found'),
    http(500, 'internal'),
    new Error('Sandbox is already running'),
    new Error('sandbox x-1 is still running'),
    new Error('Sandbox already exists'),
    new Error('sh: foo: not found'),
    new Error('command not found in sandbox sb-1'),
    new Error('sandbox sb-1: foo: not found'),
    new Error('Sandbox image not found'),
    new Error('container process was terminated'),
    new Error('file a.txt does not exist'),
    new Error('not found'),
    new Error('connect ECONNREFUSED'),
    new SandboxError('not-found', 'Sandbox file not found. Check its name.'),
    new SandboxError('unreachable', 'sandbox not found yet', { cause: http(404, 'Not Found') }),
    undefined,
    null,
    404,
  ])('%s', (error) => {
    expect(isGoneError('docker', error)).toBe(false);
  });
});

test('a machine that its owner runs is away, never gone', () => {
  expect(isGoneError('selfhosted', new SandboxError('gone', 'x'))).toBe(false);
  expect(isGoneError('selfhosted', http(404, 'Not Found'))).toBe(false);
});
