/** How a command shows what it found: for people a table, for programs JSON on one line. */
export type OutputFormat = 'table' | 'json';

export function printRows(
  format: OutputFormat,
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
): void {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const cells = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]!.length)));
  for (const line of cells) {
    process.stdout.write(
      `${line
        .map((value, index) => value.padEnd(widths[index]!))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

/** One value: for people its own line, for programs the whole object. */
export function printValue(
  format: OutputFormat,
  value: Readonly<Record<string, unknown>>,
  shown: string,
): void {
  process.stdout.write(format === 'json' ? `${JSON.stringify(value)}\n` : `${shown}\n`);
}

const cell = (value: unknown): string => {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};
