export { QuotaPanel } from './components/quota-panel.tsx';
export { QuotasPanel } from './components/quotas-panel.tsx';
