/** Where the bytes of a stream are served. */
export interface StreamEndpoint {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls?: boolean | undefined;
  /** `/` when absent. */
  readonly path?: string | undefined;
  /** What the provider of the port needs, kept as it is. Our token is never in it. */
  readonly query?: string | undefined;
  /** `ws` when absent; `tls` adds the `s`. */
  readonly protocol?: 'ws' | 'http' | undefined;
}

/** The address that a viewer dials. The usual port of the protocol is left out. */
export function streamUrl({
  host,
  port,
  tls = false,
  path = '/',
  query,
  protocol = 'ws',
}: StreamEndpoint): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const shownPort = port === (tls ? 443 : 80) ? '' : `:${port}`;
  const shownPath = path.startsWith('/') ? path : `/${path}`;
  const shownQuery = query === undefined || query === '' ? '' : `?${query.replace(/^\?/, '')}`;
  return `${protocol}${tls ? 's' : ''}://${name}${shownPort}${shownPath}${shownQuery}`;
}
