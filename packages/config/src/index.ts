export { renderConfigurationPage } from './configuration-page.ts';
export type { EnvironmentVariables } from './load-settings.ts';
export { loadSettings, unknownVariables } from './load-settings.ts';
export type { SettingProblem } from './settings-error.ts';
export { SettingsError } from './settings-error.ts';
export type { Setting, SettingGroup, SettingKey, Settings } from './settings-table.ts';
export { SETTING_GROUPS, SETTINGS } from './settings-table.ts';
