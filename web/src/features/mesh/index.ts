export { MeshPanel } from './components/mesh-panel.tsx';
