import type { ReactNode } from 'react';
import { CertificatesPage } from '../../../features/certificates/index.ts';

export default function Route(): ReactNode {
  return <CertificatesPage />;
}
