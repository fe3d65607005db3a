export { LogView } from './components/log-view.tsx';
export type { LogViewProps } from './components/log-view.tsx';
