/** The three things a newcomer wants to see: a real file, a real command, a real diff, all through the API. */
import type { BoxyardClient } from '@boxyard/client';

const SIGN: Record<string, string> = { add: '+', del: '-', context: ' ', meta: '\\' };

export async function runDemo(client: BoxyardClient, print: (line: string) => void): Promise<void> {
  const session = (await client.sessions.create({ name: 'demo', metadata: { made: 'demo' } })).keep();
  const exec = async (command: string) => {
    const answer = await session.exec(command);
    if (answer.exitCode !== 0) {
      throw new Error(`The demo's command ended with ${answer.exitCode}: ${answer.stderr.trim()}`);
    }
    return answer.stdout;
  };

  print('1. A file is written into the box');
  const written = await session.files.write({
    path: 'hello.sh',
    content: 'echo "Hello from $(uname -s)"\n',
  });
  print(`   ${written.path}: ${written.sizeBytes} bytes, revision ${written.revision}`);
  print(`   ${written.etag}`);

  print('2. A command runs in the box');
  print(`   $ sh hello.sh`);
  print(`   ${(await exec('sh hello.sh')).trim()}`);

  print('3. git says what changed since');
  await exec(
    'git init -q . && git add -A && ' +
      'git -c user.name=demo -c user.email=demo@localhost commit -q -m "A first greeting"',
  );
  await session.files.write({ path: 'hello.sh', content: 'echo "Hello again from $(uname -s)"\n' });
  const diff = await session.git.diff();
  for (const file of diff.files) {
    print(`   ${file.path}  +${file.additions} -${file.deletions}`);
    for (const line of file.hunks.flatMap((hunk) => hunk.lines)) {
      print(`   ${SIGN[line.type] ?? ' '}${line.text}`);
    }
  }
  print(`The box stays. Its session is ${session.id}.`);
}
