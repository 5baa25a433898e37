/** When a token of ours runs out, in ms since 1970, read without judging it; null when it does not say. */
export function tokenExpiryMs(token: string): number | null {
  const encoded = token.slice(token.indexOf('_') + 1, token.lastIndexOf('.'));
  try {
    const claims: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : null;
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}
