import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SandboxError } from '../sandbox-error.ts';
import { fsErrorName, sandboxErrorFromFs } from './fs-error.ts';

const thrownBy = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('did not throw');
};

describe('sandboxErrorFromFs', () => {
  it.each([
    ['ENOENT', 'not-found', () => readFileSync('/nonexistent/x')],
    ['ENOTDIR', 'invalid', () => readFileSync('/etc/passwd/x')],
    ['EISDIR', 'invalid', () => readFileSync('/etc')],
    ['EEXIST', 'conflict', () => mkdirSync('/etc')],
    ['ENAMETOOLONG', 'invalid', () => readFileSync(`/${'x'.repeat(300)}`)],
    ...(process.platform === 'linux'
      ? ([['ENOSPC', 'quota', () => writeFileSync('/dev/full', 'x')]] as const)
      : []),
  ] as const)('says what a real %s means: %s', (name, code, call) => {
    const error = thrownBy(call);
    expect(fsErrorName(error)).toBe(name);
    const judged = sandboxErrorFromFs(error, 'Trying');
    expect(judged).toMatchObject({ code, cause: error });
    expect(judged.message).toMatch(new RegExp(`^Trying failed \\(${name}\\)\\. .+\\.$`));
  });

  it.each([
    ['EACCES', 'denied', false],
    ['EDQUOT', 'quota', false],
    ['EFBIG', 'too-large', false],
    ['EBUSY', 'conflict', true],
    ['EMFILE', 'unreachable', true],
    ['EWHATEVER', 'unreachable', true],
  ] as const)('says that %s is %s, worth repeating: %s', (name, code, retryable) => {
    const error = Object.assign(new Error('x'), { code: name });
    expect(sandboxErrorFromFs(error, 'Trying')).toMatchObject({ code, retryable });
  });

  it('passes a SandboxError as it is and knows nothing about the rest', () => {
    const error = new SandboxError('conflict', 'Ours.');
    expect(sandboxErrorFromFs(error, 'Trying')).toBe(error);
    expect(sandboxErrorFromFs('text', 'Trying')).toMatchObject({ code: 'unreachable' });
  });
});
