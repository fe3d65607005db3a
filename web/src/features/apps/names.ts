/** What the API takes as the name of an app. */
export const appNamePattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** `https://`, `http://`, `ssh://` or `git@host:path`, without blanks. */
export const gitUrlPattern = /^(?:(?:https?|ssh):\/\/[^\s/][^\s]*|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s]+)$/;

/** A name for an app of this repository; empty when none can be made. */
export function nameFromUrl(url: string): string {
  const last =
    url
      .replace(/[/\s]+$/, '')
      .replace(/\.git$/, '')
      .split(/[/:]/)
      .at(-1) ?? '';
  return last
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
}
