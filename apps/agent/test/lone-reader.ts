// A control plane's process of its own, to be killed: starts a command on a machine and passes on what it prints.
// Arguments: the terms of the machine, the id of the command, its script.
import { once } from 'node:events';
import { heardIn, type MachineTerms, openMachineOver } from './machine-link.ts';

const [given = '', id = '', script = ''] = process.argv.slice(2);
const terms = JSON.parse(given) as MachineTerms;
const box = openMachineOver({ user: terms, heard: heardIn(terms) });
const command = await box.spawn({ program: { script }, id });
for await (const event of command.output()) {
  if (event.kind === 'chunk' && !process.stdout.write(event.bytes)) await once(process.stdout, 'drain');
}
await box.close();
