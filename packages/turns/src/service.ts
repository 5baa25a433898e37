export { TurnService, type TurnServiceOptions } from './turn-service.ts';
