import { SandboxError } from './sandbox-error.ts';

/** @throws SandboxError `invalid` for a size that no terminal of a box has; see `TerminalRequest`. */
export function checkTerminalSize(cols: number, rows: number): void {
  const fits = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (fits(cols, 500) && fits(rows, 300)) return;
  throw new SandboxError(
    'invalid',
    `A terminal of ${cols}×${rows} is not possible. Use 1–500 columns and 1–300 rows.`,
    { started: 'no' },
  );
}
