/** How the values of options are read, and the options that many commands have. */
import { InvalidArgumentError, Option } from 'commander';

export const integer = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('Write a whole number.');
  return value;
};

export const pair = (text: string, earlier: Record<string, string> = {}): Record<string, string> => {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write NAME=VALUE.');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
};

export const list = (text: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  ...text.split(','),
];

export const formatOption = () =>
  new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table');
export const workspaceOption = () =>
  new Option('-w, --workspace <workspace>', 'id or slug').default('default');
