// What went wrong, in the words of the page, by error code.

import { has, t } from "./i18n.js";

// problemWords looks for words of the page's own first, then for those that all
// pages share; an unknown code is told in the server's words.
export function problemWords(section, { code, detail, wait }, values = {}) {
  const key = [`${section}.problems.${code}`, `shared.problems.${code}`].find(has);
  if (!key) return detail || t("shared.problems.other");
  return t(key, { ...values, n: values.n ?? Math.ceil((wait || 5000) / 1000) });
}
