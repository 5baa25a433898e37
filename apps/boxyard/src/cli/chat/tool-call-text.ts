// How a tool call is shown to people: the command as it would be typed, a patch as a diff, anything else as it is.
import { oneLine, plainText } from './terminal-text.ts';

/** One line of a call or of its output. */
export interface ShownLine {
  readonly text: string;
  readonly kind: 'title' | 'plain' | 'added' | 'removed' | 'note';
}

const LONGEST_TITLE = 300;
/** Of a long output the beginning and the end are shown: what was run, and how it went. */
const FIRST_LINES = 10;
const LAST_LINES = 20;

const plain = (text: string): ShownLine => ({ text, kind: 'plain' });

/** What the model asked for. */
export function callLines(tool: string, given: string): readonly ShownLine[] {
  const asked = parseObject(given);
  if (typeof asked.cmd === 'string') {
    const [first = '', ...rest] = plainText(asked.cmd).trimEnd().split('\n');
    const where = tool === 'exec_command' ? '$' : `${tool} ${oneLine(String(asked.box ?? ''), 40)} $`;
    return [{ text: `${where} ${first}`, kind: 'title' }, ...rest.map((line) => plain(`  ${line}`))];
  }
  if (tool === 'apply_patch' && typeof asked.path === 'string') {
    const title = `${String(asked.type ?? tool).replaceAll('_', ' ')} ${oneLine(asked.path, LONGEST_TITLE)}`;
    return [{ text: title, kind: 'title' }, ...diffLines(typeof asked.diff === 'string' ? asked.diff : '')];
  }
  return [{ text: oneLine(`${tool} ${given}`, LONGEST_TITLE), kind: 'title' }];
}

/** What the tool said. Commands say how they went in lines before their output; these become one. */
export function outputLines(output: string, truncated: boolean): readonly ShownLine[] {
  const text = plainText(output).trimEnd();
  const at = text.search(/^Output:$/m);
  const report = at < 0 ? [] : text.slice(0, at).trimEnd().split('\n');
  const body = at < 0 ? text : text.slice(at + 'Output:\n'.length);
  const notes = report.filter((line) => line !== '' && !line.startsWith('Chunk ID'));
  return [
    ...shortened(body === '' ? [] : body.split('\n')),
    ...(truncated ? [note('… more was printed than is kept here')] : []),
    ...(notes.length === 0 ? [] : [note(notes.join(' · '))]),
  ];
}

const note = (text: string): ShownLine => ({ text, kind: 'note' });

function shortened(lines: readonly string[]): readonly ShownLine[] {
  if (lines.length <= FIRST_LINES + LAST_LINES) return lines.map(plain);
  return [
    ...lines.slice(0, FIRST_LINES).map(plain),
    note(`… ${lines.length - FIRST_LINES - LAST_LINES} more lines …`),
    ...lines.slice(-LAST_LINES).map(plain),
  ];
}

const diffLines = (diff: string): readonly ShownLine[] =>
  shortened(plainText(diff).trimEnd().split('\n')).map((line) =>
    line.kind !== 'plain'
      ? line
      : {
          text: line.text,
          kind: line.text.startsWith('+') ? 'added' : line.text.startsWith('-') ? 'removed' : 'plain',
        },
  );

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
