import { requestFields } from '@boxyard/api';
import { createLogger as createPartsLogger, type Logger, type LoggerOptions } from '@boxyard/server-parts';

/** Lines that also tell for which request the work is done; on standard error unless told otherwise. */
export const createLogger = (level: string, destination?: LoggerOptions['destination']): Logger =>
  createPartsLogger({ level, destination, fields: requestFields });
