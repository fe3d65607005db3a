import type { ReactNode } from 'react';
import { RegistriesPage } from '../../../features/registries/index.ts';

export default function Route(): ReactNode {
  return <RegistriesPage />;
}
