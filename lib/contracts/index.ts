/** The only vocabulary between processes: ids, tasks, frames, names. Zod only, no behaviour. */
export * from './ids.ts';
export * from './names.ts';
export * from './streams.ts';
export * from './tasks.ts';
export * from './source.ts';
export * from './examination.ts';
export * from './upload.ts';
export * from './operation.ts';
export * from './labels.ts';
export * from './run.ts';
export * from './container.ts';
export * from './webhook.ts';
export * from './settings.ts';
export * from './route-match.ts';
export * from './route.ts';
export * from './terminal.ts';
export * from './acme.ts';
