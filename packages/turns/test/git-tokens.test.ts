// A token that is replaced while the agent works: git has it, and nobody reads it anywhere.
import { rm } from 'node:fs/promises';
import type { Script } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { startGitServer } from './git-server.ts';
import { openStage, terminalOf } from './turns-stage.ts';

const OLD = 'canary-of-the-old-token-1234';
const NEW = 'canary-of-the-new-token-5678';
const exec = (cmd: string, callId: string) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 300_000 }, callId }) as const;
const COMMIT = 'git -c user.name=t -c user.email=t@t commit -q --allow-empty -m';
const PUSH = 'git push -q origin HEAD:main && echo pushed';
/** Everywhere a program would look for secrets, and the very file that holds them. */
const LOOK = [
  "env; tr '\\0' '\\n' </proc/self/environ; git config -l; git remote -v",
  "file=$(git config credential.helper | sed 's/.*--file=//')",
  'stat -c %a "$file"; cat "$file"; grep -rlF canary-of-the . || echo no file',
].join('; ');

describe('tokens of git', needs('git'), () => {
  test('a token is replaced in the middle of a command, which pushes with the new one; no model, event or record holds either', async () => {
    const server = await startGitServer(OLD);
    const told = new Map<string, string>();
    const script: Script = ({ userMessages, allToolAnswers }) => {
      for (const { callId, text } of allToolAnswers) told.set(callId, text);
      if (userMessages.length === 2) {
        return told.has('again')
          ? [{ kind: 'text', text: 'Done.' }]
          : [exec(`${COMMIT} third && ${PUSH}`, 'again')];
      }
      const wait = 'while [ ! -e go ]; do sleep 0.05; done';
      const steps = [
        exec(
          `${COMMIT} second && ${PUSH}; touch begun; ${wait}; rm go begun; ${COMMIT} late && ${PUSH}`,
          'push',
        ),
        exec(LOOK, 'look'),
        {
          kind: 'patch',
          operation: { type: 'create_file', path: 'note', diff: '+x\n' },
          callId: 'note',
        } as const,
      ];
      return [steps.find(({ callId }) => !told.has(callId)) ?? { kind: 'text', text: 'Done.' }];
    };
    const stage = await openStage(script, {}, { source: { git: { url: server.url, token: OLD } } });
    await stage.worker();
    const { workspaceId, sessionId } = stage;
    const turnId = await stage.post('Push', { approvals: ['apply_patch'] });
    await eventually('the first push', async () => (await stage.file('begun')) !== null);
    server.accept(NEW);
    expect(await stage.sessions.replaceSourceToken(workspaceId, sessionId, NEW)).toEqual({ inBox: true });
    {
      const holder = { kind: 'request', id: 'test', subject: 'test' } as const;
      await using active = await stage.boxes.open(workspaceId, sessionId, holder);
      await active.box.files.write('go', new Uint8Array());
    }
    const waiting = await eventually('the patch that waits', async () => {
      const turn = await stage.turn(turnId);
      return turn.status === 'waiting' ? turn : null;
    });
    const states = await stage.store.sql`SELECT run_state FROM turns WHERE id = ${turnId}`;
    for (const { id: approvalId } of waiting.approvals) {
      await stage.turns.decide({ workspaceId, sessionId, approvalId }, { decision: 'approve' }, 'somebody');
    }
    expect((await stage.ended(turnId)).status).toBe('completed');
    terminalOf(await stage.events(), turnId);
    expect(told.get('push')).toMatch(/Output:\npushed\npushed\n$/);
    expect(await server.subjects()).toEqual(['late', 'second', 'first']);
    expect(told.get('look')).toMatch(/credential\.helper=store --file=/);
    expect(told.get('look')).toMatch(
      /\n600\nhttp:\/\/x-access-token:\[redacted\]@127\.0\.0\.1\S+\nno file\n$/,
    );

    // Another box has no file of the one before: it is given the token before anything runs there.
    const place = /--file=(\S+)\/git/.exec(told.get('look') ?? '')?.[1] ?? '';
    await stage.sessions.pause(workspaceId, sessionId, { force: true });
    await rm(place, { recursive: true });
    expect((await stage.ended(await stage.post('And again'))).status).toBe('completed');
    expect(told.get('again')).toMatch(/Output:\npushed\n$/);
    await rm(place, { recursive: true });

    const journal = await stage.store.turns.journal(sessionId);
    const all = JSON.stringify([await stage.events(), journal, states, [...told.values()], stage.troubles]);
    expect(JSON.stringify(states)).toContain('pushed');
    for (const token of [OLD, NEW]) expect(all).not.toContain(token);
  });

  test('a session without a source that takes a token has none replaced', async () => {
    const stage = await openStage(() => []);
    const { workspaceId, sessionId } = stage;
    const replacing = stage.sessions.replaceSourceToken(workspaceId, sessionId, NEW);
    await expect(replacing).rejects.toMatchObject({ code: 'invalid', started: 'no' });
  });
});
