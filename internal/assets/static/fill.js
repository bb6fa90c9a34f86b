// fill puts values in for {names}; a name without a value stays empty.
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
