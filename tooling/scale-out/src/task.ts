// What the agent of each session does with one message. It reacts: a command of which nobody knows whether it ran is
// looked after before it is repeated, as a careful model would.
import type { Script, ScriptedItem, ToolAnswer } from '@boxyard/scripted-model';

/** What a session's box holds after its first tasks. */
export interface TaskFiles {
  readonly journal: string;
  readonly result: (task: number) => string;
}

export const FILES = { journal: 'journal.txt', resultOf: (task: number) => `out/${task}.txt` } as const;
export const journalOf = (tasks: number): string =>
  Array.from({ length: tasks }, (_, index) => `${index + 1}\n`).join('');
export const resultOf = (task: number): string => `task ${task}\n`;
export const messageOf = (task: number): string => `task ${task}`;

/** Appends a line, writes a file by a patch, and says so. */
export function taskScript(commandSeconds: number): Script {
  return ({ userMessages, allToolAnswers }): readonly ScriptedItem[] => {
    const task = Number(/^task (\d+)$/.exec(userMessages.at(-1) ?? '')?.[1]);
    if (!Number.isInteger(task)) throw new Error(`No task: ${userMessages.at(-1)}`);
    const answers = new Map<string, ToolAnswer>(allToolAnswers.map((answer) => [answer.callId, answer]));
    const told = (step: string) => answers.get(`${task}-${step}`)?.text;
    const run = (step: string, cmd: string): readonly ScriptedItem[] => [
      {
        kind: 'call',
        name: 'exec_command',
        callId: `${task}-${step}`,
        arguments: { cmd, yield_time_ms: 60_000 },
      },
    ];

    const append = told('append');
    if (append === undefined)
      return run('append', `echo ${task} >> ${FILES.journal}; sleep ${commandSeconds}; echo appended`);
    if (!/exited with code 0/.test(append) && told('append-again') === undefined)
      return run(
        'append-again',
        `sleep ${commandSeconds}; grep -qx ${task} ${FILES.journal} || echo ${task} >> ${FILES.journal}`,
      );

    const file = FILES.resultOf(task);
    const patch = told('patch');
    if (patch === undefined)
      return [
        {
          kind: 'patch',
          callId: `${task}-patch`,
          operation: { type: 'create_file', path: file, diff: `+task ${task}\n` },
        },
      ];
    if (told('check') === undefined)
      return run(
        'check',
        `mkdir -p out; [ "$(cat ${file})" = "task ${task}" ] || echo "task ${task}" > ${file}`,
      );
    return [{ kind: 'text', text: `Task ${task} is done.` }];
  };
}
