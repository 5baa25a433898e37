/// <reference path="./x11-library.d.ts" />
// Keys by the names that people and models write: those of X (`Return`, `Control_L`), those of browsers (`Enter`,
// `ArrowLeft`), and single characters.
import { SandboxError } from '@boxyard/sandbox-core';
import x11 from 'x11';

const ALIASES: Readonly<Record<string, string>> = {
  enter: 'Return',
  esc: 'Escape',
  del: 'Delete',
  ins: 'Insert',
  back: 'BackSpace',
  arrowleft: 'Left',
  arrowright: 'Right',
  arrowup: 'Up',
  arrowdown: 'Down',
  pageup: 'Prior',
  pagedown: 'Next',
  pgup: 'Prior',
  pgdn: 'Next',
  ctrl: 'Control_L',
  control: 'Control_L',
  shift: 'Shift_L',
  alt: 'Alt_L',
  option: 'Alt_L',
  altgraph: 'ISO_Level3_Shift',
  altgr: 'ISO_Level3_Shift',
  meta: 'Super_L',
  super: 'Super_L',
  cmd: 'Super_L',
  command: 'Super_L',
  win: 'Super_L',
  windows: 'Super_L',
  os: 'Super_L',
  capslock: 'Caps_Lock',
  numlock: 'Num_Lock',
  scrolllock: 'Scroll_Lock',
  printscreen: 'Print',
  contextmenu: 'Menu',
  spacebar: 'space',
};

/** Where keysyms of characters begin that have none of their own. */
const UNICODE_KEYSYMS = 0x0100_0000;
const KEYSYM_OF_CONTROL: Readonly<Record<string, number>> = {
  '\n': 0xff0d,
  '\r': 0xff0d,
  '\t': 0xff09,
  '\b': 0xff08,
};

/** The keysym of one character. @throws SandboxError `invalid` for a control character that no key writes. */
export function keysymOfCharacter(character: string): number {
  const control = KEYSYM_OF_CONTROL[character];
  if (control !== undefined) return control;
  const point = character.codePointAt(0) ?? 0;
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < 0x20 || (point >= 0x7f && point < 0xa0) || surrogate) {
    throw new SandboxError(
      'invalid',
      `No key writes the character U+${point.toString(16).padStart(4, '0').toUpperCase()}. Leave it out.`,
      { started: 'no' },
    );
  }
  return point < 0x100 ? point : UNICODE_KEYSYMS + point;
}

/** @param inChord Together with other keys `C` is the key, and no capital letter. @throws SandboxError `invalid` */
export function keysymOfName(name: string, inChord: boolean): number {
  if ([...name].length === 1) return keysymOfCharacter(inChord ? name.toLowerCase() : name);
  const lower = name.toLowerCase();
  const alias = ALIASES[lower];
  const keysym = x11.keySyms[`XK_${alias ?? name}`]?.code ?? keysymsByLowerName().get(lower);
  if (keysym !== undefined) return keysym;
  throw new SandboxError('invalid', `There is no key ${JSON.stringify(name)}. Name one as Enter, F5 or a.`, {
    started: 'no',
  });
}

/**
 * The keys of a chord such as `ctrl+shift+t`, in the order in which they are pressed.
 *
 * @throws SandboxError `invalid` for one that is unknown.
 */
export function keysymsOfChord(chord: string): readonly number[] {
  // A plus at the end, or alone, is the key itself.
  const plus = chord === '+' || chord.endsWith('++');
  const names = (plus ? chord.slice(0, -1).replace(/\+$/, '') : chord)
    .split('+')
    .filter((name) => name !== '');
  if (plus) names.push('+');
  if (names.length === 0) {
    throw new SandboxError('invalid', 'No key was named. Name one as Enter, F5 or a.', { started: 'no' });
  }
  return names.map((name) => keysymOfName(name, names.length > 1));
}

let byLowerName: Map<string, number> | undefined;

function keysymsByLowerName(): ReadonlyMap<string, number> {
  if (byLowerName === undefined) {
    byLowerName = new Map();
    for (const [name, { code }] of Object.entries(x11.keySyms)) {
      const lower = name.slice('XK_'.length).toLowerCase();
      if (!byLowerName.has(lower)) byLowerName.set(lower, code);
    }
  }
  return byLowerName;
}
