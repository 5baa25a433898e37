import { FEATURES, type Feature } from './features.ts';
import type { ObservedBoxes } from './observe-boxes.ts';

const BLOCK = /(<!-- capabilities:start -->\n)[\s\S]*(<!-- capabilities:end -->)/;

/** One line for each feature; reasons stand below, where there is room for them. */
export function matrixTable(observed: readonly ObservedBoxes[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const reasons: string[] = [];
  const cell = (offer: true | string) => {
    if (offer === true) return 'yes';
    if (!reasons.includes(offer)) reasons.push(offer);
    return `– <sup>${reasons.indexOf(offer) + 1}</sup>`;
  };
  const rows = (Object.entries(FEATURES) as [Feature, string][]).map(([feature, title]) =>
    line([title, ...observed.map(({ offers }) => cell(offers[feature]))]),
  );
  return [
    line(['', ...observed.map(({ kind }) => kind)]),
    line(['---', ...observed.map(() => ':---:')]),
    ...rows,
    '',
    ...reasons.map((reason, index) => `<sup>${index + 1}</sup> ${reason}  `),
  ].join('\n');
}

/** @throws Error when the page has no place for the table. */
export function withMatrix(page: string, table: string): string {
  if (!BLOCK.test(page))
    throw new Error('The page has no capabilities marks. Add them where the table belongs.');
  return page.replace(BLOCK, (_, start: string, end: string) => `${start}${table}\n${end}`);
}
