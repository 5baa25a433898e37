import { afterAll, expect, test } from 'vitest';
import { startOtlpReceiver } from './otlp-receiver.ts';
import { startSharedServer } from './shared-server.ts';

const SECRETS = {
  environment: 'canary-environment-61ab',
  stdin: 'canary-stdin-0f3e',
  commandEnvironment: 'canary-command-env-77d2',
  gitToken: 'canary-git-token-9c41',
  secretKey: 'canary-secret-key-of-32-characters-4d5e6f',
  metricsToken: 'canary-metrics-token-aa10',
  ptyInput: 'canary-typed-e19b',
} as const;

const sessions = '/v1/workspaces/default/sessions';
const log: string[] = [];

let stop: (() => Promise<void>) | undefined;
afterAll(() => stop?.());

test('no secret comes into the log at any level, the audit, the metrics, the traces or an error', async () => {
  const receiver = await startOtlpReceiver();
  const shared = await startSharedServer(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      BOXYARD_SECRET_KEY: SECRETS.secretKey,
      BOXYARD_METRICS_TOKEN: SECRETS.metricsToken,
    },
    (line) => log.push(line),
  );
  stop = shared.stop;
  const { client } = shared;
  const made = await client.json<{ id: string }>('POST', sessions, {
    body: { environment: { API_TOKEN: SECRETS.environment } },
  });
  const session = `${sessions}/${made.id}`;
  // The command's own text holds the secret too, as careless callers write it.
  await client.json('POST', `${session}/terminal/exec`, {
    body: {
      command: `cat; echo ${SECRETS.environment}; exit 1`,
      stdin: SECRETS.stdin,
      env: { OTHER: SECRETS.commandEnvironment },
    },
  });
  const pty = await client.json<{ ptyId: string }>('POST', `${session}/terminal/pty`, { body: {} });
  await client.json('POST', `${session}/terminal/pty/write`, {
    body: { ptyId: pty.ptyId, data: SECRETS.ptyInput },
  });
  const cloned = await client.json<{ id: string }>('POST', sessions, {
    body: { source: { git: { url: 'https://127.0.0.1:9/repository.git', token: SECRETS.gitToken } } },
  });
  const errors: unknown[] = [];
  const failing = async (path: string, body: object) =>
    client.json('POST', path, { body }).then(
      () => expect.unreachable(`${path} must fail`),
      (error: unknown) => errors.push({ ...(error as object), message: (error as Error).message }),
    );
  await failing(`${sessions}/${cloned.id}/terminal/exec`, { command: 'true' });
  await failing(sessions, { environment: { 'NOT A NAME': SECRETS.environment } });
  await failing(`${session}/terminal/exec`, {
    command: 'true',
    env: { 'NOT A NAME': SECRETS.commandEnvironment },
  });
  const key = await client.json<{ id: string; token: string }>('POST', '/v1/workspaces/default/keys', {
    body: { name: 'another', permissions: ['metrics:read'] },
  });
  const metrics = await (
    await fetch(new URL('/metrics', client.url), { headers: { authorization: `Bearer ${key.token}` } })
  ).text();
  const audit = await client.json('GET', '/v1/workspaces/default/audit?limit=200');
  await shared.stop();
  stop = undefined;

  expect(errors).toHaveLength(3);
  const told = {
    log: log.join(''),
    audit: JSON.stringify(audit),
    metrics,
    traces: receiver.text(),
    errors: JSON.stringify(errors),
  };
  for (const [where, text] of Object.entries(told)) {
    expect(text.length, where).toBeGreaterThan(100);
    const planted = { ...SECRETS, key: key.token, firstKey: shared.token };
    for (const [what, secret] of Object.entries(planted))
      expect(text.includes(secret), `${what} in the ${where}`).toBe(false);
  }
});
