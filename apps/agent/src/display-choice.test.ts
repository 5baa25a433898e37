import { expect, test } from 'vitest';
import { chooseDisplay } from './display-choice.ts';

const on = (platform: string, env: Record<string, string>, settings = {}) =>
  chooseDisplay(settings, { HOME: '/home/ada', ...env }, platform);

test('is the one of the environment, or the one that the settings name', () => {
  expect(on('linux', { DISPLAY: ':0' })).toEqual({ display: ':0', authorityFile: '/home/ada/.Xauthority' });
  expect(on('linux', { DISPLAY: ':0', XAUTHORITY: '/run/x' }, { display: ':7' })).toEqual({
    display: ':7',
    authorityFile: '/run/x',
  });
  const settings = { display: ':7', displayAuthority: '/srv/x' };
  expect(on('linux', { XAUTHORITY: '/run/x' }, settings)).toEqual({ display: ':7', authorityFile: '/srv/x' });
});

test('is none on another system, in a Wayland session and where none is named, and says why', () => {
  expect(on('darwin', { DISPLAY: ':0' })).toEqual({ unavailable: expect.stringContaining('on Linux') });
  for (const wayland of [{ WAYLAND_DISPLAY: 'wayland-0' }, { XDG_SESSION_TYPE: 'wayland' }]) {
    const env: Record<string, string> = { DISPLAY: ':0', ...wayland };
    expect(on('linux', env)).toEqual({ unavailable: expect.stringContaining('Wayland') });
    expect(on('linux', env, { display: ':7' })).toMatchObject({ display: ':7' });
  }
  expect(on('linux', {})).toEqual({ unavailable: expect.stringContaining('DISPLAY') });
});
