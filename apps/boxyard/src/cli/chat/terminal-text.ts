import { stripVTControlCharacters, styleText } from 'node:util';

/** Tabs and line ends are text; all other controls could move the cursor, or pass for what a person typed. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** What a model, a command or a stranger said, without anything that a terminal would obey. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replaceAll(CONTROLS, '');
}

/** On one line, and no longer than this. */
export function oneLine(text: string, maxLength: number): string {
  const line = plainText(text).replaceAll(/\s+/g, ' ').trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

export type Style = 'dim' | 'bold' | 'red' | 'green' | 'yellow' | 'cyan';

/** Paints for one stream: not at all where it is no terminal, or where `NO_COLOR` is set. */
export type Paint = (style: Style, text: string) => string;

export const paintFor =
  (stream: NodeJS.WritableStream): Paint =>
  (style, text) =>
    text === '' ? '' : styleText(style, text, { stream, validateStream: true });
