import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'vitest';
import { BOX_AREAS, BOX_CASES, PROVIDER_CASES, SDK_CASES } from '../src/index.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const EXPECTED = [
  ...range(2, 4),
  ...range(8, 17),
  ...range(24, 29),
  37,
  ...range(39, 46),
  ...range(55, 65),
  ...range(67, 69),
];

describe('SDK_CASES', () => {
  test('every number that concerns a box is shown by at least one case', () => {
    assert.deepEqual(
      SDK_CASES.map((one) => one.number),
      EXPECTED,
    );
    for (const { number, cases } of SDK_CASES) assert.ok(cases.length > 0, `nothing shows ${number}`);
  });

  test('no case claims another number', () => {
    for (const { id, sdk = [] } of [...BOX_CASES, ...PROVIDER_CASES]) {
      for (const number of sdk) assert.ok(EXPECTED.includes(number), `${id} claims ${number}`);
    }
  });

  test('ids are unique, and every area has cases', () => {
    const ids = BOX_CASES.map((one) => one.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(new Set(PROVIDER_CASES.map((one) => one.id)).size, PROVIDER_CASES.length);
    for (const area of BOX_AREAS)
      assert.ok(
        BOX_CASES.some((one) => one.area === area),
        area,
      );
  });

  test('the README has the table as it is', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    for (const { number, meaning, cases } of SDK_CASES) {
      const row = `| ${number} | ${meaning} | ${cases.map((id) => `\`${id}\``).join(', ')} |`;
      assert.ok(readme.includes(row), `the README lacks the row\n${row}`);
    }
  });
});
