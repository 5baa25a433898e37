import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyAction, PointerAction, PointerButton } from '@boxyard/agent-proto/messages';
import { openTestWindow } from '@boxyard/desktop-x11/testing';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { startXServer } from '@tooling/x-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enrollMachine, runAgent } from '../src/index.ts';
import { openTestMachine } from './agent-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

describe('the screen of a machine', needs('nats-server', 'xvfb'), () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane[Symbol.asyncDispose]());

  const offered = () => plane.hellos.at(-1)?.hello.capabilities;

  test('is seen and used by sessions where its owner and whoever let it in agree', async () => {
    await using server = await startXServer({ cookie: true });
    const { display, authorityFile } = server;
    const place = { x: 40, y: 30, width: 200, height: 100 };
    await using window = await openTestWindow({ display, authorityFile, ...place, color: 0x00ff00 });
    await using machine = await openTestMachine();
    const env = { DISPLAY: display, XAUTHORITY: authorityFile };
    const token = await plane.enrollmentToken({ allowScreenControl: true });
    const flags = ['--server', plane.url, '--token', token, '--screen', 'control'];
    const agent = machine.start(['up', ...flags], env);
    await eventually('it is connected', () => offered() !== undefined || agent.child.exitCode !== null);
    await eventually('its screen is announced', () => offered()?.desktop);
    expect(offered()).toMatchObject({
      desktopUnavailableReason: '',
      consentedScreenControl: true,
      display: { id: display, width: 800, height: 600 },
    });
    await using box = await plane.openMachine();
    const shot = await box.screen.screenshot();
    expect(shot).toMatchObject({ width: 800, height: 600, nativeWidth: 800, nativeHeight: 600 });
    expect(Buffer.from(shot.png).toString('latin1', 1, 4)).toBe('PNG');

    const [x, y] = [place.x + 10, place.y + 20];
    await box.screen.input({ case: 'pointer', value: { x, y, action: PointerAction.CLICK } });
    await box.screen.input({
      case: 'pointer',
      value: { x, y, action: PointerAction.DOUBLE_CLICK, button: PointerButton.RIGHT },
    });
    await box.screen.input({ case: 'scroll', value: { x, y, deltaY: 200 } });
    await box.screen.input({ case: 'key', value: { key: 'Hello, you!', isText: true } });
    await box.screen.input({ case: 'key', value: { key: 'Enter', action: KeyAction.PRESS } });
    await expect.poll(window.typed, { timeout: 30_000 }).toBe('Hello, you!\n');
    const pressed = window.inputs.flatMap((input) => (input.kind === 'button-down' ? [input.button] : []));
    expect(pressed).toEqual([1, 3, 3, 5, 5]);
    expect(window.inputs).toContainEqual({ kind: 'button-down', button: 1, x, y });
    await expect(box.screen.input({ case: 'pointer', value: { x, y } })).rejects.toMatchObject({
      code: 'invalid',
    });
    const outside = { x: 8000, y, action: PointerAction.MOVE };
    await expect(box.screen.input({ case: 'pointer', value: outside })).rejects.toMatchObject({
      code: 'invalid',
      started: 'no',
    });

    // The audit names what was asked, and never what was typed.
    const audit = await readFile(join(machine.folder, 'audit.jsonl'), 'utf8');
    expect(audit).toContain('desktopScreenshot');
    expect(audit).toContain('desktopInput');
    expect(audit).not.toContain('Hello');

    await server.kill();
    await expect(box.screen.screenshot()).rejects.toMatchObject({
      code: expect.stringMatching(/^(unsupported|unreachable)$/),
    });
    await eventually('the loss is announced', () => offered()?.desktop === false);
    expect(offered()?.desktopUnavailableReason).toContain(`${display} cannot be opened`);
    expect(offered()?.display).toBeUndefined();
    await server.start();
    expect(await box.screen.screenshot()).toMatchObject({ width: 800 });
    await eventually('it is announced again', () => offered()?.desktop === true);
    agent.child.kill('SIGTERM');
    expect(await agent.ended).toBe(0);
  });

  test('is only looked at where control was not allowed', async () => {
    await using server = await startXServer();
    const { display, authorityFile } = server;
    await using window = await openTestWindow({
      ...{ display, authorityFile, x: 0, y: 0, width: 50, height: 50 },
      color: 0xff,
    });
    await using machine = await openTestMachine();
    const { folder, home } = machine;
    const stop = new AbortController();
    const said: string[] = [];
    await enrollMachine({
      ...{ folder, server: plane.url, workspace: 'default', machineName: 'a desk', screen: 'control' },
      token: await plane.enrollmentToken({ allowScreenControl: false }),
      say: () => undefined,
      signal: stop.signal,
    });
    const before = plane.hellos.length;
    const running = runAgent({
      ...{ folder, settings: { screen: 'control' }, stop: stop.signal },
      env: { HOME: home, DISPLAY: display, XAUTHORITY: authorityFile },
      log: (line) => void said.push(line),
    });
    await using _running = {
      async [Symbol.asyncDispose]() {
        stop.abort();
        await running;
      },
    };
    await eventually('its screen is announced', () => plane.hellos.length > before && offered()?.desktop);
    expect(offered()?.consentedScreenControl).toBe(false);
    expect(said.join('\n')).toContain('can only be looked at');
    const click = { case: 'pointer', value: { x: 1, y: 1, action: PointerAction.CLICK } } as const;
    await using box = await plane.openMachine();
    expect(await box.screen.screenshot()).toMatchObject({ width: 800 });
    await expect(box.screen.input(click)).rejects.toMatchObject({ code: 'denied', started: 'no' });
    expect(window.inputs.filter(({ kind }) => kind === 'button-down')).toEqual([]);
  });
});
