/**
 * Replaces `${NAME}` and `${NAME:-default}` (for an absent or empty value) from the values; `$${` stands for a
 * plain `${`. A name that is unknown and has no default stays as it is written. Values are not expanded again.
 */
export function expandText(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (written: string, escaped: string | undefined, name: string, fallback: string | undefined) => {
      if (escaped) return written.slice(1);
      const value = values.get(name);
      return fallback === undefined ? (value ?? written) : value || fallback;
    },
  );
}
