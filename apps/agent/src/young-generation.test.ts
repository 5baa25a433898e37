import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** What the young generation has become after much has been kept alive for a while. */
const GROWING = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { keepYoungGenerationSmall } from ${JSON.stringify(new URL('young-generation.ts', import.meta.url).href)};
  if (process.argv[1] === 'small') keepYoungGenerationSmall();
  let kept = [];
  for (let count = 0; count < 2_000_000; count++) {
    kept.push({ count });
    if (kept.length > 100_000) kept = [];
  }
  console.log(getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size);
`;

test('keeps the young generation where it is, which would grow otherwise', async () => {
  const run = promisify(execFile);
  const sizeOf = async (which: string) =>
    Number((await run(process.execPath, ['--input-type=module', '--eval', GROWING, which])).stdout);
  const [small, usual] = [await sizeOf('small'), await sizeOf('usual')];
  expect(small).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(usual).toBeGreaterThan(small);
});
