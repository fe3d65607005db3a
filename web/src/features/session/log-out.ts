import { api, forgetAnswers } from '../../components/api.ts';

/** Ends the session and goes to the login page. */
export async function logOut(): Promise<void> {
  await api().account.logout();
  forgetAnswers();
  location.assign('/login');
}
