import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createPackage } from './create-package.ts';
import { parseFloor } from './floor-row.ts';

const USAGE = 'Usage: pnpm create-package NAME [--floor N] [--description "One sentence."]';

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { floor: { type: 'string' }, description: { type: 'string' } },
  });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) throw new Error('One name is needed.');
  const root = resolve(import.meta.dirname, '../../..');
  const directory = createPackage({
    root,
    name,
    ...(values.floor === undefined ? {} : { floor: parseFloor(values.floor) }),
    ...(values.description === undefined ? {} : { description: values.description }),
  });
  console.log(
    `Made ${relative(root, directory)}. Next: pnpm install, then pnpm --filter @boxyard/${name} test.`,
  );
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 1;
}
