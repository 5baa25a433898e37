import { expect, test } from 'vitest';
import { loadSettings, unknownVariables } from './load-settings.ts';
import { SettingsError } from './settings-error.ts';
import { SETTINGS, type Setting } from './settings-table.ts';

function errorOf(env: Record<string, string>): SettingsError {
  try {
    loadSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`);
}

test('without any variable the settings are the promised ones', () => {
  expect(loadSettings({})).toEqual({
    dataDir: '.boxyard',
    databaseUrl: null,
    natsUrl: null,
    host: '127.0.0.1',
    port: 7070,
    url: null,
    token: null,
    secretKey: null,
    metricsToken: null,
    logLevel: 'info',
    canaryIntervalMs: 0,
    shutdownGraceMs: 10_000,
    backend: 'local',
    idleGraceMs: 900_000,
    warmingTtlMs: 600_000,
    workerPort: null,
    terminatingTtlMs: 90_000,
    reaperPeriodMs: 30_000,
    captureIntervalMs: 60_000,
    cloudCaptureIntervalMs: 900_000,
    captureRetryMs: 60_000,
    destroyRetryMs: 30_000,
    lifetimeMarginMs: 120_000,
    requestHeartbeatMs: 30_000,
    requestTtlMs: 90_000,
    turnHeartbeatMs: 5_000,
    turnTtlMs: 20_000,
    processHeartbeatMs: 30_000,
    processTtlMs: 90_000,
    viewerHeartbeatMs: 45_000,
    viewerTtlMs: 90_000,
    requestLingerMs: 5_000,
    requestWaitMs: 30_000,
    bodyLimitBytes: 8_388_608,
    sseCommentMs: 15_000,
    credentialCacheMs: 5_000,
    idempotencyTtlMs: 86_400_000,
    eventRetentionMs: 2_592_000_000,
    auditRetentionMs: 31_536_000_000,
    usageRetentionMs: 34_560_000_000,
    opRetentionMs: 3_600_000,
    opSpoolBytes: 1_073_741_824,
    boxSpoolBytes: 1_073_741_824,
    opEventBytes: 1_048_576,
    formerArchives: 1,
    dockerSocket: null,
    dockerImage: 'boxyard/box:1',
    dockerImages: null,
    dockerNetwork: 'boxyard',
    dockerExtraNetwork: null,
    dockerCpu: 2,
    dockerMemoryMb: 4096,
    dockerPids: 1024,
    dockerDiskMb: 10_240,
    machines: 'off',
    publicUrl: null,
    machinesNatsUrl: null,
    machinesNatsAccount: null,
    machinesNatsSigningKey: null,
    machinesNatsPort: 4222,
    machinesNatsPublicUrls: null,
    machinesNatsTlsCert: null,
    machinesNatsTlsKey: null,
    machinesNatsPlain: 'off',
    relayUrl: null,
    machineJwtTtlMs: 300_000,
    modelBaseUrl: null,
    model: null,
    modelApiKey: null,
    modelProtocol: 'responses',
    modelTries: 5,
    modelSilenceMs: 300_000,
    skillsDir: null,
    turnConcurrency: 8,
    turnModelCalls: 200,
    turnBudgetMs: 3_600_000,
    relayHost: '127.0.0.1',
    relayPort: 7072,
    relaySecret: null,
  });
});

test('every variable is read and typed', () => {
  expect(
    loadSettings({
      BOXYARD_DATA_DIR: '/srv/box yard',
      BOXYARD_DATABASE_URL: 'postgres://u:p@db:5432/boxyard',
      BOXYARD_HOST: '::1',
      BOXYARD_PORT: '0',
      BOXYARD_URL: 'http://127.0.0.1:7070',
      BOXYARD_TOKEN: 'preset-token',
      BOXYARD_SECRET_KEY: 'x'.repeat(32),
      BOXYARD_LOG_LEVEL: 'debug',
      BOXYARD_BACKEND: 'docker',
      BOXYARD_IDLE_GRACE_MS: '3000',
    }),
  ).toMatchObject({
    dataDir: '/srv/box yard',
    databaseUrl: 'postgres://u:p@db:5432/boxyard',
    host: '::1',
    port: 0,
    url: 'http://127.0.0.1:7070',
    token: 'preset-token',
    secretKey: 'x'.repeat(32),
    logLevel: 'debug',
    backend: 'docker',
    idleGraceMs: 3000,
  });
});

test('an empty variable counts as absent', () => {
  expect(loadSettings({ BOXYARD_PORT: '', BOXYARD_TOKEN: '' })).toMatchObject({ port: 7070, token: null });
});

test('all that is wrong is told at once, by name and with what to write', () => {
  const error = errorOf({ BOXYARD_PORT: 'high', BOXYARD_BACKEND: 'cloud', BOXYARD_IDLE_GRACE_MS: '30s' });
  expect(error.problems.map(({ name }) => name)).toEqual([
    'BOXYARD_PORT',
    'BOXYARD_BACKEND',
    'BOXYARD_IDLE_GRACE_MS',
  ]);
  expect(error.message).toContain(
    'BOXYARD_PORT: "high" cannot be used; write a whole number from 0 to 65535',
  );
  expect(error.message).toContain(
    'BOXYARD_BACKEND: "cloud" cannot be used; write one of docker, modal, local',
  );
  expect(error.message).toContain('BOXYARD_IDLE_GRACE_MS: "30s" cannot be used; write a whole number from 0');
});

test('a wrong secret is named and never shown', () => {
  const error = errorOf({
    BOXYARD_TOKEN: 'canary one',
    BOXYARD_SECRET_KEY: 'canary-short',
    BOXYARD_DATABASE_URL: 'mysql://canary@db/x',
  });
  expect(error.problems).toHaveLength(3);
  expect(error.message).not.toContain('canary');
  expect(error.message).toContain(
    'BOXYARD_SECRET_KEY: its value cannot be used; write at least 32 characters',
  );
});

test.each([
  ['BOXYARD_PORT', ['-1', '65536', '7070.5', '1e3', '0x10', ' 7070', '07070', '٣']],
  ['BOXYARD_HOST', ['http://x', 'a b', '-x', 'x:80', ' ']],
  ['BOXYARD_URL', ['127.0.0.1:7070', 'ftp://x', 'http://', 'nonsense']],
  ['BOXYARD_DATABASE_URL', ['db', 'http://db/x', 'postgres:']],
  ['BOXYARD_TOKEN', ['short', 'with blank in it', 'ümlaut-token', 'line\nbreak-token']],
  ['BOXYARD_LOG_LEVEL', ['INFO', 'verbose']],
  ['BOXYARD_WARMING_TTL_MS', ['0', '2147483648', '-5', 'ten']],
  ['BOXYARD_BODY_LIMIT_BYTES', ['0', '8MiB']],
  ['BOXYARD_DATA_DIR', ['a\0b']],
] as const)('%s refuses what makes no sense', (name, texts) => {
  for (const text of texts) {
    expect(errorOf({ [name]: text }).problems, text).toMatchObject([{ name }]);
  }
});

test.each(['localhost', '0.0.0.0', '::', '::1', 'box-1.example.com', '192.168.0.10'])(
  '%s can be listened on',
  (host) => {
    expect(loadSettings({ BOXYARD_HOST: host }).host).toBe(host);
  },
);

test('a database reached through a socket has no host', () => {
  const address = 'postgres:///boxyard?host=/run/postgresql';
  expect(loadSettings({ BOXYARD_DATABASE_URL: address }).databaseUrl).toBe(address);
});

test.each(['REQUEST', 'TURN', 'PROCESS', 'VIEWER'])('one lost heartbeat of a %s cannot end it', (kind) => {
  const times = (heartbeat: string, ttl: string) => ({
    [`BOXYARD_${kind}_HEARTBEAT_MS`]: heartbeat,
    [`BOXYARD_${kind}_TTL_MS`]: ttl,
  });
  expect(() => loadSettings(times('100', '200'))).not.toThrow();
  const error = errorOf(times('100', '199'));
  expect(error.problems).toMatchObject([{ name: `BOXYARD_${kind}_TTL_MS` }]);
  expect(error.message).toContain('write at least 200');
});

test('the loaded settings cannot be changed by accident', () => {
  expect(Object.isFrozen(loadSettings({}))).toBe(true);
});

test('no two settings share a variable, and each default passes its own check', () => {
  const settings: Setting[] = Object.values(SETTINGS);
  expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length);
  for (const setting of settings) {
    if (setting.default !== null) expect(setting.schema.safeParse(setting.default).success).toBe(true);
    expect(setting.name.endsWith('_MS'), setting.name).toBe(setting.unit === 'ms');
    expect(setting.name.endsWith('_BYTES'), setting.name).toBe(setting.unit === 'bytes');
  }
});

test('a misspelt variable is noticed; those of providers and of boxes are not', () => {
  const env = {
    BOXYARD_PORT: '1',
    BOXYARD_PROT: '2',
    BOXYARD_MODAL_APP_NAME: 'x',
    BOXYARD_OP: 'y',
    HOME: '/',
    BOXYARD_IDLE_GRACE: '3',
  };
  expect(unknownVariables(env)).toEqual(['BOXYARD_IDLE_GRACE', 'BOXYARD_PROT']);
});
