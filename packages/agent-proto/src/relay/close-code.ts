/** Why the relay closed a websocket, as its close code. */
export const RelayCloseCode = {
  /** The token is no good, has run out or was revoked. A fresh one may help. */
  unauthenticated: 4401,
  /** The token is genuine and not for this. */
  notAllowed: 4403,
  /** Nothing was opened in time, or nobody came to the other side. */
  openTimeout: 4408,
  /** A newer socket took the place, or the session moved on. */
  replacedOrFenced: 4409,
  rateLimited: 4429,
} as const;
