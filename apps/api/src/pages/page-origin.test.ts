import { expect, test } from 'vitest';
import { assertOwnOrigin, type PageRequest } from './page-origin.ts';

const ask = (request: Partial<PageRequest>, publicHost: string | null = null) => {
  try {
    assertOwnOrigin(
      { method: 'GET', host: '127.0.0.1:7070', origin: undefined, fetchSite: undefined, ...request },
      publicHost,
    );
    return 'fine';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each(['127.0.0.1:7070', '[::1]:7070', 'localhost:7070', 'localhost', '192.0.2.7:80'])(
  '%s is a name of this server',
  (host) => expect(ask({ host })).toBe('fine'),
);

test.each([
  undefined,
  '',
  'evil.example',
  'evil.example:7070',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  'a b',
])('%s is no name of this server', (host) => expect(ask({ host })).toBe('denied'));

test('the public name is one, with its port', () => {
  expect(ask({ host: 'boxyard.example' }, 'boxyard.example')).toBe('fine');
  expect(ask({ host: 'boxyard.example:8443' }, 'boxyard.example:8443')).toBe('fine');
  expect(ask({ host: 'boxyard.example' }, 'boxyard.example:8443')).toBe('denied');
});

test('a form comes from the very same origin, or from the public one in front of it', () => {
  const post = (request: Partial<PageRequest>, publicHost: string | null = null) =>
    ask({ method: 'POST', ...request }, publicHost);
  expect(post({ origin: 'http://127.0.0.1:7070' })).toBe('fine');
  expect(post({ origin: 'https://boxyard.example' }, 'boxyard.example')).toBe('fine');
  expect(post({ fetchSite: 'same-origin' })).toBe('fine');
  for (const origin of ['http://127.0.0.1:7071', 'https://evil.example', 'null', '', 'http://127.0.0.1']) {
    expect(post({ origin }), origin).toBe('denied');
  }
  expect(post({ origin: 'https://evil.example', fetchSite: 'same-origin' })).toBe('denied');
  for (const fetchSite of [undefined, 'none', 'same-site', 'cross-site'])
    expect(post({ fetchSite })).toBe('denied');
});
