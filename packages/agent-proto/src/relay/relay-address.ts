// Where a stream is met: `GET /stream?ws=&agent=&port=&channel=` of a relay.

/** What producer and viewers of one stream have in common. */
export interface RelayRendezvous {
  readonly workspaceId: string;
  readonly agentId: string;
  readonly port: number;
  /** Null where an older agent names none. */
  readonly channelId: string | null;
}

export const RELAY_PATH = '/stream';

/** Longer than any id of ours. */
const MAX_ID_CHARACTERS = 128;

/**
 * @param relay Where the relay is, `ws:`, `wss:`, `http:` or `https:`; a path before `/stream` is kept.
 * @throws TypeError for what is no URL of a relay.
 */
export function relayAddress(relay: string, at: RelayRendezvous): URL {
  const url = new URL(relay);
  const scheme = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }[url.protocol];
  if (scheme === undefined) {
    throw new TypeError(
      `The relay's address begins with ${url.protocol}. Give one of ws:, wss:, http:, https:.`,
    );
  }
  url.protocol = scheme;
  if (!url.pathname.endsWith(RELAY_PATH)) url.pathname = url.pathname.replace(/\/$/, '') + RELAY_PATH;
  url.searchParams.set('ws', at.workspaceId);
  url.searchParams.set('agent', at.agentId);
  url.searchParams.set('port', String(at.port));
  if (at.channelId !== null) url.searchParams.set('channel', at.channelId);
  return url;
}

/** Null for a query that names no stream. */
export function parseRelayQuery(query: URLSearchParams): RelayRendezvous | null {
  const id = (name: string) => {
    const value = query.get(name);
    return value !== null && value.length > 0 && value.length <= MAX_ID_CHARACTERS ? value : null;
  };
  const workspaceId = id('ws');
  const agentId = id('agent');
  const port = /^[1-9]\d{0,4}$/.test(query.get('port') ?? '') ? Number(query.get('port')) : 0;
  const named = query.has('channel') && query.get('channel') !== '';
  const channelId = id('channel');
  if (workspaceId === null || agentId === null || port < 1 || port > 65_535) return null;
  if (named && channelId === null) return null;
  return { workspaceId, agentId, port, channelId };
}
