// What the wire says of pointer and keys, done on a screen.
import {
  type DesktopInputRequest,
  KeyAction,
  PointerAction,
  PointerButton,
} from '@boxyard/agent-proto/messages';
import type { X11Desktop } from '@boxyard/desktop-x11';
import { SandboxError } from '@boxyard/sandbox-core';

type InputEvent = DesktopInputRequest['event'];
type EventOf<Case extends InputEvent['case']> = Extract<InputEvent, { case: Case }>['value'];

const BUTTONS: Readonly<Partial<Record<PointerButton, 'left' | 'middle' | 'right'>>> = {
  // Who names none means the first one.
  [PointerButton.UNSPECIFIED]: 'left',
  [PointerButton.LEFT]: 'left',
  [PointerButton.MIDDLE]: 'middle',
  [PointerButton.RIGHT]: 'right',
};

/** @throws SandboxError `invalid` for an event that says nothing; else as X11Desktop does. */
export function performInput(desktop: X11Desktop, event: InputEvent, signal: AbortSignal): Promise<void> {
  switch (event.case) {
    case 'pointer':
      return point(desktop, event.value, signal);
    case 'key':
      return press(desktop, event.value, signal);
    case 'scroll': {
      const { x, y, deltaX, deltaY } = event.value;
      return desktop.scroll({ x, y }, { deltaX, deltaY }, { signal });
    }
    default:
      return Promise.reject(unknown('An input event of an unknown kind'));
  }
}

function point(
  desktop: X11Desktop,
  { x, y, action, button: number }: EventOf<'pointer'>,
  signal: AbortSignal,
): Promise<void> {
  const place = { x, y };
  const button = BUTTONS[number];
  if (button === undefined) return Promise.reject(unknown(`The button ${number}`));
  switch (action) {
    case PointerAction.MOVE:
      return desktop.movePointer(place, { signal });
    case PointerAction.DOWN:
      return desktop.holdButton(place, button, { signal });
    case PointerAction.UP:
      return desktop.releaseButton(place, button, { signal });
    case PointerAction.CLICK:
      return desktop.click(place, { button }, { signal });
    case PointerAction.DOUBLE_CLICK:
      return desktop.click(place, { button, times: 2 }, { signal });
    default:
      return Promise.reject(unknown(`The action ${action} of the pointer`));
  }
}

/** Text is typed, whatever the action; a key without one is pressed and released. */
function press(
  desktop: X11Desktop,
  { key, isText, action }: EventOf<'key'>,
  signal: AbortSignal,
): Promise<void> {
  if (isText) return desktop.type(key, { signal });
  switch (action) {
    case KeyAction.UNSPECIFIED:
    case KeyAction.PRESS:
      return desktop.pressKeys(key, { signal });
    case KeyAction.DOWN:
      return desktop.holdKeys(key, { signal });
    case KeyAction.UP:
      return desktop.releaseKeys(key, { signal });
    default:
      return Promise.reject(unknown(`The action ${action} of a key`));
  }
}

const unknown = (what: string) =>
  new SandboxError('invalid', `${what} is not known here. Update the agent of the machine.`, {
    started: 'no',
  });
