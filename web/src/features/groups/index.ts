export { GroupForm } from './components/group-form.tsx';
export { GroupPage } from './components/group-page.tsx';
