const keepMs = 60_000;

/** Hands a text to the browser as a file to be saved under the name. */
export function saveFile(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  // The browser reads it after the click, and some only once the viewer has said where it goes.
  setTimeout(() => URL.revokeObjectURL(url), keepMs);
}
