export { NodesPanel } from './components/nodes-panel.tsx';
