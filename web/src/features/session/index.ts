export { ClaimPage } from './components/claim-page.tsx';
export { LoginPage } from './components/login-page.tsx';
export { SessionGate } from './components/session-gate.tsx';
export { useSession } from './hooks/use-session.tsx';
export type { Viewer } from './hooks/use-session.tsx';
