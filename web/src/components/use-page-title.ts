import { useEffect } from 'react';

const product = 'Skyarc';

/** Names the page in the browser's tab and history; the product alone while there is no name yet. */
export function usePageTitle(name: string | undefined): void {
  useEffect(() => {
    document.title = name ? `${name} · ${product}` : product;
  }, [name]);
}
