import { expect, test } from 'vitest';
import { parseRelayQuery, relayAddress } from './relay-address.ts';

const at = { workspaceId: 'w s', agentId: 'a&b', port: 7681, channelId: 'c/1' };

test.each([
  ['ws://relay.example', 'ws://relay.example/stream'],
  ['https://relay.example/', 'wss://relay.example/stream'],
  ['http://[::1]:8080/under', 'ws://[::1]:8080/under/stream'],
  ['wss://relay.example/stream?key=v', 'wss://relay.example/stream?key=v'],
])('%s is dialled at %s, and says which stream is meant', (relay, expected) => {
  const url = relayAddress(relay, at);
  expect(url.href.startsWith(expected)).toBe(true);
  expect(parseRelayQuery(url.searchParams)).toEqual(at);
});

test('an older agent names no channel', () => {
  const url = relayAddress('ws://relay.example', { ...at, channelId: null });
  expect(url.search).not.toContain('channel');
  expect(parseRelayQuery(url.searchParams)).toEqual({ ...at, channelId: null });
});

test.each(['', 'ws=a&agent=b', 'ws=a&agent=b&port=0', 'ws=a&agent=b&port=1e3', 'ws=&agent=b&port=80'])(
  '%j names no stream',
  (query) => expect(parseRelayQuery(new URLSearchParams(query))).toBeNull(),
);

test('what is no address of a relay is refused', () => {
  expect(() => relayAddress('ftp://relay.example', at)).toThrow(/ftp:/);
  expect(() => relayAddress('relay', at)).toThrow();
});
