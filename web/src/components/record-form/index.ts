export { RecordForm } from './record-form.tsx';
export type { Field, FormRecord, Option } from './field.ts';
