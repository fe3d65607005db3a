export { Application, type ApplyOptions } from './application.ts';
export { trackUpdate, type Writer } from './track.ts';
