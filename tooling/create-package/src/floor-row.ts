/** What a new package may import when nothing else is decided: the rooms below that every row of its floor has. */
const USUAL_IMPORTS: Readonly<Record<number, readonly string[]>> = {
  0: [],
  1: ['contracts'],
  2: ['sandbox-core'],
  3: ['sandbox-core', 'contracts'],
  4: ['sandbox-core', 'contracts'],
};

export function parseFloor(text: string): number {
  const floor = Number(text);
  if (USUAL_IMPORTS[floor] === undefined || text.trim() === '')
    throw new Error(
      `'${text}' is not a floor for a new package: use ${Object.keys(USUAL_IMPORTS).join(', ')}.`,
    );
  return floor;
}

/** The text of floors.ts with a row for the new package at the end of the table. */
export function withFloorRow(floorsSource: string, name: string, floor: number): string {
  const end = /(export const FLOORS[^=]*= \[\n[\s\S]*?\n)\];/;
  const imports = (USUAL_IMPORTS[floor] ?? []).map((imported) => `'${imported}'`).join(', ');
  const row = `  { name: '${name}', floor: ${floor}, mayImport: [${imports}] },\n`;
  if (!end.test(floorsSource))
    throw new Error('The table FLOORS was not found in floors.ts: add the row by hand.');
  return floorsSource.replace(end, (_, table: string) => `${table}${row}];`);
}
