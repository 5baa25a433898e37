/** Every page, as `METHOD /path/:param`. They are for people: no client and no document of the API names them. */
export const PAGE_ROUTES = [
  'GET /login',
  'POST /login',
  'POST /logout',
  'GET /enroll',
  'POST /enroll',
  'GET /machines',
  'GET /machines/:machineId/revoke',
  'POST /machines/:machineId/revoke',
] as const;

export type PageRoute = (typeof PAGE_ROUTES)[number];
