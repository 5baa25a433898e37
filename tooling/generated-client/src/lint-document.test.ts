import { expect, test } from 'vitest';
import { lintDocument } from './lint-document.ts';
import { parseDocument, readServedDocument } from './served-document.ts';

test('the served document has no error and no warning, and a broken one has', async () => {
  const served = await readServedDocument();
  expect(await lintDocument(served)).toEqual({ errors: 0, warnings: 0, findings: [] });

  const { paths, ...rest } = parseDocument(served);
  const [path, methods] = Object.entries(paths).find(([name]) => name.includes('{sid}'))!;
  const broken = { ...rest, paths: { [path.replace('{sid}', '{other}')]: methods } };
  const report = await lintDocument(JSON.stringify(broken));
  expect(report.errors).toBeGreaterThan(0);
  expect(report.findings.join('\n')).toContain('path-parameters-defined');
});
