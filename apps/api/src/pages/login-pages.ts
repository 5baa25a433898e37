import { TokenBuckets } from '@boxyard/fleet/limits';
import { deleteCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { clientAddress } from '../client-address.ts';
import { ApiError } from '../problem.ts';
import { SESSION_COOKIE, SESSION_TTL_S } from './browser-session.ts';
import { answerPage, type PageContext, type PageTable } from './page-context.ts';

/** Of keys that are wrong. A person mistypes a few times; a program that guesses waits. */
const LOGIN_LIMIT = { burst: 10, perSecond: 0.5 };
const HOME = '/machines';

export function addLoginPages(pages: PageTable): void {
  const { sessions, secureCookie } = pages.services;
  const attempts = new TokenBuckets(LOGIN_LIMIT);

  pages.open('GET /login', async (c) => answerPage(c, loginForm(localPath(c.req.query('next')), null)));

  pages.open('POST /login', async (c, fields) => {
    const address = clientAddress(c);
    if (attempts.take(address) !== null)
      throw new ApiError('rate-limited', 'Too many attempts came from this address. Wait a little.');
    const next = localPath(fields.next);
    const token = typeof fields.key === 'string' ? fields.key.trim() : '';
    const cookie = await sessions.signIn(token);
    if (cookie === null) {
      return answerPage(c, loginForm(next, 'This key is unknown, revoked or expired. Try another one.'), 401);
    }
    attempts.giveBack(address);
    setCookie(c, SESSION_COOKIE, cookie, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      maxAge: SESSION_TTL_S,
      secure: secureCookie,
    });
    return seeOther(c, next);
  });

  pages.signedIn('POST /logout', async (c) => {
    deleteCookie(c, SESSION_COOKIE, { path: '/', secure: secureCookie });
    return seeOther(c, '/login');
  });
}

const seeOther = (c: PageContext, path: string): Response => c.redirect(path, 303);

const loginForm = (next: string, failure: string | null) => ({
  title: 'Sign in',
  session: null,
  body: html`
${failure === null ? '' : html`<p role="alert" id="failure">${failure}</p>`}
<form method="post" action="/login">
<input type="hidden" name="next" value="${next}">
<label for="key">API key</label>
<input type="password" id="key" name="key" autocomplete="current-password" required autofocus
  aria-describedby="${failure === null ? 'hint' : 'failure hint'}">
<p id="hint">The first key of this server is in the file <code>token</code> of its data folder.</p>
<button>Sign in</button>
</form>`,
});

/** Where to go on this server after signing in: whatever leads elsewhere leads home. */
export function localPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/') || next.length > 512) return HOME;
  const base = 'http://here.invalid';
  if (!URL.canParse(next, base)) return HOME;
  const { origin, pathname, search } = new URL(next, base);
  return origin === base ? pathname + search : HOME;
}
