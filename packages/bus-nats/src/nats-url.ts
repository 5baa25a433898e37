import { SandboxError } from '@boxyard/sandbox-core';

export interface NatsServerAddress {
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** The client takes hosts alone: who we are stands in members of their own. The first address says it for all. */
export function serverOf(text: string): NatsServerAddress {
  const urls = text.split(',').map((part) => parse(part.trim()));
  const { username, password } = urls[0]!;
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  const servers = urls.map(({ protocol, host }) => `${protocol}//${host}`);
  if (user === '') return { servers };
  return pass === '' ? { servers, token: user } : { servers, user, pass };
}

function parse(text: string): URL {
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (['nats:', 'tls:'].includes(url.protocol) && url.hostname !== '') return url;
  }
  // Not repeated: it may hold a password.
  throw new SandboxError(
    'configuration',
    'The address of NATS cannot be used. Write nats://host:4222, several between commas.',
  );
}
