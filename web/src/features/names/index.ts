export { NamesPanel } from './components/names-panel.tsx';
