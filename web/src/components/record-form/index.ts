export { optionsOf } from './field.ts';
export { RecordForm } from './record-form.tsx';
export { RecordPanel } from './record-panel.tsx';
export type { Field, FormRecord, Option } from './field.ts';
