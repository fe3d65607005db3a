export { RegistriesPage } from './components/registries-page.tsx';
