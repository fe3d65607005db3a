export { TerminalTab } from './components/terminal-tab.tsx';
