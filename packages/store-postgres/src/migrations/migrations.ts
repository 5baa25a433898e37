/** Every step of the schema, in order. A step that was released is never changed: the next one mends it. */
import sessions from './0001-sessions.ts';
import leases from './0002-leases.ts';
import activeBoxes from './0003-active-boxes.ts';
import audit from './0004-audit.ts';
import usage from './0005-usage.ts';
import terminals from './0006-terminals.ts';
import turns from './0007-turns.ts';
import opHosts from './0008-op-hosts.ts';
import formerArchives from './0009-former-archives.ts';
import usageIndex from './0010-usage-index.ts';
import turnTimes from './0011-turn-times.ts';
import machines from './0012-machines.ts';
import usageTrim from './0013-usage-trim.ts';
import modelUsage from './0014-model-usage.ts';
import turnJobs from './0015-turn-jobs.ts';
import turnJobExpiry from './0016-turn-job-expiry.ts';
import machineGroups from './0017-machine-groups.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'sessions', sql: sessions },
  { version: 2, name: 'leases', sql: leases },
  { version: 3, name: 'active-boxes', sql: activeBoxes },
  { version: 4, name: 'audit', sql: audit },
  { version: 5, name: 'usage', sql: usage },
  { version: 6, name: 'terminals', sql: terminals },
  { version: 7, name: 'turns', sql: turns },
  { version: 8, name: 'op-hosts', sql: opHosts },
  { version: 9, name: 'former-archives', sql: formerArchives },
  { version: 10, name: 'usage-index', sql: usageIndex },
  { version: 11, name: 'turn-times', sql: turnTimes },
  { version: 12, name: 'machines', sql: machines },
  { version: 13, name: 'usage-trim', sql: usageTrim },
  { version: 14, name: 'model-usage', sql: modelUsage },
  { version: 15, name: 'turn-jobs', sql: turnJobs },
  { version: 16, name: 'turn-job-expiry', sql: turnJobExpiry },
  { version: 17, name: 'machine-groups', sql: machineGroups },
];
