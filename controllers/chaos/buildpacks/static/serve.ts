/** Command of the web server's runtime: shows a folder; for a front end of one page, unknown paths get it too. */
export function serveFiles(folder: string, isSinglePage: boolean): readonly string[] {
  return ['/usr/local/bin/serve-static', folder, ...(isSinglePage ? ['single-page'] : [])];
}
