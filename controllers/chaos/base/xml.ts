import { AppError } from '@skyarc/lib/errors';

/** An element; text of its own is joined and trimmed. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface Open {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

const token =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<![^>]*>|<\/([^\s>]+)\s*>|<([^\s/>]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>|([^<]+)/g;
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const mostDepth = 100;

/** The root element of XML such as Maven's; attributes, namespaces and own entities are left out. Throws INVALID. */
export function parseXml(what: string, source: string): XmlElement {
  const root: Open = { name: '', text: '', children: [] };
  const open: Open[] = [root];
  for (const [, cdata, closed, opened, , isEmpty, text] of source.matchAll(token)) {
    const current = open.at(-1) as Open;
    if (cdata !== undefined) current.text += cdata;
    else if (text !== undefined)
      current.text += text.replace(/&(\w+);/g, (all, name: string) => entities[name] ?? all);
    else if (opened !== undefined) {
      const element: Open = { name: opened, text: '', children: [] };
      current.children.push(element);
      if (!isEmpty) open.push(element);
      if (open.length > mostDepth) throw new AppError('INVALID', `${what} is nested too deeply`);
    } else if (closed !== undefined) {
      if (open.length === 1 || closed !== current.name)
        throw new AppError('INVALID', `${what} is not valid XML: </${closed.slice(0, 60)}> has no beginning`);
      (current as { text: string }).text = current.text.trim();
      open.pop();
    }
  }
  const [first] = root.children;
  if (open.length !== 1 || !first)
    throw new AppError('INVALID', `${what} is not valid XML: it ends too early`);
  return first;
}

/** Elements at a path of names below an element. */
export function findAll(element: XmlElement, ...path: readonly string[]): XmlElement[] {
  return path.reduce<XmlElement[]>(
    (found, name) => found.flatMap(({ children }) => children.filter((child) => child.name === name)),
    [element],
  );
}

/** Text of the first element at a path, or undefined without one or when it is empty. */
export function textAt(element: XmlElement, ...path: readonly string[]): string | undefined {
  return findAll(element, ...path)[0]?.text.trim() || undefined;
}
