// Who is signed in with a browser. The cookie names a key by its hash and is signed; whether that key is still good is
// looked up at every request, so a revoked key is signed out too.
import { createHmac } from 'node:crypto';
import { isSameSecret, type KeyRecord, openToken, SandboxError, signToken } from '@boxyard/sandbox-core';
import { z } from 'zod';
import type { KeyRing } from '../key-ring.ts';

const PREFIX = 'bys_';
export const SESSION_COOKIE = 'boxyard_session';
/** A working day. */
export const SESSION_TTL_S = 12 * 3600;

const Claims = z.object({ keySha256: z.string().length(64), exp: z.int() });

/** Somebody who is signed in. */
export interface BrowserSession {
  readonly key: KeyRecord;
  /** To be in every form: another site can send a form here, but not read ours. */
  readonly csrfToken: string;
}

export class BrowserSessions {
  readonly #keys: KeyRing;
  readonly #secret: Uint8Array;

  /** @param secret signs cookies, and nothing else. */
  constructor(keys: KeyRing, secret: Uint8Array) {
    this.#keys = keys;
    this.#secret = secret;
  }

  /** The cookie for whoever shows this token; null when it opens nothing. */
  async signIn(token: string): Promise<string | null> {
    const key = await this.#keys.find(token);
    if (key === null) return null;
    const exp = Math.floor(Date.now() / 1000) + SESSION_TTL_S;
    return signToken(PREFIX, { keySha256: key.secretSha256, exp }, this.#secret);
  }

  /** Null for a cookie that is not ours, has run out, or whose key was revoked. */
  async open(cookie: string | undefined): Promise<BrowserSession | null> {
    if (cookie === undefined) return null;
    try {
      const { keySha256 } = openToken(PREFIX, cookie, this.#secret, Claims, new Date());
      const key = await this.#keys.findByHash(keySha256);
      return key === null ? null : { key, csrfToken: this.#csrfTokenOf(cookie) };
    } catch (error) {
      if (SandboxError.hasCode(error, 'denied')) return null;
      throw error;
    }
  }

  #csrfTokenOf(cookie: string): string {
    return createHmac('sha256', this.#secret).update(`csrf/${cookie}`, 'utf8').digest('base64url');
  }
}

/** Whether a form came from one of our own pages. */
export function isCsrfToken(session: BrowserSession, shown: unknown): boolean {
  return typeof shown === 'string' && isSameSecret(shown, session.csrfToken);
}
