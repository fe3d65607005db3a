export { PluginsPage } from './components/plugins-page.tsx';
