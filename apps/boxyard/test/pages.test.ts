import type { AuditList, CreatedKey, EnrollmentList } from '@boxyard/contracts';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  collectCredentials,
  enrollMachine,
  livenessOf,
  runMachine,
  startEnrollment,
  WORKSPACE,
} from './enrolled-machine.ts';
import type { ApiClient } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

/** As a browser without scripts: keeps its cookie, follows nothing by itself, sends forms with its origin. */
class Browser {
  readonly #url: string;
  #cookie: string | null = null;
  /** The attributes of the cookie that it was last given. */
  cookieLine = '';

  constructor(url: string) {
    this.#url = url;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { method: 'GET', headers });
  }

  post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.#send(path, {
      method: 'POST',
      headers: { origin: this.#url, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  }

  async signIn(key: string): Promise<Response> {
    return this.post('/login', { key, next: '/machines' });
  }

  /** The token that is in the forms of this page. */
  async csrfOf(path: string): Promise<string> {
    const html = await (await this.get(path)).text();
    return /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? expect.fail('The page has no form of ours.');
  }

  async #send(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> {
    const headers = this.#cookie === null ? init.headers : { cookie: this.#cookie, ...init.headers };
    const response = await fetch(new URL(path, this.#url), { ...init, headers, redirect: 'manual' });
    const [given] = response.headers.getSetCookie();
    if (given !== undefined) {
      this.cookieLine = given;
      this.#cookie = given.split(';')[0]!;
    }
    return response;
  }
}

describe('pages for people', needs('nats-server'), () => {
  let shared: SharedServer;
  let client: ApiClient;
  beforeAll(async () => {
    shared = await startSharedServer({ BOXYARD_MACHINES: 'on', BOXYARD_MACHINES_NATS_PORT: '0' });
    ({ client } = shared);
  });
  afterAll(() => shared?.stop());

  const browser = () => new Browser(client.url);
  async function signedIn(key = shared.token): Promise<Browser> {
    const made = browser();
    expect((await made.signIn(key)).status).toBe(303);
    return made;
  }
  const text = async (response: Promise<Response>) => (await response).text();
  const newKey = (permissions: readonly string[], workspace = 'default') =>
    client.json<CreatedKey>('POST', `/v1/workspaces/${workspace}/keys`, {
      body: { name: 'a key', permissions },
    });
  const enrollments = async () =>
    (await client.json<EnrollmentList>('GET', `${WORKSPACE}/enrollments?limit=200`)).items;
  const audit = async (target: string) => {
    const { items } = await client.json<AuditList>('GET', `${WORKSPACE}/audit?limit=200`);
    return items
      .filter((entry) => entry.target === target)
      .map(({ action, outcome, detail }) => [action, outcome, detail.route]);
  };

  test('who is not signed in is sent to sign in and comes back to where they wanted to go', async () => {
    const visitor = browser();
    const sent = await visitor.get('/enroll?code=ABCD-EFGH');
    expect(sent.status).toBe(303);
    const login = sent.headers.get('location')!;
    expect(login).toBe(`/login?next=${encodeURIComponent('/enroll?code=ABCD-EFGH')}`);
    expect(await text(visitor.get(login))).toContain('value="/enroll?code=ABCD-EFGH"');
    const back = await visitor.post('/login', { key: shared.token, next: '/enroll?code=ABCD-EFGH' });
    expect([back.status, back.headers.get('location')]).toEqual([303, '/enroll?code=ABCD-EFGH']);
    expect(visitor.cookieLine).toMatch(
      /^boxyard_session=bys_[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
  });

  test.each([
    '//evil.example',
    'https://evil.example/x',
    '/\\evil.example',
    'javascript:alert(1)',
    '/\t/evil.example',
  ])('after signing in %j does not lead away', async (next) => {
    const back = await browser().post('/login', { key: shared.token, next });
    const location = back.headers.get('location')!;
    expect(new URL(location, client.url).origin).toBe(new URL(client.url).origin);
  });

  test('a wrong key is told on the page, without a cookie', async () => {
    const visitor = browser();
    const refused = await visitor.signIn('byk_wrong');
    expect(refused.status).toBe(401);
    expect(visitor.cookieLine).toBe('');
    expect(await refused.text()).toMatch(/role="alert"[^>]*>This key is unknown/);
  });

  test('a page runs no script, is framed by nobody, and names no other host', async () => {
    const signed = await signedIn();
    for (const path of ['/login', '/machines', '/enroll']) {
      const response = await signed.get(path);
      const html = await response.text();
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-/,
      );
      expect(response.headers.get('x-frame-options')).toBe('DENY');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(html).not.toMatch(/<script|onclick|https?:\/\//);
      expect(html).toMatch(/<html lang="en">/);
      expect(html.match(/<h1>/g)).toHaveLength(1);
      for (const [, id] of html.matchAll(/<label for="([^"]+)"/g)) expect(html).toContain(`id="${id}"`);
    }
  });

  test('a person sees who asks for what, as text and never as markup, and lets it in without its screen', async () => {
    const signed = await signedIn();
    const asking = await startEnrollment(client, '<b>evil</b> & "co"');
    const { userCode } = asking.started;
    const page = await text(signed.get(`/enroll?code=${userCode.toLowerCase()}`));
    expect(page).toContain('&lt;b&gt;evil&lt;/b&gt; &amp; &quot;co&quot;');
    expect(page).not.toContain('<b>evil');
    expect(page).toMatch(/SHA256:[A-Za-z0-9+/]{43}/);
    expect(page).toMatch(/run commands/);
    expect(page).toContain('name="allowScreenControl"');
    const csrf = await signed.csrfOf(`/enroll?code=${userCode}`);
    const done = await signed.post('/enroll', { csrf, code: userCode, decision: 'approve' });
    expect(await done.text()).toMatch(/is let in\s+without control/);
    const { agentId, consentedScreenControl } = await collectCredentials(client, asking);
    expect(consentedScreenControl).toBe(false);
    expect(await audit(agentId)).toEqual([['enrollment.approve', 'done', 'POST /enroll']]);
  });

  test('or with it, or not at all', async () => {
    const signed = await signedIn();
    const [trusted, stranger] = [await startEnrollment(client), await startEnrollment(client)];
    const csrf = await signed.csrfOf('/machines');
    const decide = (userCode: string, fields: Record<string, string>) =>
      signed.post('/enroll', { csrf, code: userCode, ...fields });
    await decide(trusted.started.userCode, { decision: 'approve', allowScreenControl: 'yes' });
    expect(await collectCredentials(client, trusted)).toMatchObject({ consentedScreenControl: true });
    const denied = await decide(stranger.started.userCode, { decision: 'deny' });
    expect(await denied.text()).toContain('was sent away');
    await expect(collectCredentials(client, stranger)).rejects.toThrow('denied');
    expect(await audit(stranger.started.userCode)).toEqual([['enrollment.deny', 'done', 'POST /enroll']]);
    const again = await decide(stranger.started.userCode, { decision: 'approve' });
    expect([again.status, await again.text()]).toEqual([409, expect.stringContaining('denied already')]);
  });

  test('a form of another site, or of another sign-in, changes nothing', async () => {
    const [signed, other] = [await signedIn(), await signedIn((await newKey(['enrollments:read'])).token)];
    const { userCode } = (await startEnrollment(client)).started;
    const csrf = await signed.csrfOf('/machines');
    const form = { csrf, code: userCode, decision: 'approve' };
    const before = (await enrollments()).length;
    const attempts = [
      signed.post('/enroll', form, { origin: 'https://evil.example' }),
      signed.post('/enroll', form, { origin: 'null' }),
      signed.post('/enroll', { ...form, csrf: '' }),
      signed.post('/enroll', { ...form, csrf: await other.csrfOf('/machines') }),
      signed.post('/enroll', { code: userCode, decision: 'approve' }),
    ];
    for (const attempt of attempts) expect((await attempt).status).toBe(403);
    expect((await browser().post('/enroll', form)).headers.get('location')).toMatch(/^\/login/);
    expect((await enrollments()).length).toBe(before);
  });

  test('the list shows what is there, and a machine is revoked after a question', async () => {
    const signed = await signedIn();
    const machine = await enrollMachine(client, 'a build server');
    const { agentId } = machine.credentials;
    const { connection, served } = await runMachine(client, machine);
    const list = await text(signed.get('/machines'));
    expect(list).toMatch(/a build server[\s\S]*?Online/);
    const path = `/machines/${agentId}/revoke?workspace=default`;
    expect(list).toContain(`href="${path}"`);
    const question = await signed.get(path);
    expect(await question.text()).toContain('Revoke a build server?');
    const done = await signed.post(path, { csrf: await signed.csrfOf(path) });
    expect(done.headers.get('location')).toBe('/machines?workspace=default');
    expect(String(await connection.closed())).toMatch(/revoked/i);
    await served.close();
    expect(await livenessOf(client, agentId)).toBeNull();
    expect(await text(signed.get('/machines'))).not.toContain('a build server');
    expect(await audit(agentId)).toContainEqual([
      'enrollment.revoke',
      'done',
      'POST /machines/:machineId/revoke',
    ]);
  });

  test('who may only look sees the list and decides nothing, which is written down', async () => {
    const reader = await newKey(['enrollments:read']);
    const looking = await signedIn(reader.token);
    expect((await looking.get('/machines')).status).toBe(200);
    const { userCode } = (await startEnrollment(client)).started;
    expect((await looking.get(`/enroll?code=${userCode}`)).status).toBe(403);
    const csrf = await looking.csrfOf('/machines');
    const tried = await looking.post('/enroll', { csrf, code: userCode, decision: 'approve' });
    expect(tried.status).toBe(403);
    const { items } = await client.json<AuditList>('GET', `${WORKSPACE}/audit?actor=${reader.id}`);
    expect(items.map(({ action, outcome }) => [action, outcome])).toContainEqual([
      'enrollment.approve',
      'denied',
    ]);
  });

  test('the key of another workspace finds neither the code nor the machines', async () => {
    await client.json('POST', '/v1/workspaces', { body: { slug: 'elsewhere' } });
    const { token } = await newKey(['enrollments:read', 'enrollments:manage'], 'elsewhere');
    const stranger = await signedIn(token);
    const { userCode } = (await startEnrollment(client)).started;
    expect((await stranger.get(`/enroll?code=${userCode}`)).status).toBe(404);
    expect((await stranger.get('/machines?workspace=default')).status).toBe(404);
    expect(await text(stranger.get('/machines'))).toContain('No machine is enrolled in elsewhere');
  });

  test('signing out, and revoking the key, end it', async () => {
    const { id, token } = await newKey(['enrollments:read']);
    const signed = await signedIn(token);
    await signed.post('/logout', { csrf: await signed.csrfOf('/machines') });
    expect((await signed.get('/machines')).status).toBe(303);
    const other = await signedIn(token);
    await client.json('DELETE', `${WORKSPACE}/keys/${id}`);
    await expect.poll(async () => (await other.get('/machines')).status, { timeout: 30_000 }).toBe(303);
  });

  test('who guesses keys is told to wait', async () => {
    const visitor = browser();
    const statuses = new Set<number>();
    for (let n = 0; n < 30; n++) statuses.add((await visitor.signIn(`byk_guess_${n}`)).status);
    expect([...statuses]).toEqual([401, 429]);
  });
});
