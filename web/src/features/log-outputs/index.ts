export { LogOutputsPage } from './components/log-outputs-page.tsx';
