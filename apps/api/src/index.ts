export { AuditTrail, type AuditTrailOptions } from './audit-trail.ts';
export type { Api, ApiOptions, RequestLog } from './create-api.ts';
export { createApi } from './create-api.ts';
export { hashToken, KeyRing } from './key-ring.ts';
export type { ProblemAnswer } from './problem.ts';
export { ApiError, problemOf } from './problem.ts';
export { requestFields } from './request-scope.ts';
export { newToken } from './routes/key-routes.ts';
export type { ApiServices } from './services.ts';
