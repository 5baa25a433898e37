/** Reads Prometheus' text format strictly, as a scraper does: whatever is not in its grammar is an error. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

export function parsePrometheusText(text: string): ReadonlyMap<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('The last line has no end.');
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  const seen = new Set<string>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line);
    if (comment) {
      const [, what, name, rest] = comment as unknown as [string, 'HELP' | 'TYPE', string, string];
      const family = families.get(name) ?? { type: '', help: '', samples: [] };
      const field = what === 'HELP' ? 'help' : 'type';
      if (family[field] !== '') throw new Error(`${what} of ${name} is told twice.`);
      if (family.samples.length > 0) throw new Error(`${what} of ${name} comes after its samples.`);
      family[field] = rest;
      families.set(name, family);
      continue;
    }
    if (line.startsWith('#')) continue;
    const sample = parseSample(line);
    const series = line.slice(0, line.lastIndexOf(' '));
    if (seen.has(series)) throw new Error(`The series ${series} is told twice.`);
    seen.add(series);
    familyOf(families, sample.name).samples.push(sample);
  }
  return families;
}

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (!match) throw new Error(`Not a sample: ${line}`);
  const [, name, labelText = '', number] = match as unknown as [string, string, string | undefined, string];
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const label = LABEL.exec(labelText);
    if (!label) throw new Error(`Not labels: ${labelText}`);
    labels[label[1]!] = label[2]!;
  }
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (Number.isNaN(value)) throw new Error(`Not a number: ${line}`);
  return { name, labels, value };
}

function familyOf<Family extends { readonly type: string }>(
  families: ReadonlyMap<string, Family>,
  name: string,
): Family {
  const histogram = families.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  const family = histogram?.type === 'histogram' ? histogram : families.get(name);
  if (!family) throw new Error(`The sample ${name} has no TYPE before it.`);
  return family;
}
