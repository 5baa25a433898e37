/** One line of the table: ours beside something else, measured in turns within one run. */
export interface Measurement {
  readonly what: string;
  readonly ours: string;
  readonly beside: string;
  readonly ratio: string;
  readonly goal: string;
}

const ROUNDS = 5;

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
};

/** The median milliseconds of each contender; they take turns, so that a slow minute slows all of them. */
export async function inTurns<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<unknown>>>,
  repeats: number,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  // The first call of each warms caches and is not counted.
  for (const name of names) await contenders[name]();
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      for (let repeat = 0; repeat < repeats; repeat++) samples[name].push(await timed(contenders[name]));
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples[name])])) as Record<Name, number>;
}

export const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
export const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
export const times = (ours: number, beside: number): string => `${(ours / beside).toFixed(2)}×`;

export function markdownTable(rows: readonly Measurement[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['what', 'Boxyard', 'beside', 'ratio', 'goal']),
    line(['---', '---:', '---:', '---:', '---:']),
    ...rows.map((row) => line([row.what, row.ours, row.beside, row.ratio, row.goal])),
  ].join('\n');
}
