// The texts of a page in its language. The server puts them in by a script of
// its own before the page's; see internal/i18n for where they come from.

const messages = {};
let rules;

// learn adds messages: {key: message}.
export function learn(more) {
  Object.assign(messages, more);
}

export function has(key) {
  return Object.hasOwn(messages, key);
}

// t is the message of a key, with values for its {names}. A value that is not
// given stays empty; a key that does not exist is shown as it is.
export function t(key, values = {}) {
  return has(key) ? write(messages[key], values) : key;
}

function write(message, values) {
  if (typeof message === "string") return message;
  return message.map((part) => {
    if (typeof part === "string") return part;
    if (part.v) return apart(values[part.v] ?? "");
    return write(part.of["=" + values[part.p]] ?? part.of[form(values[part.p])] ?? part.of.other, values);
  }).join("");
}

// apart keeps a value from mixing with text that runs the other way, as <bdi>
// does where there are elements (Unicode FSI and PDI).
function apart(value) {
  return document.dir === "rtl" && value !== "" ? `\u2068${value}\u2069` : value;
}

function form(number) {
  rules ??= new Intl.PluralRules(document.documentElement.lang);
  return rules.select(Number(number));
}
