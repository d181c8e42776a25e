// Elements of a page, and numbers as text.

/** Return an element. Attributes with a false value are left out; children are elements or text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made[name] = value;
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return a number as text with its sign; nothing for NaN, and no sign for what rounds to 0. */
export function signed(points, digits = 1) {
  if (Number.isNaN(points)) return "";
  const text = points.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : `${points > 0 ? "+" : ""}${text}`;
}

/** Return `1 point`, `-1 point`, `2 points`. n: a whole number. */
export const counted = (n, word) => `${n.toLocaleString("en")} ${word}${Math.abs(n) === 1 ? "" : "s"}`;
export const percent = (share) => `${Math.round(100 * share)} %`;
