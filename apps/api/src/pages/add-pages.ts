import type { Hono } from 'hono';
import type { ApiEnvironment } from '../request-context.ts';
import { addEnrollPages } from './enroll-pages.ts';
import { addLoginPages } from './login-pages.ts';
import { addMachinePages } from './machine-pages.ts';
import { type PageServices, PageTable } from './page-context.ts';

/** The pages for people. They need no script, and are before the gate of the API: they have a cookie, not a key. */
export function addPages(app: Hono<ApiEnvironment>, services: PageServices): void {
  const pages = new PageTable(app, services);
  addLoginPages(pages);
  addEnrollPages(pages);
  addMachinePages(pages);
}
