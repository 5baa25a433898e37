/** Of the host only what commands cannot do without, and nothing that may be a secret. */
const FROM_HOST = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'USER', 'LOGNAME'] as const;

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface BoxEnvironmentOptions {
  readonly workspace: string;
  /** Where what is written for this box alone is kept outside its workspace: it goes with the box. */
  readonly keep: string;
  /** Marks every process of the box; children inherit it, so that the whole tree is found again. */
  readonly mark: string;
  /** The box's own, pinned when it was created. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What every command of the box sees, its terminal's shell included. */
export function boxEnvironment({
  workspace,
  keep,
  mark,
  environment,
}: BoxEnvironmentOptions): Record<string, string> {
  const host = FROM_HOST.flatMap((name) => {
    const value = process.env[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return {
    PATH: DEFAULT_PATH,
    ...Object.fromEntries(host),
    HOME: workspace,
    ...environment,
    BOXYARD_WORKSPACE: workspace,
    BOXYARD_BOX: mark,
    BOXYARD_KEEP: keep,
  };
}
