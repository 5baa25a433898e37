// Which X display is the screen of this machine, or why there is none that could be shown.
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AgentSettings } from './agent-settings.ts';

export type DisplayChoice =
  | { readonly display: string; readonly authorityFile: string }
  | { readonly unavailable: string };

/** @param platform As Node calls it. */
export function chooseDisplay(
  { display: named, displayAuthority }: Pick<AgentSettings, 'display' | 'displayAuthority'>,
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
): DisplayChoice {
  if (platform !== 'linux') {
    return { unavailable: 'only screens of X servers on Linux are shown, and this is another system' };
  }
  // Where the session is Wayland's, DISPLAY is a server beside it that knows only the windows of X programs.
  const wayland = (env.WAYLAND_DISPLAY ?? '') !== '' || env.XDG_SESSION_TYPE === 'wayland';
  if (named === undefined && wayland) {
    return {
      unavailable: 'this is a Wayland session, whose screen is not for programs; sign in to an X11 session',
    };
  }
  const display = named ?? env.DISPLAY ?? '';
  if (display === '') {
    return {
      unavailable: 'no display is named; set DISPLAY where the agent is started, or display in settings.json',
    };
  }
  const home = env.HOME ?? homedir();
  return { display, authorityFile: displayAuthority ?? env.XAUTHORITY ?? join(home, '.Xauthority') };
}
