import { BACKENDS } from '@boxyard/contracts';
import { type SettingProblem, SettingsError } from './settings-error.ts';
import { SETTINGS, type Setting, type SettingKey, type Settings } from './settings-table.ts';

/** Variables by name, as in `process.env`. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

const table = Object.entries(SETTINGS) as [SettingKey, Setting][];

/**
 * Reads and checks every setting. An empty variable counts as absent.
 *
 * @throws SettingsError that names every wrong variable and what to write.
 */
export function loadSettings(env: EnvironmentVariables): Settings {
  const problems: SettingProblem[] = [];
  const values = Object.fromEntries(
    table.map(([key, setting]) => [key, readSetting(setting, env[setting.name], problems)]),
  );
  if (problems.length > 0) throw new SettingsError(problems);
  // Built from the same table, each value by its own schema: that is what the type says.
  const settings = values as Settings;
  const contradictions = heartbeatProblems(settings);
  if (contradictions.length > 0) throw new SettingsError(contradictions);
  return Object.freeze(settings);
}

function readSetting(setting: Setting, given: string | undefined, problems: SettingProblem[]): unknown {
  const text = given === undefined || given === '' ? setting.default : given;
  if (text === null) return null;
  const result = setting.schema.safeParse(text);
  if (result.success) return result.data;
  const shown = setting.secret ? 'its value cannot be used' : `${JSON.stringify(text)} cannot be used`;
  problems.push({ name: setting.name, message: `${shown}; ${result.error.issues[0]!.message}` });
  return null;
}

/** One lost heartbeat must not end a holder that lives. */
function heartbeatProblems(settings: Settings): SettingProblem[] {
  return (['request', 'turn', 'process', 'viewer'] as const).flatMap((kind) => {
    const heartbeatMs = settings[`${kind}HeartbeatMs`];
    const ttlMs = settings[`${kind}TtlMs`];
    if (ttlMs >= 2 * heartbeatMs) return [];
    const { name } = SETTINGS[`${kind}TtlMs`];
    const beat = SETTINGS[`${kind}HeartbeatMs`].name;
    return [{ name, message: `${ttlMs} is too short; write at least ${2 * heartbeatMs}, twice ${beat}` }];
  });
}

/** Set by us inside every box, where a command line of ours may run too. */
const IN_BOX = ['BOXYARD_OP', 'BOXYARD_BOX', 'BOXYARD_WORKSPACE', 'BOXYARD_KEEP'];

const names = new Set<string>([...table.map(([, { name }]) => name), ...IN_BOX]);
const providerPrefixes = BACKENDS.map((backend) => `BOXYARD_${backend.toUpperCase()}_`);

/** Variables that look like settings and are none, to be warned about: most often a name that was misspelt. */
export function unknownVariables(env: EnvironmentVariables): readonly string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('BOXYARD_') && !names.has(name))
    .filter((name) => !providerPrefixes.some((prefix) => name.startsWith(prefix)))
    .sort();
}
