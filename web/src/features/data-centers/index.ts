export { DataCentersPage } from './components/data-centers-page.tsx';
