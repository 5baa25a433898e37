import { SETTING_GROUPS, SETTINGS, type Setting } from './settings-table.ts';

const INTRODUCTION = `# Configuration

<!-- Made from packages/config/src/settings-table.ts by \`pnpm run docs\`. Change it there. -->

Every setting is an environment variable. An empty one counts as absent. All wrong ones are told at once when the
server starts. Settings of a provider (\`BOXYARD_<BACKEND>_…\`) stand in that provider's README.`;

/** The page docs/configuration.md as it has to be. */
export function renderConfigurationPage(): string {
  const settings: Setting[] = Object.values(SETTINGS);
  const sections = SETTING_GROUPS.map((group) => {
    const rows = settings.filter((setting) => setting.group === group).map(row);
    return [`## ${group}`, '', '| variable | default | unit | meaning |', '|---|---|---|---|', ...rows].join(
      '\n',
    );
  });
  return `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
}

function row({ name, default: value, unit, description, secret }: Setting): string {
  const meaning = secret ? `${description} A secret: never logged.` : description;
  return `| \`${name}\` | ${value === null ? '–' : `\`${value}\``} | ${unit} | ${meaning.replaceAll('|', '\\|')} |`;
}
