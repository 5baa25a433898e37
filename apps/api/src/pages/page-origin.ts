// Which requests come from a page of ours. A browser sends our cookie along with whatever another site makes it send,
// and calls us by any name that another site's DNS gives us.
import { isIP } from 'node:net';
import { ApiError } from '../problem.ts';

/** Names of this server: an address cannot be taken over by DNS, and localhost not by anybody else's. */
function isOurHost(host: string, publicHost: string | null): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname, host: normalized } = new URL(`http://${host}`);
  if (publicHost !== null && (host === publicHost || normalized === publicHost)) return true;
  return hostname === 'localhost' || isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

export interface PageRequest {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** What the browser says of where the request was made. */
  readonly fetchSite: string | undefined;
}

/**
 * @param publicHost name and port under which people open this server; null when it has no name.
 * @throws ApiError `denied` for a request under a name that is not ours, and for a form of another site.
 */
export function assertOwnOrigin(
  { method, host, origin, fetchSite }: PageRequest,
  publicHost: string | null,
): void {
  if (host === undefined || !isOurHost(host, publicHost)) {
    throw new ApiError(
      'denied',
      'This server is not known under that name. Open it by its address, or set BOXYARD_PUBLIC_URL.',
    );
  }
  if (method === 'GET' || method === 'HEAD') return;
  const own =
    origin === undefined
      ? fetchSite === 'same-origin'
      : URL.canParse(origin) && [host, publicHost].includes(new URL(origin).host);
  if (!own)
    throw new ApiError('denied', 'This form came from another site. Open the page here and try again.');
}
