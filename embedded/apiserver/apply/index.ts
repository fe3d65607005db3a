export { Application } from './application.ts';
export { trackUpdate, type Writer } from './track.ts';
