export { LogView } from './components/log-view.tsx';
