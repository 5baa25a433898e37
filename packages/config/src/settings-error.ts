/** One variable and what is wrong with it. Holds no value of a secret. */
export interface SettingProblem {
  readonly name: string;
  /** What is there, and what to write instead. */
  readonly message: string;
}

/** Everything that is wrong with the settings, so that a person mends it in one go. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(({ name, message }) => `  ${name}: ${message}`);
    super(`The settings are not right. Change these variables and start again:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}
