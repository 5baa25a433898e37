const SCHEMAS = './generated/schemas.ts';
const GROUPS = './generated/route-groups.ts';

/**
 * The client's index with every generated name in it. The rest of it is written by hand: a star would publish
 * whatever is added to a file.
 */
export function renderFrontDoor(index: string, schemas: string, groups: string): string {
  const types = namesOf(schemas, /^export type (\w+) = components\[/gm);
  const classes = namesOf(groups, /^export class (\w+)/gm);
  return replaceExport(
    replaceExport(index, SCHEMAS, `export type { ${types} }`),
    GROUPS,
    `export { ${classes} }`,
  );
}

const namesOf = (text: string, declaration: RegExp): string =>
  [...text.matchAll(declaration)].map(([, name]) => name).join(', ');

function replaceExport(index: string, from: string, statement: string): string {
  const line = `${statement} from '${from}';\n`;
  const found = new RegExp(`^export (?:type )?\\{[^}]*\\} from '${from.replaceAll('.', '\\.')}';\\n`, 'm');
  if (!found.test(index))
    throw new Error(`The client's index exports nothing from ${from}: add a line for it.`);
  return index.replace(found, line);
}
