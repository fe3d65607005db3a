export { AlertsPage } from './components/alerts-page.tsx';
export { ExplorePage } from './components/explore-page.tsx';
export { MessagesLink } from './components/messages-link.tsx';
export { MessagesPage } from './components/messages-page.tsx';
export { MetricsPanel } from './components/metrics-panel.tsx';
export { OwnMetrics } from './components/own-metrics.tsx';
