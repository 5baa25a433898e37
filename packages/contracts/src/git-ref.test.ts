import { expect, test } from 'vitest';
import { GitRevision } from './git-ref.ts';
import { GitSourceRequest, GitUrl } from './git-source.ts';

test.each(['HEAD', 'main', 'feature/x', 'v1.2.3', 'HEAD~3', 'abc1234^', 'main@{1}', 'a'.repeat(40), 'ünï'])(
  '%s is a revision',
  (ref) => {
    expect(GitRevision.parse(ref)).toBe(ref);
  },
);

test.each([
  '',
  '-x',
  '--output=x',
  'a..b',
  'a...b',
  'HEAD:file',
  'a b',
  'a\0b',
  'a\nb',
  'a*',
  'a?',
  'a[b',
  'a\\b',
])('%j is no revision', (ref) => {
  expect(GitRevision.safeParse(ref).success).toBe(false);
});

test.each([
  'https://example.com/a.git',
  'http://127.0.0.1:8080/a',
  'ssh://git@example.com:22/a.git',
  'git://example.com/a',
  'git@example.com:team/a.git',
  'file:///srv/a.git',
  'https://user@example.com/a.git',
])('%s can be cloned', (url) => {
  expect(GitUrl.parse(url)).toBe(url);
});

test.each([
  '',
  '/srv/a.git',
  '../a',
  '-c',
  '--upload-pack=touch x',
  'ext::sh -c id',
  'fd::17',
  'ftp://example.com/a',
  'javascript:alert(1)',
  'https://user:secret@example.com/a.git',
  'https://example.com/a b',
  'https://example.com/a\n',
  'git@example.com:-oProxyCommand=id',
  '-git@example.com:a',
  'ssh://-oProxyCommand=id/a',
  'ssh://-oProxyCommand@example.com/a',
])('%j cannot be cloned', (url) => {
  expect(GitUrl.safeParse(url).success).toBe(false);
});

test('a token goes with an http address only', () => {
  expect(GitSourceRequest.safeParse({ url: 'https://example.com/a', token: 't' }).success).toBe(true);
  expect(GitSourceRequest.safeParse({ url: 'git@example.com:a', token: 't' }).success).toBe(false);
  expect(GitSourceRequest.safeParse({ url: 'https://example.com/a', token: 'a\nb' }).success).toBe(false);
});
