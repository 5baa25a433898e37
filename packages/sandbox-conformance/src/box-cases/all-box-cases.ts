import type { BoxCase } from '../case/box-case.ts';
import { ARCHIVES_CASES } from './archives-cases.ts';
import { ATTACH_CASES } from './attach-cases.ts';
import { BAD_ARCHIVES_CASES } from './bad-archives-cases.ts';
import { CANCEL_CASES } from './cancel-cases.ts';
import { CLOSE_CASES } from './close-cases.ts';
import { CONFINEMENT_CASES } from './confinement-cases.ts';
import { DEADLINE_CASES } from './deadline-cases.ts';
import { EXEC_CASES } from './exec-cases.ts';
import { FILE_TREE_CASES } from './file-tree-cases.ts';
import { FILE_VERSIONS_CASES } from './file-versions-cases.ts';
import { FILES_CASES } from './files-cases.ts';
import { KILL_CASES } from './kill-cases.ts';
import { OUTPUT_CASES } from './output-cases.ts';
import { PORTS_CASES } from './ports-cases.ts';
import { SPAWN_CASES } from './spawn-cases.ts';
import { STDIN_CASES } from './stdin-cases.ts';
import { TERMINAL_CASES } from './terminal-cases.ts';
import { WATCH_CASES } from './watch-cases.ts';

/** Every case of `describeBox`, in the order in which they run. */
export const BOX_CASES: readonly BoxCase[] = [
  ...EXEC_CASES,
  ...OUTPUT_CASES,
  ...SPAWN_CASES,
  ...STDIN_CASES,
  ...KILL_CASES,
  ...ATTACH_CASES,
  ...DEADLINE_CASES,
  ...CANCEL_CASES,
  ...FILES_CASES,
  ...FILE_VERSIONS_CASES,
  ...FILE_TREE_CASES,
  ...CONFINEMENT_CASES,
  ...WATCH_CASES,
  ...ARCHIVES_CASES,
  ...BAD_ARCHIVES_CASES,
  ...TERMINAL_CASES,
  ...PORTS_CASES,
  ...CLOSE_CASES,
];
