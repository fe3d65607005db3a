/** Stack traces end in frames and version lines; the line that names an error tells more. */
export function tellingLine(lines: readonly string[]): string | undefined {
  return (
    lines.findLast(
      (line) => /error|exception|cannot|failed|fatal|panic/i.test(line) && !/^\s+at /.test(line),
    ) ?? lines.at(-1)
  );
}
