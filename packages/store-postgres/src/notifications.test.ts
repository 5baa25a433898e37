import { describeBus } from '@boxyard/sandbox-conformance';
import { Notifications } from './notifications.ts';
import { openTestStore } from './testing.ts';

describeBus({
  name: 'PostgreSQL',
  make: async () => {
    const { connection, sql, close } = await openTestStore();
    return {
      connect: async () => new Notifications({ connection }),
      breakLinks: async () => {
        await sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND query ~* '^(listen|select pg_notify)' AND pid <> pg_backend_pid()
        `;
      },
      dispose: close,
    };
  },
});
