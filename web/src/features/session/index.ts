export { ClaimPage } from './components/claim-page.tsx';
export { LoginPage } from './components/login-page.tsx';
export { logOut } from './log-out.ts';
export { SessionGate } from './components/session-gate.tsx';
export { useSession } from './hooks/use-session.tsx';
